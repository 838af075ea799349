//! What a cluster refuses, in words: what was asked, of what, for whom, and how to go on.

use super::client::Cluster;
use super::kinds::Resource;
use crate::ports::{Fault, PortError};
use kube::core::Status;
use std::time::Duration;

/// A request, as much of it as the words of a refusal need.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// `get`, `list`, `patch`, `create`, `delete`.
    pub verb: &'static str,
    /// Of what kind.
    pub resource: &'a Resource,
    /// In which namespace.
    pub namespace: Option<&'a str>,
    /// Of what name; empty for all.
    pub name: &'a str,
}

/// A request that was not granted.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status; 0 where there was no answer.
    pub code: u16,
    /// The server's word for the reason: `Conflict`, `Invalid`; may be empty.
    pub reason: String,
    /// What exactly, field by field.
    pub causes: Vec<Cause>,
    /// Whether the same may be granted a little later: nobody answered, or the server is busy.
    pub passing: bool,
    /// All of it in words.
    pub error: PortError,
}

/// One cause of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The server's word: `FieldManagerConflict`, `FieldValueInvalid`.
    pub reason: String,
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Refusal {
        Refusal::plain(error)
    }
}

impl From<Refusal> for PortError {
    fn from(refusal: Refusal) -> PortError {
        refusal.error
    }
}

impl Ask<'_> {
    fn object(&self) -> String {
        match (self.resource.kind.is_empty(), self.name.is_empty()) {
            (true, _) => format!("`{}`", self.resource.plural),
            (false, true) => self.resource.right(),
            (false, false) => format!("{}/{}", self.resource.kind, self.name),
        }
    }

    /// What somebody may not: `patch deployments.apps in namespace shop`.
    fn right(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("{} {} in namespace `{namespace}`", self.verb, self.resource.right()),
            None => format!("{} {}", self.verb, self.resource.right()),
        }
    }
}

impl Refusal {
    /// One that the cluster was never asked about.
    pub(super) fn plain(error: PortError) -> Refusal {
        Refusal { code: 0, reason: String::new(), causes: Vec::new(), passing: false, error }
    }

    /// No answer in time.
    pub(super) fn silent(cluster: &Cluster, patience: Duration) -> Refusal {
        let (context, seconds) = (&cluster.context, patience.as_secs());
        let message = format!("cluster `{context}` at {} did not answer within {seconds} s", cluster.server);
        Refusal { passing: true, ..Refusal::plain(PortError::new(Fault::Unavailable, message)) }
    }

    /// What the client says.
    pub(super) fn of(cluster: &Cluster, ask: &Ask<'_>, error: kube::Error) -> Refusal {
        match error {
            kube::Error::Api(status) => of_status(&cluster.context, &cluster.user, ask, &status),
            kube::Error::Auth(error) => {
                let message = format!(
                    "user `{}` cannot log in to cluster `{}`: {}",
                    cluster.user,
                    cluster.context,
                    chain(&error)
                );
                Refusal::plain(PortError::new(Fault::Denied, message).help("log in again, or renew its credentials"))
            }
            kube::Error::SerdeError(error) => {
                let message = format!(
                    "cluster `{}` at {} answered with something that is no JSON: {error}",
                    cluster.context, cluster.server
                );
                Refusal::plain(
                    PortError::new(Fault::Invalid, message).help("something else may answer at that address"),
                )
            }
            error => unreachable(cluster, &chain(&error)),
        }
    }

    /// Who holds the fields that a conflict is about: manager and field.
    pub fn holders(&self) -> Vec<(String, String)> {
        let conflicts = self.causes.iter().filter(|c| c.reason == "FieldManagerConflict");
        conflicts.map(|c| (holder(&c.message), c.field.trim_start_matches('.').to_string())).collect()
    }
}

/// No answer at all.
fn unreachable(cluster: &Cluster, why: &str) -> Refusal {
    let message = format!("cluster `{}` at {} cannot be reached: {why}", cluster.context, cluster.server);
    let distrusted = why.contains("certificate");
    let error = PortError::new(if distrusted { Fault::Denied } else { Fault::Unavailable }, message);
    let help = match distrusted {
        true => "the kubeconfig names another authority than the one that signed the server's certificate",
        false => "see whether it runs, and whether the kubeconfig's address is right",
    };
    Refusal { passing: !distrusted, ..Refusal::plain(error.help(help)) }
}

