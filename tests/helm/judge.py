#!/usr/bin/env python3
"""Writes behind each case of functions/*.cases what the real Helm makes of it.

    pip install helm-python-sdk && tests/helm/judge.py [FILE...]

A case is one line, a template; the line after it, `=> ` and a JSON string, is the result: the text, or `ERROR ` and
Helm's message. Lines that begin with `#` are comments; `# differs: …`
says that the case after it comes out otherwise here, and why. The values are those of values.yaml beside this file.
"""
import json, os, pathlib, sys, tempfile

import helm_python as helm
from helm_python import _native
from helm_python.errors import HelmError

HERE = pathlib.Path(__file__).parent


def render(directory, template, values):
    (directory / "templates" / "NOTES.txt").write_text(template, encoding="utf-8")
    options = json.dumps({"name": "rel", "namespace": "ns"})
    try:
        with helm.Chart.load(str(directory)) as chart:
            files = json.loads(_native.call_string("helm_render", chart._raw(), values, options))
        return files["chart/templates/NOTES.txt"]
    except HelmError as error:
        return f"ERROR {error}"


def main():
    os.environ.setdefault("KUBECONFIG", "/nonexistent")
    files = [pathlib.Path(f) for f in sys.argv[1:]] or sorted(HERE.glob("functions/*.cases"))
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "chart"
        (directory / "templates").mkdir(parents=True)
        (directory / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.2.3\nappVersion: v4\n")
        (directory / "values.yaml").write_bytes((HERE / "values.yaml").read_bytes())
        (directory / "files").mkdir()
        for file in sorted((HERE / "files").iterdir()):
            (directory / "files" / file.name).write_bytes(file.read_bytes())
        for path in files:
            out = []
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("=> "):
                    continue
                out.append(line)
                if line and not line.startswith("#"):
                    out.append("=> " + json.dumps(render(directory, line, "{}"), ensure_ascii=False))
            path.write_text("\n".join(out) + "\n", encoding="utf-8")


main()
