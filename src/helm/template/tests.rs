//! Templates against what Go makes of them.
//!
//! `tests/go.jsonl` holds one case a line: a template, and what Go's `text/template` (with `missingkey=zero`) writes for
//! `tests/data.json`, or `ERROR` and its message. Adding a case is adding a line.

use super::{Context, Environment, FuncError, FuncSpec, Limits, Param, Registry};
use crate::helm::value::{List, Map, MapType, Unknowns, Value};

type Result = std::result::Result<Value, FuncError>;

/// A few functions of every shape, so that calls can be tried without those of Helm.
static FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::variadic("list", &[], Param::Any, |_, args| Ok(Value::list(args.to_vec()))),
    FuncSpec::variadic("dict", &[], Param::Any, dict),
    FuncSpec::fixed("set", &[Param::Map, Param::String, Param::Any], set),
    FuncSpec::fixed("upper", &[Param::String], |_, args| Ok(Value::from(text(args, 0).to_uppercase()))),
    FuncSpec::fixed("repeat", &[Param::Int, Param::String], repeat),
    FuncSpec::fixed("all", &[Param::Any], |_, _| Ok(Value::Bool(true))).deep(),
    FuncSpec::fixed("boom", &[], |_, _| Err("boom".into())),
    FuncSpec::fixed("int64", &[Param::Any], |_, args| match args {
        [Value::Float(n)] => Ok(Value::Int64(*n as i64)),
        _ => Ok(Value::Int64(0)),
    }),
    FuncSpec::fixed("half", &[Param::Float64], |_, args| match args {
        [Value::Float(n)] => Ok(Value::Float(n / 2.0)),
        _ => Err("not a float".into()),
    }),
    FuncSpec::fixed("flag", &[Param::Bool], |_, args| Ok(args.first().cloned().unwrap_or_default())),
    FuncSpec::fixed("nilfn", &[], |_, _| Ok(Value::Nil)),
    FuncSpec::fixed("splitList", &[Param::String, Param::String], |_, args| {
        Ok(Value::List(List::strings(text(args, 0).split(&text(args, 1)))))
    }),
    FuncSpec::fixed("split", &[Param::String, Param::String], split),
    FuncSpec::fixed("include", &[Param::String, Param::Any], |ctx, args| {
        ctx.include(text(args, 0).as_bytes(), args.get(1).unwrap_or(&Value::Nil))
    }),
    FuncSpec::fixed("tpl", &[Param::String, Param::Any], |ctx, args| {
        ctx.tpl(text(args, 0).as_bytes(), args.get(1).unwrap_or(&Value::Nil))
    }),
];

fn text(args: &[Value], n: usize) -> String {
    args.get(n).and_then(Value::as_str).map(|text| text.to_text().into_owned()).unwrap_or_default()
}

fn dict(_: &mut Context<'_>, args: &[Value]) -> Result {
    Ok(Value::map(args.chunks(2).map(|pair| (text(pair, 0), pair.get(1).cloned().unwrap_or_default()))))
}

fn set(_: &mut Context<'_>, args: &[Value]) -> Result {
    let [Value::Map(map), Value::Str(key), value] = args else { return Err("assignment to entry in nil map".into()) };
    map.set(key.clone(), value.clone());
    Ok(Value::Map(map.clone()))
}

fn repeat(_: &mut Context<'_>, args: &[Value]) -> Result {
    let [Value::Int(n), Value::Str(text)] = args else { return Err("wrong types".into()) };
    Ok(Value::from(text.repeat(usize::try_from(*n).unwrap_or_default())))
}

fn split(_: &mut Context<'_>, args: &[Value]) -> Result {
    let parts = Map::typed(MapType::Strings);
    for (n, part) in text(args, 1).split(&text(args, 0)).enumerate() {
        parts.set(format!("_{n}"), Value::from(part));
    }
    Ok(Value::Map(parts))
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or_default()),
        serde_json::Value::String(s) => Value::from(s.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => Value::map(entries.iter().map(|(key, item)| (key, from_json(item)))),
    }
}

fn data() -> Value {
    from_json(&serde_json::from_str(include_str!("tests/data.json")).expect("JSON"))
}

/// Renders a template named `t`; an error as `ERROR` and its message.
fn render_with(env: &Environment, template: &str) -> String {
    let registry = Registry::new(&[FUNCTIONS]);
    let unknowns = Unknowns::none();
    let mut ctx = Context::new(env, &unknowns, &registry);
    let result = ctx.add_template("t", template.as_bytes()).and_then(|()| ctx.execute("t", &data()));
    match result {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("ERROR {error}"),
    }
}

fn render(template: &str) -> String {
    render_with(&Environment::default(), template)
}

