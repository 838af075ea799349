use super::*;
use crate::model::SourceKind;
use crate::source::Sources;
use crate::syntax::{Document, Limits, parse};

/// Charts and values in memory: each file with its path below the pipeline file.
struct Memory {
    files: BTreeMap<String, String>,
    ids: Vec<String>,
}

impl Memory {
    fn new(files: &[(&str, &str)]) -> Memory {
        let files: BTreeMap<_, _> = files.iter().map(|(n, t)| (n.to_string(), t.to_string())).collect();
        Memory { ids: files.keys().cloned().collect(), files }
    }
}

impl Hand for Memory {
    fn chart(&self, source: &Source, folder: &str) -> Option<Arc<Known>> {
        let SourceKind::Folder { .. } = &source.kind else { return None };
        let inside = |(name, text): (&String, &String)| {
            Some((name.strip_prefix(&format!("{folder}/"))?.to_string(), text.clone().into_bytes()))
        };
        Known::from_files(self.files.iter().filter_map(inside).collect()).ok().map(Arc::new)
    }

    fn text(&self, _: &Source, path: &str) -> Option<Text> {
        let at = self.ids.iter().position(|name| name == path)?;
        Some(Text { file: FileId(at as u32 + 1), text: self.files[path].as_str().into() })
    }
}

const CHART: &[(&str, &str)] = &[
    (
        "chart/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- {name: db, version: '*', repository: '', condition: db.enabled}\n- {name: gone, version: '*', repository: ''}\n",
    ),
    ("chart/values.yaml", "replicas: 1\nimage: {repository: a, tag: v0}\ndb: {enabled: true}\n"),
    (
        "chart/values.schema.json",
        r#"{"properties": {"replicas": {"type": "integer", "maximum": 9}, "image": {"properties": {"tag": {"pattern": "^v"}}}, "declared": {}}}"#,
    ),
    ("chart/templates/t.yaml", "{{ .Values.image.repository }}{{ tpl .Values.text . }}{{ .Values.db.shared }}"),
    ("chart/charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
    ("chart/charts/db/values.yaml", "user: u\n"),
    ("chart/charts/db/templates/t.yaml", "{{ .Values.user }}{{ .Values.global.zone }}"),
];

/// The codes that are found, each with what it points at, in a release with these values and settings.
fn found(values: &str, sets: &str) -> Vec<(&'static str, String)> {
    let text = format!(
        "lockgate 1\npipeline p {{\n source s {{ folder \".\" }}\n release r {{\n chart s \"chart\"\n values s \"v-{{environment}}.yaml\"\n{sets}\n}}\n environment dev {{ folder out; deploy r }}\n}}"
    );
    let mut files = CHART.to_vec();
    files.push(("v-dev.yaml", values));
    let memory = Memory::new(&files);
    let mut sources = Sources::new();
    let id = sources.add("lockgate.kdl", text.as_str());
    for name in &memory.ids {
        sources.add(name, memory.files[name].as_str());
    }
    let (tree, faults) = parse(id, text.as_str().into(), &Limits::default());
    assert!(faults.is_empty(), "{faults:?}");
    let (file, faults) = crate::model::decode(&Document::from(tree));
    assert!(faults.is_empty(), "{faults:?}");
    let pipeline = file.pipelines.into_iter().next().expect("a pipeline");
    let (graph, _) = crate::graph::lower(Arc::new(pipeline));
    let found = judge(&graph, &memory);
    found.iter().map(|d| (d.code.name, d.span().map_or("", |s| sources.text(s)).to_string())).collect()
}

#[test]
fn keys_are_known_by_the_chart_or_not() {
    let none: &[(&str, &str)] = &[];
    let unread = |key: &'static str| vec![("unread-value", key)];
    for (values, expected) in [
        ("replicas: 2\nimage:\n  repository: x\n", none.to_vec()),
        ("replica: 2\n", unread("replica")),
        ("image:\n  repositry: x\n", unread("repositry")),
        ("image: {\"repositry\": x}\n", unread("\"repositry\"")),
        // What a chart below reads, what the one above reads of it, and what neither does.
        ("db: {enabled: false, user: x, shared: y, global: {zone: z}}\n", none.to_vec()),
        ("db: {usr: x}\n", unread("usr")),
        ("gone: {any: thing}\nglobal: {a: b}\ntags: {a: true}\n", none.to_vec()),
        ("declared: {x: 1}\nx-parts: {a: b}\n", unread("x")),
        // A text that is run as a template, and parts that are repeated.
        ("text: '{{ .Values.mine.deep }}'\nmine: {deep: 1}\n", none.to_vec()),
        ("parts: &parts {repository: r}\nimage: *parts\n", none.to_vec()),
    ] {
        let expected: Vec<_> = expected.iter().map(|(code, at)| (*code, at.to_string())).collect();
        assert_eq!(found(values, ""), expected, "{values}");
    }
}

#[test]
fn schemas_refuse_at_the_line_that_says_so() {
    let refused = |at: &str| vec![("values-refused", at.to_string())];
    assert_eq!(found("replicas: many\n", ""), refused("replicas"));
    assert_eq!(found("image:\n  tag: x\n", ""), refused("tag"));
    assert_eq!(found("image: {tag: v1}\n", "set replicas=10"), refused("replicas=10"));
    assert_eq!(found("- a\n", ""), vec![("values-syntax", "- a".to_string())]);
    assert_eq!(found("a: [\n", "").first().map(|(code, _)| *code), Some("values-syntax"));
}

#[test]
fn what_is_set_is_read_or_not() {
    assert_eq!(found("", "set image.repositry=x"), vec![("unread-set", "image.repositry".to_string())]);
    assert_eq!(found("", "set image.repository=x db.user=y global.z=1"), vec![]);
}

#[test]
fn what_is_not_known_yet_has_a_shape_and_no_contents() {
    assert_eq!(found("image: {tag: v1}\n", "set image.tag=\"{later}\""), vec![]);
    let found = found("", "set replicas=\"{later}\"");
    assert_eq!(found, vec![("values-refused", "replicas=\"{later}\"".to_string())]);
}
