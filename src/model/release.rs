//! `release`: a chart and its values, which is what is deployed.

use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Names, Own, Prop, Spec, Ty};
use super::{Said, SourcePath, Spanned, Template};
use crate::source::Span;
use crate::syntax::{Node, Value, ValueKind};

/// A chart and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The name, also that of the release in the cluster unless `name` says another.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// The chart: a helm source, or a folder of a source with files.
    pub chart: Option<SourcePath>,
    /// Values files, later ones over earlier ones.
    pub values: Vec<ValuesFile>,
    /// Single values over all files.
    pub sets: Vec<SetValue>,
    /// The name of the release in the environment.
    pub release_name: Option<Template>,
    /// Whose rules render it: 4 unless said, or 3.
    pub helm: Option<Spanned<i64>>,
}

/// `values SOURCE "PATH"`.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuesFile {
    /// The file.
    pub file: SourcePath,
    /// Whether it may be missing.
    pub optional: bool,
}

/// `set a.b.c="…"`: one value.
#[derive(Clone, Debug, PartialEq)]
pub struct SetValue {
    /// The path in the values, as `helm --set` writes it.
    pub path: Spanned<Said>,
    /// What it becomes.
    pub to: SetTo,
    /// How it is read.
    pub kind: SetKind,
    /// The place of path and value.
    pub span: Span,
}

/// What a value becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum SetTo {
    /// A text, perhaps with references.
    Text(Template),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Nothing: deletes what the chart says.
    Null,
}

/// How a set value is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetKind {
    /// As it stands in the file: a string is a string, a number a number.
    #[default]
    Typed,
    /// The text is JSON.
    Json,
    /// The text names a file whose content is the value.
    File,
}

/// `release NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::RELEASE_NAME), "Its name, also that of the release in the cluster.")],
    children: &[
        Child::needed(&CHART),
        Child::any(&VALUES),
        Child::any(&SET),
        Child::any(&SET_JSON),
        Child::any(&SET_FILE),
        Child::once(&NAME),
        Child::once(&HELM),
    ],
    example: r#"
release mi {
    chart chart
    values config "values-{environment}.yaml"
    set image.repository="{image}"
}"#,
    ..Spec::new(
        "release",
        "A chart and its values, which is what is deployed. What differs between environments is said with `{environment}`.",
    )
};

/// `chart SOURCE ["PATH"]`
pub static CHART: Spec = Spec {
    args: &[
        Arg::new("SOURCE", Ty::Name(Names::Source), "A helm source, or a source with files."),
        Arg::new("PATH", Ty::Template, "The folder of the chart in it.").optional(),
    ],
    example: r#"chart app "deploy/chart""#,
    ..Spec::new("chart", "The chart that is rendered.")
};

/// `values SOURCE "PATH"`
pub static VALUES: Spec = Spec {
    args: &[
        Arg::new("SOURCE", Ty::Name(Names::Source), "The source with the file."),
        Arg::new("PATH", Ty::Template, "The path of the file in it."),
    ],
    props: &[Prop::new("optional", Ty::Bool, "Whether the file may be missing.").default("`#false`")],
    example: r#"values config "values-{environment}.yaml""#,
    ..Spec::new("values", "A file with values for the chart. Of several, later ones go over earlier ones.")
};

const PATH: Own = Own {
    name: "PATH",
    key: Some(&format::SET_PATH),
    ty: Ty::Any,
    prose: "The path in the values, and what stands there. It ends up in manifests that many can read, so no secret may stand here.",
};

/// `set PATH=VALUE…`
pub static SET: Spec = Spec {
    own: Some(PATH),
    example: r#"set image.repository="{image}" replicas=2"#,
    ..Spec::new(
        "set",
        "Single values, over all files. A text stays a text and a number a number; `#null` deletes what the chart says.",
    )
};

/// `set-json PATH="JSON"…`
pub static SET_JSON: Spec = Spec {
    own: Some(Own { ty: Ty::Template, ..PATH }),
    example: r##"set-json tolerations=#"[{{"key": "spot"}}]"#"##,
    ..Spec::new(
        "set-json",
        "Single values that are written as JSON: lists and objects. A brace of JSON is doubled where it would be a reference.",
    )
};

/// `set-file PATH="FILE"…`
pub static SET_FILE: Spec = Spec {
    own: Some(Own { ty: Ty::Template, ..PATH }),
    example: r#"set-file config.text="config/{environment}.properties""#,
    ..Spec::new(
        "set-file",
        "Single values that are the contents of files, by their path in the source of the first `values`, else of the chart.",
    )
};

/// `name "NAME"`
pub static NAME: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Template, "The name; that of the release here when nothing is said.")],
    example: r#"name "mi-{environment}""#,
    ..Spec::new("name", "The name of the release in the environment.")
};

/// `helm 3|4`
pub static HELM: Spec = Spec {
    args: &[Arg::new("VERSION", Ty::Count(3, 4), "The version; 4 when nothing is said.")],
    example: "helm 3",
    ..Spec::new("helm", "The version of Helm whose rules render the chart.")
};

impl Release {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Release> {
        let (mut chart, mut values, mut sets) = (None, Vec::new(), Vec::new());
        let (mut release_name, mut helm) = (None, None);
        for child in node.children() {
            match child.name() {
                "chart" => decode::first(&mut chart, decode::source_path(child, faults)),
                "values" => decode::push(&mut values, ValuesFile::decode(child, faults)),
                "set" => decode_sets(child, SetKind::Typed, faults, &mut sets),
                "set-json" => decode_sets(child, SetKind::Json, faults, &mut sets),
                "set-file" => decode_sets(child, SetKind::File, faults, &mut sets),
                "name" => decode::first(&mut release_name, decode::arg_template(child, 0, faults)),
                "helm" => {
                    decode::first(&mut helm, child.arg(0).and_then(|v| Some(Spanned::new(v.as_i64()?, v.span()))))
                }
                _ => {}
            }
        }
        Some(Release { name: decode::arg(node, 0)?, span: node.span(), chart, values, sets, release_name, helm })
    }
}

impl ValuesFile {
    fn decode(node: Node<'_>, faults: &mut Faults) -> Option<ValuesFile> {
        let file = decode::source_path(node, faults)?;
        Some(ValuesFile { file, optional: decode::flag(node, "optional", false) })
    }
}

fn decode_sets(node: Node<'_>, kind: SetKind, faults: &mut Faults, sets: &mut Vec<SetValue>) {
    for prop in node.props().filter(|p| !p.value().is_faulty()) {
        let path = Spanned::new(prop.key().into(), prop.key_span());
        sets.push(SetValue { path, to: SetTo::decode(prop.value(), faults), kind, span: prop.span() });
    }
}

impl SetTo {
    fn decode(value: Value<'_>, faults: &mut Faults) -> SetTo {
        let text = |faults: &mut Faults| SetTo::Text(decode::template(value, faults));
        match value.kind() {
            ValueKind::Str => text(faults),
            ValueKind::Int => match (value.as_i64(), value.as_f64()) {
                (Some(n), _) => SetTo::Int(n),
                (None, Some(n)) => SetTo::Float(n),
                (None, None) => text(faults),
            },
            ValueKind::Float => value.as_f64().map_or_else(|| text(faults), SetTo::Float),
            ValueKind::Bool => SetTo::Bool(value.as_bool().unwrap_or_default()),
            ValueKind::Null => SetTo::Null,
        }
    }
}
