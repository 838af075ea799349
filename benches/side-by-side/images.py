#!/usr/bin/env python3
"""Builds the same Dockerfile without a daemon, and with a Docker Engine, one after the other in random order, round by round.

  images.py [--rounds 9] [--files 500] [--size 20000] [--work DIR]

Before each build one file of the context is written anew, so that each has a layer to make. Every tool leaves the image where it
keeps images; none pushes. `docker` is `docker build` (DOCKER_BUILDKIT=0, the builder that needs no plugin), `engine` is Lockgate
with `builder docker` on the same engine, `daemonless` is Lockgate alone. LOCKGATE names the program, `lockgate` unless said.
"""
import argparse, json, os, random, resource, shutil, statistics, subprocess, sys, tempfile, time

LOCKGATE = shutil.which(os.environ.get("LOCKGATE", "lockgate"))
DOCKERFILE = """FROM scratch
COPY lib /app/lib
COPY main /app/main
ENV PATH=/app
ENTRYPOINT ["/app/main"]
"""
PIPELINE = """lockgate 1
pipeline images {{
    source app {{
        folder "./app"
    }}
    build image {{
        context app
        builder {builder}
    }}
}}
"""


def lay_out(folder, files, size):
    os.makedirs(f"{folder}/app/lib")
    dice = random.Random(1)
    for n in range(files):
        # Half of it packs well, as programs do.
        body = dice.randbytes(size // 2) + b"the same again " * (size // 30)
        with open(f"{folder}/app/lib/{n}", "wb") as out:
            out.write(body)
    with open(f"{folder}/app/Dockerfile", "w") as out:
        out.write(DOCKERFILE)
    touch(folder, 0)


def touch(folder, round):
    with open(f"{folder}/app/main", "w") as out:
        out.write(f"#!/bin/sh\necho {round} {random.random()}\n")


def tools(work):
    def lockgate(builder):
        with open(f"{work}/{builder}/lockgate.kdl", "w") as out:
            out.write(PIPELINE.format(builder=builder))
        return [LOCKGATE, "apply", "--yes", f"{work}/{builder}"]

    return {
        "daemonless": lockgate("daemonless"),
        "engine": lockgate("docker"),
        "plain": ["docker", "build", "-q", "-t", "lockgate-bench/plain", f"{work}/plain/app"],
    }


def run(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "DOCKER_BUILDKIT": "0"} if command[0] == "docker" else None,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--work")
    a = parser.parse_args()
    work = a.work or tempfile.mkdtemp(prefix="images-")
    for name in ("daemonless", "docker", "plain"):
        lay_out(f"{work}/{name}", a.files, a.size)
    commands = tools(work)
    folders = {"daemonless": "daemonless", "engine": "docker", "plain": "plain"}
    times = {name: [] for name in commands}
    for round in range(a.rounds + 1):
        for name in random.sample(sorted(commands), len(commands)):
            touch(f"{work}/{folders[name]}", round)
            wall = run(commands[name])
            if round:  # the first is for what is made once
                times[name].append(wall)
    rows = {name: {"wall": statistics.median(w for w, _ in t), "cpu": statistics.median(c for _, c in t),
                   "rounds": len(t)} for name, t in times.items()}
    for name, row in rows.items():
        row["to docker build"] = round_to(row["wall"] / rows["plain"]["wall"])
    print(json.dumps(rows, indent=1))
    subprocess.run(["docker", "rmi", "-f", "lockgate-bench/plain"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not a.work:
        shutil.rmtree(work)


def round_to(value):
    return float(f"{value:.3g}")


if __name__ == "__main__":
    main()
