//! The model as `knus` derives it: the nodes that `pipelines.py` writes, with a span for each node, as the decoder of Lockgate keeps.
//! References inside strings, durations, windows and cron expressions stay texts here; Lockgate reads those, too.

#![allow(dead_code, reason = "read to be compared, not to be used")]

use knus::span::{Span, Spanned};
use knus::{Decode, DecodeScalar};
use std::collections::BTreeMap;

/// The pipelines of a text.
pub fn read(text: &str) -> Vec<Pipeline> {
    let file: File = knus::parse("p.kdl", text).unwrap_or_else(|e| panic!("{e:?}"));
    file.pipelines
}

type Text = Spanned<String, Span>;

#[derive(Decode)]
#[knus(span_type = Span)]
struct File {
    #[knus(child, unwrap(argument))]
    lockgate: u32,
    #[knus(children(name = "pipeline"))]
    pipelines: Vec<Pipeline>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
pub struct Pipeline {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(children(name = "secret"))]
    secrets: Vec<Secret>,
    #[knus(children(name = "source"))]
    sources: Vec<Source>,
    #[knus(children(name = "build"))]
    builds: Vec<Build>,
    #[knus(children(name = "task"))]
    tasks: Vec<Task>,
    #[knus(children(name = "release"))]
    releases: Vec<Release>,
    #[knus(children(name = "environment"))]
    environments: Vec<Environment>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Secret {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(child, unwrap(argument))]
    env: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Source {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(child)]
    git: Option<Git>,
    #[knus(child)]
    image: Option<Image>,
    #[knus(child)]
    helm: Option<Helm>,
    #[knus(child, unwrap(argument))]
    credentials: Option<Text>,
    #[knus(child, unwrap(arguments))]
    ignore: Option<Vec<Text>>,
    #[knus(child, unwrap(arguments))]
    paths: Option<Vec<Text>>,
    #[knus(children(name = "trigger"))]
    triggers: Vec<Trigger>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Git {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    url: Text,
    #[knus(property)]
    branch: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Image {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    repository: Text,
    #[knus(property)]
    tag: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Helm {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    chart: Text,
    #[knus(property)]
    repo: Option<Text>,
    #[knus(property)]
    version: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Trigger {
    #[knus(span)]
    span: Span,
    #[knus(property)]
    poll: Option<Text>,
    #[knus(property)]
    cron: Option<Text>,
    #[knus(property)]
    tz: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Build {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(child, unwrap(argument))]
    context: Option<Text>,
    #[knus(children(name = "arg"))]
    args: Vec<Pairs>,
    #[knus(children(name = "test"), unwrap(arguments))]
    tests: Vec<Vec<Text>>,
    #[knus(child)]
    push: Option<Push>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Pairs {
    #[knus(span)]
    span: Span,
    #[knus(properties)]
    pairs: BTreeMap<String, Scalar>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Push {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    repository: Text,
    #[knus(property)]
    tag: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Task {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(child, unwrap(arguments))]
    run: Vec<Text>,
    #[knus(child, unwrap(argument))]
    timeout: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Release {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(child, unwrap(arguments))]
    chart: Vec<Text>,
    #[knus(children(name = "values"), unwrap(arguments))]
    values: Vec<Vec<Text>>,
    #[knus(children(name = "set"))]
    sets: Vec<Pairs>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Environment {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    name: Text,
    #[knus(property)]
    after: Option<Text>,
    #[knus(children(name = "after"), unwrap(arguments))]
    afters: Vec<Vec<Text>>,
    #[knus(child)]
    gate: Option<Gate>,
    #[knus(child)]
    cluster: Option<Cluster>,
    #[knus(children(name = "deploy"), unwrap(arguments))]
    deploys: Vec<Vec<Text>>,
    #[knus(children(name = "verify"))]
    verifies: Vec<Verify>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Gate {
    #[knus(span)]
    span: Span,
    #[knus(children(name = "approve"))]
    approvals: Vec<Approve>,
    #[knus(children(name = "window"))]
    windows: Vec<Window>,
    #[knus(child, unwrap(argument))]
    soak: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Approve {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    count: u32,
    #[knus(property)]
    from: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Window {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    text: Text,
    #[knus(property)]
    tz: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Cluster {
    #[knus(span)]
    span: Span,
    #[knus(argument)]
    context: Text,
    #[knus(property)]
    namespace: Option<Text>,
}

#[derive(Decode)]
#[knus(span_type = Span)]
struct Verify {
    #[knus(span)]
    span: Span,
    #[knus(arguments)]
    script: Vec<Text>,
    #[knus(child, unwrap(argument))]
    http: Option<Text>,
}

/// What a property with a name of the user's own says.
enum Scalar {
    Int(i64),
    Text(String),
}

impl<S: knus::traits::ErrorSpan> DecodeScalar<S> for Scalar {
    fn type_check(_: &Option<knus::span::Spanned<knus::ast::TypeName, S>>, _: &mut knus::decode::Context<S>) {}

    fn raw_decode(
        value: &knus::span::Spanned<knus::ast::Literal, S>,
        _: &mut knus::decode::Context<S>,
    ) -> Result<Self, knus::errors::DecodeError<S>> {
        Ok(match &**value {
            knus::ast::Literal::Int(i) => Scalar::Int(i64::try_from(i).unwrap_or_default()),
            knus::ast::Literal::String(text) => Scalar::Text(text.to_string()),
            _ => Scalar::Int(0),
        })
    }
}
