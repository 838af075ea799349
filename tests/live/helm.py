"""The real Helm as judge: what it sees of a release, and what it installs. Prints JSON.

    helm.py NAMESPACE list | status NAME | history NAME | all NAME | install NAME CHART [VALUES] | upgrade NAME CHART [VALUES] | rollback NAME REVISION
"""
import json
import sys

import helm_python as helm

namespace, verb, *rest = sys.argv[1:]
with helm.Config(namespace=namespace) as config:
    if verb == "list":
        answer = config.list()
    elif verb == "status":
        answer = config.status(rest[0])
    elif verb == "history":
        answer = config.history(rest[0])
    elif verb == "all":
        answer = config.get_all(rest[0])
    elif verb == "install":
        answer = config.install(rest[1], rest[0], json.loads(rest[2]) if len(rest) > 2 else {})
    elif verb == "upgrade":
        answer = config.upgrade(rest[1], rest[0], json.loads(rest[2]) if len(rest) > 2 else {})
    elif verb == "rollback":
        answer = config.rollback(rest[0], version=int(rest[1]))
    else:
        sys.exit(f"what is {verb}?")
print(json.dumps(answer))
