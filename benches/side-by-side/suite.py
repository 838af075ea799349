#!/usr/bin/env python3
"""Lays the same task graph out for Lockgate and its peers, and prints what measure.py is to run.

  PEERS=… suite.py --mode noop|look|touch|exec --shape layered -n 1000 --work DIR [--tools lockgate,ninja,make] > spec.json
  python3 $PEERS/bench/measure.py spec.json

noop   everything is built and has come to rest: `plan` beside the others' run that finds nothing to do
look   the same, but one file is touched before each run and holds what it held (the others run everything then)
touch  everything is built, then one input is written anew: `apply` beside the others' run
exec   every task runs /bin/true, from nothing: `apply` beside the others' run

PEERS holds gen/gen_dag.py (the graphs) and bench/measure.py (the clock). LOCKGATE names the program, `lockgate` unless said.
A tool is added with one row in `tools`.
"""
import argparse, json, os, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.environ.get("PEERS")
LOCKGATE = shutil.which(os.environ.get("LOCKGATE", "lockgate"))
LIMIT = {"LOCKGATE_MAX_FILE_BYTES": str(1 << 30)}  # a hundred thousand tasks are no file of a person's


def tools(a):
    """By name: the generator's form, what builds all, what is measured, what is wiped before, the environment, what is a success."""
    jobs, python = str(a.j), a.python or sys.executable
    apply = [LOCKGATE, "apply", "-j", jobs, "lockgate.kdl"]
    plan = [LOCKGATE, "plan", "lockgate.kdl"]
    ninja, make = ["ninja", "--quiet", "-j", jobs], ["make", "-s", "-j", jobs]
    return {
        "lockgate": ("json", apply, plan if a.mode in ("noop", "look") else apply, ".lockgate", LIMIT),
        "lockgate-plan": ("json", apply, plan, ".lockgate", LIMIT),
        "ninja": ("ninja", ninja, ninja, ".ninja_log .ninja_deps", {}),
        "make": ("make", make, make, "", {}),
        "dbos": ("dbos", [], [python, "dbos_dag.py"], "dbos.sqlite*", {}),
    }


def lay_out(a, form, folder):
    mode = "exec" if a.mode == "exec" else "incr"
    os.makedirs(folder, exist_ok=True)
    graph = ["--shape", a.shape, "-n", str(a.n), "--mode", mode, "--tools", form, "--out", folder]
    subprocess.run([sys.executable, f"{PEERS}/gen/gen_dag.py", *graph], check=True)
    if form == "json":
        with open(f"{folder}/lockgate.kdl", "w") as out:
            subprocess.run([sys.executable, f"{HERE}/to_kdl.py", f"{folder}/dag.json"], stdout=out, check=True)


def command(a, name):
    form, build, run, state, more = tools(a)[name]
    folder = os.path.join(a.work, f"{a.mode}-{a.shape}-{a.n}", name)
    lay_out(a, form, folder)
    env = {**os.environ, **more}
    if a.mode != "exec":
        subprocess.run(build, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    if a.mode in ("noop", "look"):
        time.sleep(3)  # what was touched less than two seconds before a look is read anew
        subprocess.run(run, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    before = {"noop": "true", "look": "touch src/0/0.in", "touch": "date +%s.%N >src/0/0.in", "exec": f"rm -rf {state}"}[a.mode]
    # A plan says with 2 that there are changes.
    good = [0, 2] if name == "lockgate-plan" else [0]
    return dict(name=name, cmd=run, cwd=folder, env=more, units=a.n, prepare=before, ok=good)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mode", choices=["noop", "look", "touch", "exec"], required=True)
    p.add_argument("--shape", default="layered")
    p.add_argument("-n", type=int, default=1000)
    p.add_argument("-j", type=int, default=4)
    p.add_argument("--tools", default="lockgate,ninja,make")
    p.add_argument("--work", required=True)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--python", help="the Python that has dbos")
    a = p.parse_args()
    if not PEERS or not LOCKGATE:
        sys.exit("PEERS must name the folder with gen/ and bench/, and LOCKGATE the program")
    a.work = os.path.abspath(a.work)
    commands = [command(a, name) for name in a.tools.split(",")]
    title = f"{a.mode} {a.shape} n={a.n} -j{a.j}"
    json.dump(dict(title=title, rounds=a.rounds, warmup=1 if a.n < 50000 else 0, timeout=900, commands=commands), sys.stdout)


if __name__ == "__main__":
    main()
