//! What a completed plan holds that the plan before did not announce.

use crate::plan::{Change, EnvironmentPlan, FieldChange, ObjectChange, Plan, Verdict};
use std::collections::HashMap;

/// What an unknown says of itself wherever it stands.
const UNKNOWN: &str = "known after";

/// What goes beyond what was announced, in words. Nothing where unknowns became known and that is all. Environments with a
/// gate are left out: there, the gate decides.
pub fn beyond(before: &Plan, after: &Plan) -> Vec<String> {
    let mut out = steps(before, after);
    for now in after.environments.iter().filter(|e| e.verdict == Verdict::Enter) {
        match before.environment(&now.name) {
            Some(then) if matches!(then.verdict, Verdict::Enter) => changes(then, now, &mut out),
            _ => out.push(format!("{} would be changed", now.name)),
        }
    }
    out
}

/// Steps that would run and were said to be done.
fn steps(before: &Plan, after: &Plan) -> Vec<String> {
    let open: HashMap<&str, bool> = before.steps.iter().map(|s| (&*s.id, !s.is_reused())).collect();
    let is_gated = |e: Option<u32>| {
        e.and_then(|e| after.environments.get(e as usize)).is_some_and(|e| e.verdict != Verdict::Enter)
    };
    let runs = after.steps.iter().filter(|s| !s.is_reused() && !is_gated(s.environment));
    runs.filter(|s| open.get(&*s.id) != Some(&true)).map(|s| format!("{} would run", s.id)).collect()
}

fn changes(then: &EnvironmentPlan, now: &EnvironmentPlan, out: &mut Vec<String>) {
    let announced: HashMap<(&str, &str), &Change> =
        then.changes.iter().map(|c| ((c.release.as_str(), c.object.as_str()), c)).collect();
    for change in &now.changes {
        let old = announced.get(&(change.release.as_str(), change.object.as_str())).map(|c| &c.what);
        match (&change.what, old) {
            (ObjectChange::Update(fields), Some(ObjectChange::Update(old))) => {
                let surplus = fields.iter().filter(|f| !is_announced(f, old));
                out.extend(surplus.map(|f| format!("{}: {} {} would change", now.name, change.object, f.path)));
            }
            (what, Some(old)) if std::mem::discriminant(what) == std::mem::discriminant(old) => {}
            (ObjectChange::Create, _) => out.push(format!("{}: {} would be created", now.name, change.object)),
            (ObjectChange::Delete, _) => out.push(format!("{}: {} would be deleted", now.name, change.object)),
            _ => out.push(format!("{}: {} would be changed", now.name, change.object)),
        }
    }
}

/// Whether a field was announced: with this value, or as not known yet.
fn is_announced(field: &FieldChange, announced: &[FieldChange]) -> bool {
    let old = announced.iter().find(|f| f.path == field.path);
    old.is_some_and(|f| f.after == field.after || f.after.as_ref().is_some_and(|v| v.to_string().contains(UNKNOWN)))
}
