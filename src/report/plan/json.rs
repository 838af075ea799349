//! A plan for programs. `docs/plan-json.md` is its page; what stands here and there changes together.

use super::{Count, changes::is_secret};
use crate::plan::{
    Action, Change, EnvironmentPlan, FieldChange, GatePlan, ObjectChange, Plan, SourceLine, Step, VERSION, Verdict,
};
use crate::report::words;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The whole document.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    pipeline: &'a str,
    hash: String,
    changes: bool,
    count: Count,
    candidates: Vec<Candidate<'a>>,
    sources: Vec<Source<'a>>,
    steps: Vec<OneStep<'a>>,
    environments: Vec<Environment<'a>>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    id: String,
    name: String,
    versions: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    kind: &'a str,
    version: OneVersion<'a>,
    before: Option<OneVersion<'a>>,
    author: Option<&'a str>,
    subject: Option<&'a str>,
    time: Option<i64>,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct OneVersion<'a> {
    id: &'a str,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct OneStep<'a> {
    id: &'a str,
    kind: &'a str,
    action: Action,
    environment: Option<&'a str>,
    needs: Vec<&'a str>,
    reasons: &'a [String],
    key: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    what: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Environment<'a> {
    name: &'a str,
    target: String,
    candidate: String,
    verdict: &'a Verdict,
    rollback: bool,
    after: Vec<&'a str>,
    reasons: &'a [String],
    gate: Option<&'a GatePlan>,
    people: &'a [String],
    subplan: Option<String>,
    changes: Vec<OneChange<'a>>,
    steps: Vec<&'a str>,
}

#[derive(Serialize)]
struct OneChange<'a> {
    release: &'a str,
    object: &'a str,
    what: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
}

/// The plan as one JSON document and a newline.
pub fn text(plan: &Plan) -> String {
    let document = Document {
        version: VERSION,
        pipeline: &plan.pipeline,
        hash: plan.hash.to_string(),
        changes: !plan.is_empty(),
        count: Count::of(plan),
        candidates: plan.candidates.iter().map(candidate).collect(),
        sources: plan.sources.iter().map(source).collect(),
        steps: plan.steps.iter().map(|s| step(plan, s)).collect(),
        environments: plan.environments.iter().map(|e| environment(plan, e)).collect(),
    };
    let mut out = serde_json::to_string_pretty(&document).unwrap_or_default();
    out.push('\n');
    out
}

fn candidate(candidate: &crate::plan::Candidate) -> Candidate<'_> {
    let versions = candidate.versions.iter().map(|(s, v)| (s.as_str(), v.id.as_str())).collect();
    Candidate { id: candidate.id.to_string(), name: candidate.name(), versions }
}

fn source(source: &SourceLine) -> Source<'_> {
    Source {
        name: &source.name,
        kind: source.kind,
        version: one_version(&source.version),
        before: source.before.as_ref().map(one_version),
        author: source.about.author.as_deref(),
        subject: source.about.subject.as_deref(),
        time: source.about.time,
        note: source.about.note.as_deref(),
    }
}

fn one_version(version: &crate::ports::sources::Version) -> OneVersion<'_> {
    OneVersion { id: &version.id, name: version.name.as_deref() }
}

fn step<'a>(plan: &'a Plan, step: &'a Step) -> OneStep<'a> {
    let needs = step.needs.iter().filter_map(|n| plan.steps.get(*n as usize)).map(|s| &*s.id);
    OneStep {
        id: &step.id,
        kind: words::kind(step),
        action: step.action,
        environment: step.environment.and_then(|e| plan.environments.get(e as usize)).map(|e| e.name.as_str()),
        needs: needs.collect(),
        reasons: &step.reasons,
        key: step.key.map(|k| k.to_string()),
        what: words::work(step),
        outputs: &step.outputs,
    }
}

fn environment<'a>(plan: &'a Plan, environment: &'a EnvironmentPlan) -> Environment<'a> {
    let after = environment.after.iter().filter_map(|e| plan.environments.get(*e as usize)).map(|e| e.name.as_str());
    let steps = environment.steps.iter().filter_map(|s| plan.steps.get(*s as usize)).map(|s| &*s.id);
    Environment {
        name: &environment.name,
        target: environment.target.to_string(),
        candidate: environment.candidate.to_string(),
        verdict: &environment.verdict,
        rollback: environment.is_rollback,
        after: after.collect(),
        reasons: &environment.reasons,
        gate: environment.gate.as_ref(),
        people: &environment.people,
        subplan: environment.subplan.map(|s| s.to_string()),
        changes: environment.changes.iter().map(change).collect(),
        steps: steps.collect(),
    }
}

fn change(change: &Change) -> OneChange<'_> {
    let (what, fields) = match &change.what {
        ObjectChange::Create => ("create", Vec::new()),
        ObjectChange::Delete => ("delete", Vec::new()),
        ObjectChange::Restore => ("restore", Vec::new()),
        ObjectChange::Update(fields) => ("update", fields.iter().map(|f| field(&change.object, f)).collect()),
    };
    OneChange { release: &change.release, object: &change.object, what, fields }
}

/// A field of a secret says that it changes, and not from what to what.
fn field<'a>(object: &str, field: &'a FieldChange) -> Field<'a> {
    let secret = is_secret(object, &field.path);
    let shown = |value: &'a Option<Value>| value.as_ref().filter(|_| !secret);
    Field { path: &field.path, before: shown(&field.before), after: shown(&field.after), secret }
}
