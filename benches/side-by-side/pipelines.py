#!/usr/bin/env python3
"""Writes a pipeline file of about so many lines: one realistic pipeline after the other, all in one file.

    pipelines.py LINES [OUT]
    pipelines.py --quoted LINES [OUT]     all strings in quotes, so that it is KDL 1 as well
"""
import re
import sys

ONE = '''
// What team {n} delivers.
pipeline team{n} {{
    secret git {{
        env GIT_TOKEN_{n}
    }}
    source app {{
        git "https://git.example.com/team{n}/app.git" branch=main
        credentials git
        ignore "docs/**" "*.md"
        trigger poll="{poll}m"
    }}
    source config {{
        git "https://git.example.com/team{n}/config.git" branch=main
        paths "values-*.yaml" "tests/**"
        trigger poll="5m"
    }}
    source base {{
        image "registry.example.com/base/runtime-{n}" tag="1.{minor}.*"
        trigger cron="H 3 * * *" tz="Asia/Colombo"
    }}
    source chart {{
        helm service repo="https://charts.example.com/team{n}" version="~1.{minor}"
    }}
    build image {{
        context app
        arg BASE_IMAGE="{{base}}"
        test "./tests/unit.sh" "--team" "{n}"
        push "registry.example.com/team{n}/app" tag="{{base.tag}}-{{app.short}}"
    }}
    task scan {{
        run scanner image "{{image}}"
        timeout "20m"
    }}
    release app {{
        chart chart
        values config "values-{{environment}}.yaml"
        set image.repository="{{image}}" replicas={replicas}
    }}
    environment dev {{
        cluster dev namespace=team{n}-dev
        deploy app
        verify config "tests/smoke.sh" "{{environment}}"
    }}
    environment staging after=dev {{
        after scan
        gate {{
            approve 1 from=developers-{n}
        }}
        cluster staging namespace=team{n}-staging
        deploy app
        verify config "tests/smoke.sh" "{{environment}}"
    }}
    environment prod after=staging {{
        gate {{
            approve 2 from=sre
            window "Mon-Thu 09:00-16:00" tz="Europe/Berlin"
            soak "2h"
        }}
        cluster prod namespace=team{n}-prod
        deploy app
        verify {{
            http "https://team{n}.example.com/healthz"
        }}
    }}
}}
'''


def text(lines):
    parts, count, n = ["lockgate 1\n"], 1, 0
    while count < lines:
        part = ONE.format(n=n, poll=1 + n % 9, minor=n % 12, replicas=1 + n % 5)
        parts.append(part)
        count += part.count("\n")
        n += 1
    return "".join(parts)


def quoted(text):
    """The same text with every bare string in quotes."""
    lines = []
    for line in text.split("\n"):
        if not line.lstrip().startswith("//"):
            pieces = re.split(r'("[^"]*")', line)
            pieces[::2] = [re.sub(r"(?<=[ =])(?<!^ )([A-Za-z][\w-]*)(?=[ ]|$)", r'"\1"', p) for p in pieces[::2]]
            # The name of the node itself stands without.
            line = re.sub(r'^( *)"([a-z]+)"', r"\1\2", "".join(pieces))
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    args = [a for a in sys.argv[1:] if a != "--quoted"]
    out = open(args[1], "w") if len(args) > 1 else sys.stdout
    made = text(int(args[0]))
    out.write(quoted(made) if "--quoted" in sys.argv else made)
