//! Whose an object is: ours by our marks, Helm's by its own, or nobody's.

use crate::ports::{Fault, PortError};
use serde_json::{Value, json};

/// The label with the release's name, for people who list.
pub const RELEASE: &str = "lockgate.dev/release";
/// The annotation with the release that an object belongs to: `NAMESPACE/NAME`.
pub const OWNER: &str = "lockgate.dev/owner";
/// The annotation with the digest of what was applied.
pub const APPLIED: &str = "lockgate.dev/applied";

/// The release that objects belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The namespace that is deployed to; objects may be elsewhere.
    pub namespace: String,
    /// The release's name.
    pub release: String,
}

impl Home {
    /// As it stands on objects.
    pub fn text(&self) -> String {
        format!("{}/{}", self.namespace, self.release)
    }
}

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It belongs to this release.
    Us,
    /// It belongs to another release of ours.
    Release(String),
    /// It belongs to a release of Helm: its name and namespace.
    Helm(String),
    /// Somebody made it who left no such mark; the manager that made it, where that is known.
    Somebody(Option<String>),
}

/// Puts our marks on an object that is to be applied.
pub(super) fn mark(body: &mut Value, home: &Home) {
    let stamp = super::wanted::stamp_of(body);
    set(body, "labels", RELEASE, &home.release);
    set(body, "annotations", OWNER, &home.text());
    set(body, "annotations", APPLIED, &stamp);
}

fn set(body: &mut Value, part: &str, key: &str, value: &str) {
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let entry = metadata.entry(part).or_insert_with(|| json!({}));
    if entry.is_null() {
        *entry = json!({});
    }
    if let Some(entry) = entry.as_object_mut() {
        entry.insert(key.to_string(), value.into());
    }
}

/// An annotation of an object.
pub fn annotation<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    object.pointer("/metadata/annotations")?.get(name)?.as_str()
}

/// Whose an object is, as it stands there.
pub fn owner(live: &Value, home: &Home) -> Owner {
    if let Some(owner) = annotation(live, OWNER) {
        return if owner == home.text() { Owner::Us } else { Owner::Release(owner.to_string()) };
    }
    if let Some(release) = annotation(live, "meta.helm.sh/release-name") {
        let namespace = annotation(live, "meta.helm.sh/release-namespace").unwrap_or_default();
        return Owner::Helm(format!("{namespace}/{release}"));
    }
    let managers = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let first = managers.and_then(|m| m.first()).and_then(|m| m.get("manager")).and_then(Value::as_str);
    Owner::Somebody(first.map(str::to_string))
}

/// Refuses to touch what is another's. `adopt` takes over what belongs to no other release of ours.
pub fn may_touch(live: &Value, home: &Home, adopt: bool, id: &str) -> Result<(), PortError> {
    let take = "take it over with `adopt=#true` at the environment's `cluster`, or give yours another name";
    let (whose, help) = match owner(live, home) {
        Owner::Us => return Ok(()),
        Owner::Release(other) => (format!("belongs to release {other} of Lockgate"), "give one of them another name"),
        _ if adopt => return Ok(()),
        Owner::Helm(release) => (format!("belongs to release {release} of Helm"), take),
        Owner::Somebody(Some(who)) => (format!("was made by `{who}`, not by Lockgate"), take),
        Owner::Somebody(None) => ("was not made by Lockgate".to_string(), take),
    };
    Err(PortError::new(Fault::Moved, format!("{id} is there already and {whose}")).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Home {
        Home { namespace: "shop".into(), release: "app".into() }
    }

    #[test]
    fn marks_tell_whose_it_is() {
        let mut ours = json!({"metadata": {"name": "a", "annotations": null}});
        mark(&mut ours, &home());
        assert_eq!(owner(&ours, &home()), Owner::Us);
        let other = Home { release: "other".into(), ..home() };
        assert_eq!(owner(&ours, &other), Owner::Release("shop/app".into()));
        let helm = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "app",
                                                       "meta.helm.sh/release-namespace": "shop"}}});
        assert_eq!(owner(&helm, &home()), Owner::Helm("shop/app".into()));
        let manual = json!({"metadata": {"managedFields": [{"manager": "kubectl-create"}]}});
        assert_eq!(owner(&manual, &home()), Owner::Somebody(Some("kubectl-create".into())));
    }

    #[test]
    fn what_is_anothers_is_touched_only_where_that_is_said() {
        let manual = json!({"metadata": {}});
        assert!(may_touch(&manual, &home(), true, "ConfigMap/a").is_ok());
        let error = may_touch(&manual, &home(), false, "ConfigMap/a").expect_err("not ours");
        assert_eq!(error.message, "ConfigMap/a is there already and was not made by Lockgate");
        let mut other = json!({"metadata": {}});
        mark(&mut other, &Home { release: "other".into(), ..home() });
        assert!(may_touch(&other, &home(), true, "ConfigMap/a").is_err(), "of another release, whatever is said");
    }

    #[test]
    fn the_mark_of_what_was_applied_changes_with_it_alone() {
        let stamp = |value: i32| {
            let mut body = json!({"metadata": {"name": "a"}, "data": {"x": value}});
            mark(&mut body, &home());
            annotation(&body, APPLIED).expect("a mark").to_string()
        };
        assert_eq!(stamp(1), stamp(1));
        assert_ne!(stamp(1), stamp(2));
    }
}
