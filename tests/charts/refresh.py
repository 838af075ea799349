"""Renders everything in this folder with the real Helm and writes what comes out beside it; see refresh.sh.

functions.tsv   from functions.exprs: function, expression, what Helm writes (JSON), or `!` and why Helm refuses.
NAME/golden.json   for each folder NAME with a chart/ or a case.json that names one: {"files": {template: text}} or
                   {"error": why}; NAME/case.json may say {"chart": path from the repository's root, "name", "namespace",
                   "values": [file…], "set": {…}, "kube_version", "api_versions", "is_upgrade"}.
"""
import json, os, pathlib, sys, tempfile
os.environ.setdefault("KUBECONFIG", "/nonexistent")
import helm_python as helm
from helm_python import _native
from helm_python.errors import HelmError

HERE = pathlib.Path(__file__).parent


def merge(a, b):
    out = dict(a)
    for k, v in b.items():
        out[k] = merge(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


def render(chart, values, options):
    with helm.Chart.load(str(chart)) as c:
        return json.loads(_native.call_string("helm_render", c._raw(), json.dumps(values), json.dumps(options)))


def install(config, chart, values, options):
    """The whole way of `helm template`: schemas, dependencies, kubeVersion, and that all is YAML."""
    keep = {k: options[k] for k in ("kube_version", "api_versions") if k in options}
    opts = {"namespace": options["namespace"], "dry_run": "client", "replace": True, **keep}
    handle = _native.HANDLE(0)
    _native.call_string("helm_install", config._raw(), handle, handle, str(chart), options["name"],
                        json.dumps(values), json.dumps(opts))


def why(error):
    return (getattr(error, "detail", None) or str(error)).strip()


def functions():
    rows = []
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        (d / "templates").mkdir()
        (d / "Chart.yaml").write_text("apiVersion: v2\nname: f\nversion: 1.0.0\n")
        (d / "templates/_greet.tpl").write_text('{{ define "greet" }}Hello {{ .name }}{{ end }}')
        for line in (HERE / "functions.exprs").read_text().splitlines():
            name, expression = line.split("\t", 1)
            (d / "templates/t.txt").write_text("{{ %s }}" % expression)
            try:
                out = json.dumps(render(d, {}, {"name": "r", "namespace": "n"})["f/templates/t.txt"], ensure_ascii=False)
            except HelmError as e:
                out = "!" + why(e).replace("\n", " ")[:200]
            rows.append(f"{name}\t{expression}\t{out}\n")
    (HERE / "functions.tsv").write_text("".join(rows))
    print(len(rows), "expressions")


def charts():
    config = helm.Config(storage_driver="memory", namespace="default")
    for folder in sorted({p.parent for p in [*HERE.glob("*/chart"), *HERE.glob("*/case.json")]}):
        case = json.loads((folder / "case.json").read_text()) if (folder / "case.json").exists() else {}
        chart = HERE.parent.parent / case["chart"] if "chart" in case else folder / "chart"
        values = {}
        for name in case.get("values", []):
            values = merge(values, helm.values_from_yaml((folder / name).read_text()) or {})
        values = merge(values, case.get("set", {}))
        options = {"name": case.get("name", "rel"), "namespace": case.get("namespace", "ns1")}
        options.update({k: case[k] for k in ("kube_version", "api_versions", "is_upgrade") if k in case})
        try:
            install(config, chart, values, options)
            golden = {"files": render(chart, values, options)}
        except HelmError as e:
            golden = {"error": why(e)[:400]}
        (folder / "golden.json").write_text(json.dumps(golden, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(folder.name, "error" if "error" in golden else f"{len(golden['files'])} files")


if "charts" not in sys.argv:
    functions()
charts()
