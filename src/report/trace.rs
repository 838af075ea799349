//! A run as a trace of OpenTelemetry, in the JSON of its protocol: the run is the trace, each attempt of a step a span in it. What names
//! them follows from the journal, so that a trace that is sent twice is the same one.

use crate::digest::{Digest, Hasher};
use crate::plan::candidate::name_of;
use crate::plan::memory::Moment;
use crate::report::history;
use crate::run::{Event, Outcome, Record, RunOutcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many spans of a run are told of; of more, the first.
const MOST: usize = 10_000;
/// How many spans stand in one message.
const MESSAGE: usize = 500;

/// Spans of the protocol that went well, and that did not.
const GOOD: u8 = 1;
const BAD: u8 = 2;

/// The messages of a run that has ended, from its records in order; none where its beginning is not among them.
pub fn messages(pipeline: &str, resource: &[(String, String)], records: &[Record]) -> Vec<String> {
    let Some(trace) = Trace::of(pipeline, records) else { return Vec::new() };
    let attributes: Vec<Value> = resource.iter().map(|(key, value)| text(key, value)).collect();
    let scope = json!({"name": "lockgate", "version": env!("CARGO_PKG_VERSION")});
    let message = |spans: &[Value]| {
        json!({"resourceSpans": [{
            "resource": {"attributes": attributes},
            "scopeSpans": [{"scope": scope, "spans": spans}],
        }]})
        .to_string()
    };
    trace.spans.chunks(MESSAGE).map(message).collect()
}

struct Trace {
    id: String,
    root: String,
    spans: Vec<Value>,
}

/// A step that was started.
struct Open {
    since: Moment,
    attempt: u32,
    effect: String,
}

impl Trace {
    fn of(pipeline: &str, records: &[Record]) -> Option<Trace> {
        let first = records.first()?;
        let Event::RunStarted { by, candidate, plan, .. } = &first.event else { return None };
        let mut hasher = Hasher::new("trace");
        hasher.field(pipeline).field(first.run.to_le_bytes()).field(first.at.to_le_bytes()).digest(*plan);
        let digest = hasher.finish();
        let id = hex(digest, 32);
        let root = span_id(&id, "run", 0);
        let mut trace = Trace { id, root, spans: Vec::new() };
        let (mut open, mut reused, mut events) = (BTreeMap::<String, Open>::new(), 0, Vec::new());
        let (mut end, mut outcome) = (first.at, None);
        for record in records {
            end = end.max(record.at);
            match &record.event {
                Event::StepStarted { step, attempt, effect, .. } => {
                    let effect = serde_json::to_value(effect).ok().and_then(|v| v.as_str().map(str::to_string));
                    let one = Open { since: record.at, attempt: *attempt, effect: effect.unwrap_or_default() };
                    open.insert(step.to_string(), one);
                }
                Event::StepFinished { step, outcome: Outcome::Succeeded { .. }, .. } => {
                    trace.step(step, open.remove(&**step), record.at, "succeeded", None);
                }
                Event::StepFinished { step, outcome: Outcome::Failed { reason, .. }, .. } => {
                    trace.step(step, open.remove(&**step), record.at, "failed", Some(reason));
                }
                Event::AttemptFailed { step, reason, .. } => {
                    trace.step(step, open.remove(&**step), record.at, "failed", Some(reason));
                }
                Event::Interrupted { step, .. } => {
                    trace.step(step, open.remove(&**step), record.at, "interrupted", Some("it was cut off"));
                }
                Event::Indeterminate { step, .. } => {
                    let why = "it was cut off, and nobody knows whether it was done";
                    trace.step(step, open.remove(&**step), record.at, "indeterminate", Some(why));
                }
                Event::StepReused { .. } => reused += 1,
                Event::StepsReused { steps } => reused += steps.len(),
                Event::RunFinished { outcome: how } => outcome = Some(*how),
                Event::StandsAtGate { .. }
                | Event::GatePassed { .. }
                | Event::HasCandidate { .. }
                | Event::RolledBack { .. } => {
                    let told = history::told(record);
                    events.push(
                        json!({"timeUnixNano": nanos(record.at), "name": format!("{} {}", told.about, told.text)}),
                    );
                }
                _ => {}
            }
        }
        let how = outcome.and_then(|o| serde_json::to_value(o).ok()).and_then(|v| v.as_str().map(str::to_string));
        let is_bad = outcome.is_none_or(|o| o == RunOutcome::Failed);
        let span = json!({
            "traceId": trace.id,
            "spanId": trace.root,
            "name": format!("run {pipeline}"),
            "kind": 1,
            "startTimeUnixNano": nanos(first.at),
            "endTimeUnixNano": nanos(end),
            "attributes": [
                text("lockgate.pipeline", pipeline),
                number("lockgate.run", first.run),
                text("lockgate.by", by),
                text("lockgate.candidate", &name_of(*candidate)),
                text("lockgate.outcome", how.as_deref().unwrap_or("cut off")),
                number("lockgate.reused", reused as u64),
            ],
            "events": events,
            "status": {"code": if is_bad { BAD } else { GOOD }},
        });
        trace.spans.truncate(MOST);
        trace.spans.insert(0, span);
        Some(trace)
    }

    fn step(&mut self, step: &str, open: Option<Open>, until: Moment, how: &str, reason: Option<&str>) {
        let Some(open) = open else { return };
        let kind = step.split('.').next().unwrap_or_default();
        let mut status = json!({"code": if reason.is_some() { BAD } else { GOOD }});
        if let (Some(reason), Some(status)) = (reason, status.as_object_mut()) {
            status.insert("message".to_string(), reason.into());
        }
        self.spans.push(json!({
            "traceId": self.id,
            "spanId": span_id(&self.id, step, open.attempt),
            "parentSpanId": self.root,
            "name": step,
            "kind": 1,
            "startTimeUnixNano": nanos(open.since),
            "endTimeUnixNano": nanos(until),
            "attributes": [
                text("lockgate.step", step),
                text("lockgate.kind", kind),
                number("lockgate.attempt", u64::from(open.attempt)),
                text("lockgate.effect", &open.effect),
                text("lockgate.outcome", how),
            ],
            "status": status,
        }));
    }
}

fn hex(digest: Digest, digits: usize) -> String {
    digest.hex().chars().take(digits).collect()
}

fn span_id(trace: &str, what: &str, attempt: u32) -> String {
    let mut hasher = Hasher::new("span");
    hasher.field(trace).field(what).field(attempt.to_le_bytes());
    hex(hasher.finish(), 16)
}

fn nanos(at: Moment) -> String {
    (i128::from(at) * 1_000_000).max(0).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Effect;
    use crate::ports::Fault;

    #[test]
    fn a_run_is_a_trace_and_its_steps_are_spans() {
        let key = Digest::default();
        let started = serde_json::json!({"event": "run-started", "by": "ann", "candidate": key, "plan": key});
        let failed = Outcome::Failed { fault: Fault::Invalid, reason: "exit code 1".into(), log: None };
        let begin = |attempt| Event::StepStarted {
            step: "test.image.1".into(),
            key,
            payload: key,
            attempt,
            effect: Effect::Opaque,
        };
        let events = [
            serde_json::from_value(started).expect("an event"),
            begin(1),
            Event::AttemptFailed { step: "test.image.1".into(), attempt: 1, reason: "flaky".into() },
            begin(2),
            Event::StepFinished { step: "test.image.1".into(), key, outcome: failed },
            Event::StepsReused { steps: vec!["a".into(), "b".into()] },
            Event::RunFinished { outcome: RunOutcome::Failed },
        ];
        let records: Vec<Record> = (1u64..)
            .zip(events)
            .map(|(n, event)| Record { number: n, at: n.cast_signed() * 1000, run: 4, event })
            .collect();
        let all = messages("shop", &[("service.name".into(), "lockgate".into())], &records);
        assert_eq!(all, messages("shop", &[("service.name".into(), "lockgate".into())], &records), "always the same");
        let message: Value = serde_json::from_str(&all[0]).expect("JSON");
        let spans = message["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
        assert_eq!(spans.len(), 3);
        assert_eq!((&spans[0]["name"], &spans[0]["endTimeUnixNano"]), (&"run shop".into(), &"7000000000".into()));
        assert!(
            spans[1..].iter().all(|s| s["parentSpanId"] == spans[0]["spanId"] && s["traceId"] == spans[0]["traceId"])
        );
        assert_ne!(spans[1]["spanId"], spans[2]["spanId"]);
        assert_eq!(spans[2]["status"], json!({"code": 2, "message": "exit code 1"}));
        assert_eq!(spans[0]["traceId"].as_str().map(str::len), Some(32));
        assert!(messages("shop", &[], &records[1..]).is_empty(), "one whose beginning is gone");
    }
}
