#!/usr/bin/env python3
"""A task graph in the neutral form (dag.json) as a pipeline file.

  to_kdl.py DAG_JSON > lockgate.kdl

The form is a list of {"id", "deps", "cmd"}; tasks that copy a file have "in" and "out" as well. A task with files reads its
own input and what its predecessors wrote; one without only waits for them.
"""
import json, shlex, sys

LINE = 12  # names on one line; who reads such a file has a screen


def text(word):
    return json.dumps(word)


def in_lines(keyword, words):
    for at in range(0, len(words), LINE):
        yield f"        {keyword} {' '.join(words[at:at + LINE])}\n"


def task(row):
    yield f"    task {row['id']} {{\n        in src\n"
    if "in" in row:
        yield f"        input {text(row['in'][0])}\n"
        for before in row["deps"]:
            yield f"        input \"{{{before}.out}}\"\n"
        yield f"        output out {text(row['out'][0])}\n"
    else:
        yield from in_lines("after", row["deps"])
    yield f"        run {' '.join(text(word) for word in shlex.split(row['cmd']))}\n    }}\n"


def pipeline(rows):
    # Tasks without files work in the folder as those with files do; what they read is the file that names them.
    paths = "src/**" if rows and "in" in rows[0] else "dag.json"
    yield f'lockgate 1\n\npipeline bench {{\n    source src {{\n        folder "."\n        paths "{paths}"\n    }}\n'
    for row in rows:
        yield from task(row)
    yield "}\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1]) as f:
        sys.stdout.writelines(pipeline(json.load(f)))
