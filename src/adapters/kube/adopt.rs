//! Taking over what Helm installed: whose an object is, and whose its fields are.

use super::client::{At, Cluster, MANAGER};
use crate::helm::record::Record;
use crate::ports::PortError;
use serde_json::{Map, Value, json};

/// Helm's annotations that say which release an object is of.
const RELEASE: &str = "meta.helm.sh/release-name";
const NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The Helm release that an object says it is of: its name and namespace.
pub fn release_of(object: &Value) -> Option<(&str, &str)> {
    let annotation = |name| object.pointer("/metadata/annotations")?.get(name)?.as_str();
    Some((annotation(RELEASE)?, annotation(NAMESPACE).unwrap_or_default()))
}

/// Whether an object says that it is to stay when its release goes.
pub fn is_kept(object: &Value) -> bool {
    let policy = object.pointer("/metadata/annotations").and_then(|a| a.get("helm.sh/resource-policy"));
    policy.and_then(Value::as_str).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// Makes the fields ours that whoever installed an object with Helm has set, as `kubectl` does when it goes over to
/// server-side apply: what we leave out then goes, instead of staying for ever as somebody else's. Nothing is written where
/// nothing is Helm's. Gives whether something was.
pub async fn take_over(cluster: &Cluster, at: &At, object: &Value) -> Result<bool, PortError> {
    let Some(managers) = object.pointer("/metadata/managedFields").and_then(Value::as_array) else { return Ok(false) };
    let Some(upgraded) = upgraded(managers) else { return Ok(false) };
    // The version makes it a refusal when somebody changed the object meanwhile.
    let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    cluster.merge(at, &json!({"metadata": {"resourceVersion": version, "managedFields": upgraded}})).await?;
    Ok(true)
}

/// What Helm's record of a release has and we do not render: the objects that are still there, still say that they are of
/// that release, and do not say that they are to stay. `rendered` are ours.
pub async fn leftovers(cluster: &Cluster, record: &Record, rendered: &[At]) -> Result<Vec<(At, Value)>, PortError> {
    let mut found = Vec::new();
    for object in record.objects() {
        // A kind that the cluster does not know any more has no objects.
        let Some(resource) = cluster.kind(&object.api_version, &object.kind).await? else { continue };
        let namespace = if object.namespace.is_empty() { record.namespace() } else { &object.namespace };
        let at = resource.at(namespace, &object.name);
        let is_ours = |ours: &At| {
            ours.resource.kind == at.resource.kind
                && ours.resource.group() == at.resource.group()
                && (&ours.namespace, &ours.name) == (&at.namespace, &at.name)
        };
        if rendered.iter().any(is_ours) {
            continue;
        }
        let Some(live) = cluster.get(&at).await? else { continue };
        if release_of(&live) == Some((record.name(), record.namespace())) && !is_kept(&live) {
            found.push((at, live));
        }
    }
    Ok(found)
}

/// The managers of an object after those entries that are Helm's have become one of ours; nothing where none is. Helm's are
/// those that have set its annotations: by whatever name its program went.
pub fn upgraded(managers: &[Value]) -> Option<Vec<Value>> {
    let marks =
        |entry: &Value| entry.pointer("/fieldsV1/f:metadata/f:annotations")?.get(format!("f:{RELEASE}")).cloned();
    let name = |entry: &Value| entry.get("manager").and_then(Value::as_str).unwrap_or_default().to_string();
    let is_whole = |entry: &Value| entry.get("subresource").and_then(Value::as_str).is_none_or(str::is_empty);
    let helms: Vec<String> = managers.iter().filter(|e| marks(e).is_some() && name(e) != MANAGER).map(name).collect();
    let is_helms = |entry: &Value| is_whole(entry) && helms.contains(&name(entry));
    let is_ours = |entry: &Value| {
        is_whole(entry) && name(entry) == MANAGER && entry.get("operation").and_then(Value::as_str) == Some("Apply")
    };
    let first = managers.iter().find(|e| is_helms(e))?;
    let mut fields = Map::new();
    let mut rest = Vec::new();
    for entry in managers {
        if is_helms(entry) || is_ours(entry) {
            if let Some(set) = entry.get("fieldsV1").and_then(Value::as_object) {
                unite(&mut fields, set);
            }
        } else {
            rest.push(entry.clone());
        }
    }
    let ours = managers.iter().find(|e| is_ours(e)).unwrap_or(first);
    let mut ours = ours.clone();
    ours["manager"] = json!(MANAGER);
    ours["operation"] = json!("Apply");
    ours["fieldsV1"] = Value::Object(fields);
    rest.push(ours);
    Some(rest)
}

/// All fields of both sets.
fn unite(into: &mut Map<String, Value>, set: &Map<String, Value>) {
    for (field, below) in set {
        let there = into.entry(field.clone()).or_insert_with(|| json!({}));
        if let (Value::Object(there), Value::Object(below)) = (there, below) {
            unite(there, below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn helms(more: Value) -> Value {
        let mut fields = json!({"f:metadata": {"f:annotations": {"f:meta.helm.sh/release-name": {}}}});
        fields["f:data"] = more;
        fields
    }

    #[test]
    fn what_helm_has_set_becomes_ours() {
        let others = entry("kubectl-scale", "Update", json!({"f:spec": {"f:replicas": {}}}));
        let managers = [
            entry("python3.11", "Update", helms(json!({"f:a": {}}))),
            others.clone(),
            entry("python3.11", "Update", json!({"f:data": {"f:b": {}}})),
            entry(MANAGER, "Apply", json!({"f:data": {"f:c": {}}})),
        ];
        let upgraded = upgraded(&managers).expect("something is Helm's");
        assert_eq!(upgraded.len(), 2);
        assert_eq!(upgraded[0], others);
        assert_eq!(upgraded[1], entry(MANAGER, "Apply", helms(json!({"f:a": {}, "f:b": {}, "f:c": {}}))));
    }

    #[test]
    fn what_is_nobodys_of_helm_stays() {
        assert_eq!(upgraded(&[entry("kubectl", "Update", json!({"f:data": {}}))]), None);
        // Ours carry the annotation as well, where a chart's objects had it before.
        assert_eq!(upgraded(&[entry(MANAGER, "Apply", helms(json!({})))]), None);
        let mut status = entry("helm", "Update", helms(json!({})));
        status["subresource"] = json!("status");
        assert_eq!(upgraded(&[status]), None);
        assert_eq!(upgraded(&[]), None);
    }

    #[test]
    fn whose_an_object_is() {
        let object = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "web",
            "meta.helm.sh/release-namespace": "shop", "helm.sh/resource-policy": "keep"}}});
        assert_eq!((release_of(&object), is_kept(&object)), (Some(("web", "shop")), true));
        assert_eq!((release_of(&json!({})), is_kept(&json!({}))), (None, false));
    }
}