/// An error with those behind it, each once: the first is often no more than a category.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let text = error.to_string();
        texts.retain(|t| !t.contains(&text) || *t == text);
        if !texts.iter().any(|t| t.contains(&text)) {
            texts.push(text);
        }
        at = error.source();
    }
    let words = ["ServiceError: ", "HyperError: ", "client error (Connect)"];
    let texts = texts.iter().map(|t| words.iter().fold(t.clone(), |t, w| t.replace(w, "")));
    texts.filter(|t| !t.trim().is_empty()).collect::<Vec<_>>().join(": ")
}

/// The manager in `conflict with "kubectl-edit" using apps/v1`.
fn holder(message: &str) -> String {
    message.split('"').nth(1).unwrap_or(message).to_string()
}

pub(super) fn of_status(context: &str, user: &str, ask: &Ask<'_>, status: &Status) -> Refusal {
    let details = status.details.as_ref();
    let causes: Vec<Cause> = details
        .map(|d| d.causes.iter())
        .into_iter()
        .flatten()
        .map(|c| Cause { reason: c.reason.clone(), field: c.field.clone(), message: c.message.clone() })
        .collect();
    let (object, text) = (ask.object(), status.message.trim());
    let error = |fault, message: String| PortError::new(fault, message);
    let terminating = causes.iter().any(|c| c.reason == "NamespaceTerminating") || text.contains("being terminated");
    let mut passing = false;
    let error = match status.code {
        401 => error(Fault::Denied, format!("cluster `{context}` does not accept the credentials of user `{user}`"))
            .help("log in again, or renew them in the kubeconfig"),
        403 if terminating => being_deleted(context, ask.namespace.unwrap_or_default()),
        403 if text.contains(" cannot ") => forbidden(context, user, ask, text),
        403 => error(Fault::Invalid, format!("cluster `{context}` refuses {object}: {}", plain(text)))
            .help("what admits objects there says no: change the object, or what admits it"),
        404 => error(Fault::NotFound, format!("cluster `{context}` has no {object}: {text}")),
        409 if causes.iter().any(|c| c.reason == "FieldManagerConflict") => conflict(context, &object, &causes),
        409 => error(Fault::Moved, format!("{object} in cluster `{context}` is not as it was a moment ago: {text}")),
        500 | 400 if text.contains("field not declared in schema") => undeclared(&object, text),
        // An older server has no better code for what it cannot make sense of.
        500 if text.contains("failed to create typed patch object") => invalid(&object, &causes, text),
        400 | 413 | 415 | 422 => invalid(&object, &causes, text),
        code => {
            passing = code == 429 || code >= 500;
            error(Fault::Unavailable, format!("cluster `{context}` answered {code} to {} {object}: {text}", ask.verb))
        }
    };
    Refusal { code: status.code, reason: status.reason.clone(), causes, passing, error }
}

/// A namespace that is on its way out.
pub(super) fn being_deleted(context: &str, namespace: &str) -> PortError {
    let message = format!("namespace `{namespace}` of cluster `{context}` is being deleted, and takes nothing new");
    PortError::new(Fault::Moved, message).help("apply again when it is gone; it is made anew then")
}

