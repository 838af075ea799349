//! The difference between two sets of rendered objects, object by object.

use crate::ports::bundle::{Bundle, Object};
pub use crate::ports::fields::{FieldChange, fields};
use serde::Serialize;
use std::collections::BTreeMap;

/// A change in an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The release.
    pub release: String,
    /// The object: `Deployment/web`.
    pub object: String,
    /// What happens to it.
    pub what: ObjectChange,
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectChange {
    /// It is new.
    Create,
    /// It goes.
    Delete,
    /// Fields change.
    Update(Vec<FieldChange>),
    /// It is not as it was deployed and is brought back.
    Restore,
}

/// The changes from one bundle to the next, in the order of the new one, what goes last.
pub fn between(release: &str, before: Option<&Bundle>, after: &Bundle) -> Vec<Change> {
    let old: BTreeMap<String, &Object> =
        before.map(|b| b.objects.iter().map(|o| (o.id(), o)).collect()).unwrap_or_default();
    let mut changes = Vec::new();
    for object in &after.objects {
        let what = match old.get(&object.id()) {
            None => ObjectChange::Create,
            Some(was) if was.body == object.body && was.api_version == object.api_version => continue,
            Some(was) => ObjectChange::Update(fields(&was.body, &object.body)),
        };
        changes.push(Change { release: release.to_string(), object: object.id(), what });
    }
    let kept: std::collections::BTreeSet<String> = after.objects.iter().map(Object::id).collect();
    for id in old.keys().filter(|id| !kept.contains(*id)) {
        changes.push(Change { release: release.to_string(), object: id.clone(), what: ObjectChange::Delete });
    }
    changes
}