#[test]
fn as_go_writes_it() {
    let mut wrong = Vec::new();
    for line in include_str!("tests/go.jsonl").lines() {
        let (template, expected): (String, String) = serde_json::from_str(line).expect("a pair of strings");
        // Helm takes the words away at the end; so does `execute`.
        let expected = expected.replace("<no value>", "");
        let found = render(&template);
        if found != expected {
            wrong.push(format!("{template}\n  Go   {expected}\n  here {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn limited(limits: Limits) -> Environment {
    Environment { limits, ..Environment::default() }
}

#[test]
fn a_template_that_includes_itself_ends_with_the_whole_stack() {
    let registry = Registry::new(&[FUNCTIONS]);
    let (env, unknowns) = (Environment::default(), Unknowns::none());
    let mut ctx = Context::new(&env, &unknowns, &registry);
    let template = br#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#;
    ctx.add_template("t", template).expect("it parses");
    let error = ctx.execute("t", &data()).expect_err("it never ends");
    assert_eq!(error.stack().len(), 1_002);
    assert!(error.is_limit());
    assert_eq!(error.message(), "rendering template has a nested reference name: r: unable to execute template");
}

#[test]
fn a_template_that_calls_itself_ends() {
    let found = render(r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#);
    assert!(found.ends_with(r#"executing "r": exceeded maximum template depth (10000)"#), "{found}");
}

#[test]
fn loops_and_output_are_bounded() {
    let few = limited(Limits { steps: 10_000, ..Limits::default() });
    let found = render_with(&few, "{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}");
    assert!(found.contains("more than 10000 steps"), "{found}");
    let small = limited(Limits { output: 10_000, ..Limits::default() });
    let found = render_with(&small, r#"{{ range 1000000000 }}{{ printf "%100d" 1 }}{{ end }}"#);
    assert!(found.contains("more than 10000 bytes"), "{found}");
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(render(&deep), "ERROR template: t:1: nested more than 1000 deep");
    let blocks = "{{ if true }}".repeat(100_000);
    assert_eq!(render(&blocks), "ERROR template: t:1: nested more than 1000 deep");
    let fine = format!("{}x{}", "{{ if true }}".repeat(900), "{{ end }}".repeat(900));
    assert_eq!(render(&fine), "x");
}

#[test]
fn strict_refuses_missing_keys() {
    let strict = Environment { strict: true, ..Environment::default() };
    let cases = [
        ("{{ .Values.s }}", "hello"),
        ("{{ .Values.x }}", "map has no entry for key \"x\""),
        ("{{ (.Values.nil).y }}", "nil data; no entry for key \"y\""),
    ];
    for (template, expected) in cases {
        let found = render_with(&strict, template);
        assert!(found.ends_with(expected), "{found}");
    }
}

#[test]
fn an_error_tells_its_place_and_the_templates_around_it() {
    let registry = Registry::new(&[FUNCTIONS]);
    let (env, unknowns) = (Environment::default(), Unknowns::none());
    let mut ctx = Context::new(&env, &unknowns, &registry);
    ctx.add_template("c/templates/_h.tpl", b"{{- define \"h\" }}\n  {{ .Values.nil.x }}\n{{- end }}")
        .expect("it parses");
    ctx.add_template(
        "c/templates/a.yaml",
        b"a:\n{{ template \"b\" . }}{{ define \"b\" }}\n{{ include \"h\" . }}{{ end }}",
    )
    .expect("it parses");
    let error = ctx.execute("c/templates/a.yaml", &data()).expect_err("nil");
    let places: Vec<_> = error.stack().iter().map(|error| error.place.to_string()).collect();
    assert_eq!(places, ["c/templates/a.yaml:2:12", "c/templates/a.yaml:3:3", "c/templates/_h.tpl:2:12"]);
    assert_eq!(error.message(), "nil pointer evaluating interface {}.x");
    assert_eq!(error.root().expression, ".Values.nil.x");
}

#[test]
fn unknowns_travel_as_text_and_are_found() {
    let registry = Registry::new(&[FUNCTIONS]);
    let (env, unknowns) = (Environment::default(), Unknowns::none());
    unknowns.declare("unknown-4f1c", "digest of app");
    let mut ctx = Context::new(&env, &unknowns, &registry);
    ctx.add_template("t", b"{{ .digest | printf \"app@%s\" }} {{ .other }}").expect("it parses");
    let data = Value::map([("digest", Value::from("unknown-4f1c")), ("other", Value::from("x"))]);
    let text = ctx.execute("t", &data).expect("it renders");
    let found = unknowns.find(&text);
    assert_eq!(found.iter().map(|unknown| unknown.what.as_str()).collect::<Vec<_>>(), ["digest of app"]);
}

#[test]
fn results_and_values_are_bounded() {
    let small = limited(Limits { output: 100_000, values: 1_000, ..Limits::default() });
    let doubled = r#"{{ $s := "x" }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}"#;
    assert!(render_with(&small, doubled).contains("more than 100000 bytes"));
    let nested = r#"{{ $m := dict }}{{ range 60 }}{{ $m = dict "a" $m "b" $m }}{{ end }}{{ all $m }}"#;
    assert!(render_with(&small, nested).contains("more than 1000 values"));
    let cycle = r#"{{ $m := dict }}{{ $_ := set $m "self" $m }}{{ all $m }}"#;
    assert!(render_with(&small, cycle).contains("more than 1000 values"));
}