fn forbidden(context: &str, user: &str, ask: &Ask<'_>, text: &str) -> PortError {
    // The server knows better than the kubeconfig whom it takes us for.
    let name = text.split("User \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(user);
    let message = format!("user `{name}` may not {} of cluster `{context}`", ask.right());
    let rule = format!(
        "apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [\"{}\"]",
        ask.resource.group(),
        ask.resource.plural,
        ask.verb
    );
    let kind = if ask.namespace.is_some() { "Role" } else { "ClusterRole" };
    PortError::new(Fault::Denied, message).help(format!("bind them a {kind} with {rule}"))
}

fn conflict(context: &str, object: &str, causes: &[Cause]) -> PortError {
    let mut holders: Vec<(String, Vec<&str>)> = Vec::new();
    for cause in causes.iter().filter(|c| c.reason == "FieldManagerConflict") {
        let (who, field) = (holder(&cause.message), cause.field.trim_start_matches('.'));
        match holders.iter_mut().find(|(name, _)| *name == who) {
            Some((_, fields)) => fields.push(field),
            None => holders.push((who, vec![field])),
        }
    }
    let said: Vec<String> = holders.iter().map(|(who, fields)| format!("`{who}` owns {}", fields.join(", "))).collect();
    PortError::new(Fault::Moved, format!("{object} in cluster `{context}` belongs to others in part: {}", said.join("; ")))
        .help("leave these fields out of what is rendered, or take them over with `adopt=#true` at the environment's `cluster`")
}

fn undeclared(object: &str, text: &str) -> PortError {
    let fields: Vec<&str> = text
        .split(": field not declared in schema")
        .filter_map(|part| part.rsplit([' ', '\n']).next())
        .filter(|f| f.starts_with('.'))
        .map(|f| f.trim_start_matches('.'))
        .collect();
    let named = if fields.is_empty() { text.to_string() } else { fields.join(", ") };
    PortError::new(Fault::Invalid, format!("{object} has fields that its kind does not have: {named}")).help(
        "put the template or the values right; the cluster's version of the kind may be older than the chart expects",
    )
}

fn invalid(object: &str, causes: &[Cause], text: &str) -> PortError {
    let mut said: Vec<String> = causes
        .iter()
        .filter(|c| !c.field.is_empty() && !c.message.is_empty())
        .map(|c| format!("{}: {}", c.field, c.message))
        .collect();
    said.dedup();
    let said = if said.is_empty() { text.to_string() } else { said.join("; ") };
    PortError::new(Fault::Invalid, format!("{object} is not valid: {said}"))
}

/// The server's text without the object's name in front, which stands there already.
fn plain(text: &str) -> &str {
    text.split_once(" is forbidden: ").map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(verb: &'static str, status: Value) -> Refusal {
        let resource = Resource::known("apps/v1", "Deployment", "deployments", true);
        let ask = Ask { verb, resource: &resource, namespace: Some("shop"), name: "web" };
        of_status("dev", "ann", &ask, &serde_json::from_value(status).expect("a status"))
    }

    #[test]
    fn forbidden_says_what_on_what_for_whom() {
        let text = "deployments.apps \"web\" is forbidden: User \"system:serviceaccount:ci:bot\" cannot patch resource \
                    \"deployments\" in API group \"apps\" in the namespace \"shop\"";
        let error = refused("patch", json!({"code": 403, "reason": "Forbidden", "message": text})).error;
        assert_eq!(error.fault, Fault::Denied);
        assert_eq!(
            error.message,
            "user `system:serviceaccount:ci:bot` may not patch deployments.apps in namespace `shop` of cluster `dev`"
        );
    }

    #[test]
    fn what_admission_refuses_is_no_matter_of_rights() {
        let text = "admission webhook \"images.example.com\" denied the request: no signature";
        let error = refused("patch", json!({"code": 403, "message": text})).error;
        assert_eq!((error.fault, error.message.contains(text)), (Fault::Invalid, true));
        let text = "pods \"web\" is forbidden: exceeded quota: small";
        let error = refused("patch", json!({"code": 403, "message": text})).error;
        assert_eq!(error.message, "cluster `dev` refuses Deployment/web: exceeded quota: small");
    }

    #[test]
    fn a_conflict_names_who_owns_which_field() {
        let cause = |who: &str, field: &str| {
            let message = format!("conflict with \"{who}\" using apps/v1");
            json!({"reason": "FieldManagerConflict", "message": message, "field": field})
        };
        let causes = [cause("kubectl-edit", ".spec.replicas"), cause("hpa", ".spec.x"), cause("hpa", ".spec.y")];
        let refusal = refused("patch", json!({"code": 409, "reason": "Conflict", "details": {"causes": causes}}));
        assert!(refusal.error.message.ends_with("`kubectl-edit` owns spec.replicas; `hpa` owns spec.x, spec.y"));
        assert_eq!(refusal.holders()[0], ("kubectl-edit".to_string(), "spec.replicas".to_string()));
    }

    #[test]
    fn fields_that_a_kind_does_not_have_are_named_whatever_the_code() {
        let text = "failed to create typed patch object: errors:\n  .spec.replics: field not declared in schema\n  \
                    .spec.template.x: field not declared in schema";
        let refusal = refused("patch", json!({"code": 500, "message": text}));
        assert!(!refusal.passing);
        assert_eq!(
            refusal.error.message,
            "Deployment/web has fields that its kind does not have: spec.replics, spec.template.x"
        );
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        assert!(refused("get", json!({"code": 503, "message": "busy"})).passing);
        assert!(!refused("get", json!({"code": 422, "message": "no"})).passing);
        let deleted = json!({"code": 403, "message": "x", "details": {"causes": [{"reason": "NamespaceTerminating"}]}});
        assert!(refused("create", deleted).error.message.contains("`shop` of cluster `dev` is being deleted"));
    }
}
