#!/bin/bash
# Makes the goldens of this folder anew with the real Helm: the Helm SDK v4.2.3 behind the Python package helm-python-sdk.
# Needs Python 3.10 and the package index; no helm binary, no cluster. Usage: tests/charts/refresh.sh [VENV]
set -euo pipefail
cd "$(dirname "$0")"
venv=${1:-${TMPDIR:-/tmp}/lockgate-helm}
[ -d "$venv" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import helm_python, yaml' 2>/dev/null || "$venv/bin/pip" -q install 'helm-python-sdk==0.2.2' pyyaml
exec "$venv/bin/python" refresh.py
