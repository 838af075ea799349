//! What is there, and what a deploy would make of it. Nothing here changes anything.

use super::client::Cluster;
use super::compare::{self, clean, is_applied};
use super::inventory::{self, Inventory};
use super::owner::Home;
use super::survey::{self, AT_ONCE, Fate, Obsolete, Surveyed};
use super::wanted::{Wanted, wanted};
use super::{namespace, pull};
use crate::ports::bundle::Bundle;
use crate::ports::places::{Rehearsal, Rehearsed, Seen, Target};
use crate::ports::{Fault, PortError};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a cluster has of a release, compared with what was deployed last.
pub(super) async fn look(
    cluster: &Cluster,
    target: &Target,
    release: &str,
    bundle: Option<&Bundle>,
) -> Result<Seen, PortError> {
    let home = Home { namespace: target.namespace().to_string(), release: release.to_string() };
    let Some(inventory) = inventory::read(cluster, &home).await? else { return Ok(Seen::default()) };
    let mut drift = match bundle {
        Some(bundle) => drifted(cluster, &home, target, bundle).await?,
        None => Vec::new(),
    };
    drift.extend(unaccounted(cluster, &home, &inventory, bundle).await?);
    Ok(Seen { bundle: inventory.bundle, drift })
}

/// What of a bundle that was deployed is not as it was.
async fn drifted(
    cluster: &Cluster,
    home: &Home,
    target: &Target,
    bundle: &Bundle,
) -> Result<Vec<(String, String)>, PortError> {
    let pulls = matches!(target, Target::Cluster { pull_secret: Some(_), .. });
    let name = pull::name(&home.release);
    let surveyed = survey::survey(cluster, home, wanted(bundle, home, pulls.then_some(name.as_str()))?).await?;
    let judge = |one: &Surveyed| {
        let one = one.clone();
        async move {
            let words = match (&one.live, &one.at) {
                (None, _) => Some("is missing".to_string()),
                (Some(live), Some(at)) if !is_applied(&one.wanted, live) && !left(&one, live, home) => {
                    let (would, _) = survey::apply(cluster, home, at, &one.wanted.body, Some(live), true, true).await?;
                    compare::drift(live, &would)
                }
                _ => None,
            };
            Ok::<_, PortError>(words.map(|words| (one.wanted.id.clone(), words)))
        }
    };
    let judged: Vec<Option<_>> = stream::iter(&surveyed).map(judge).buffered(AT_ONCE).try_collect().await?;
    Ok(judged.into_iter().flatten().collect())
}

/// Definitions that several releases share are not compared where they are another's.
fn left(one: &Surveyed, live: &Value, home: &Home) -> bool {
    one.wanted.shared && super::owner::owner(live, home) != super::owner::Owner::Us
}

/// What the inventory knows and the bundle does not: what a deploy left that did not finish, and our pull secret, if it is gone.
async fn unaccounted(
    cluster: &Cluster,
    home: &Home,
    inventory: &Inventory,
    bundle: Option<&Bundle>,
) -> Result<Vec<(String, String)>, PortError> {
    let known: BTreeSet<String> = bundle.iter().flat_map(|b| b.objects.iter()).map(|o| o.id()).collect();
    let secret = format!("Secret/{}", pull::name(&home.release));
    let rest: Vec<_> = inventory.objects.iter().filter(|e| !known.contains(&e.id)).collect();
    let mut drift = Vec::new();
    for entry in rest.into_iter().filter(|e| inventory.unfinished.is_some() || e.id == secret || bundle.is_none()) {
        let Some(resource) = cluster.kind(&entry.api_version, &entry.kind).await? else { continue };
        let at = resource.at(entry.namespace.as_deref().unwrap_or(&home.namespace), &entry.name);
        let is_there = cluster.get(&at).await?.is_some();
        match (is_there, inventory.unfinished.is_some() && entry.id != secret) {
            (true, true) if bundle.is_some() => {
                drift.push((entry.id.clone(), "is of a deploy that did not finish".to_string()));
            }
            (false, false) => drift.push((entry.id.clone(), "is missing".to_string())),
            _ => {}
        }
    }
    Ok(drift)
}

/// What deploying a bundle would change.
pub(super) async fn rehearse(
    cluster: &Cluster,
    target: &Target,
    bundle: &Bundle,
    unknowns: &[String],
) -> Result<Rehearsal, PortError> {
    let Target::Cluster { namespace, create_namespace, pull_secret, adopt, .. } = target else {
        return Err(PortError::new(Fault::Invalid, format!("{target} is no cluster")));
    };
    let home = Home { namespace: namespace.clone(), release: bundle.release.clone() };
    let before = inventory::read(cluster, &home).await?;
    let state = match bundle.is_empty() {
        true => namespace::State::There,
        false => namespace::look(cluster, namespace, *create_namespace).await?,
    };
    let ready = state == namespace::State::There;
    let name = pull::name(&home.release);
    let objects = wanted(bundle, &home, pull_secret.is_some().then_some(name.as_str()))?;
    let mut rehearsed = Vec::new();
    let renders_it = objects.iter().any(|o| o.kind == "Namespace" && o.name == *namespace);
    if !ready && !renders_it {
        let after = Some(serde_json::json!({"kind": "Namespace", "metadata": {"name": namespace}}));
        rehearsed.push(Rehearsed { object: format!("Namespace/{namespace}"), before: None, after });
    }
    let surveyed = survey::survey(cluster, &home, objects).await?;
    let adopt = *adopt;
    let home = &home;
    let play = |one: &Surveyed| {
        let one = one.clone();
        async move { play(cluster, home, adopt, ready, unknowns, one).await }
    };
    let played: Vec<_> = stream::iter(&surveyed).map(play).buffered(AT_ONCE).collect().await;
    rehearsed.extend(all(played)?);
    let mut obsolete = Vec::new();
    if let Some(before) = &before {
        let mut before = before.clone();
        // The pull secret is deployed with its value alone, which is not looked at here.
        let secret = format!("Secret/{name}");
        before.objects.retain(|e| e.id != secret || pull_secret.is_none() || bundle.is_empty());
        obsolete = survey::obsolete(cluster, home, &before, &surveyed).await?;
    }
    if adopt && !bundle.is_empty() {
        obsolete.extend(survey::left_by_helm(cluster, home, before.as_ref(), &surveyed).await?);
    }
    rehearsed.extend(obsolete.into_iter().filter_map(|one| match one {
        Obsolete::Goes(_, object, live) => Some(masked(object, Some(live), None)),
        Obsolete::Kept(..) => None,
    }));
    Ok(Rehearsal { bundle: before.and_then(|b| b.bundle), objects: rehearsed })
}

/// All that came out, or what was refused: all refusals together, so that they can be put right together.
fn all<T>(outcomes: Vec<Result<T, PortError>>) -> Result<Vec<T>, PortError> {
    const SHOWN: usize = 5;
    let (done, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let mut failed = failed.into_iter().filter_map(Result::err);
    let Some(mut first) = failed.next() else { return Ok(done.into_iter().filter_map(Result::ok).collect()) };
    let others: Vec<PortError> = failed.filter(|e| e.message != first.message).collect();
    for other in others.iter().take(SHOWN) {
        first.message = format!("{}; {}", first.message, other.message);
    }
    if let Some(more) = others.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        first.message = format!("{}; and {more} more", first.message);
    }
    Err(first)
}

/// Rehearses one object. What is not known yet is stood in for by something that looks like it.
async fn play(
    cluster: &Cluster,
    home: &Home,
    adopt: bool,
    ready: bool,
    unknowns: &[String],
    mut one: Surveyed,
) -> Result<Rehearsed, PortError> {
    let plain = one.wanted.clone();
    let stands_in = stand_in(&mut one.wanted, unknowns);
    let fate = match survey::fate(cluster, home, adopt, ready, &one).await {
        // What stands there is not what will: that it is not valid says nothing.
        Err(error) if stands_in && error.fault == Fault::Invalid => match &one.live {
            Some(live) => Fate::Changes(laid_over(live, &plain.body)),
            None => Fate::Comes,
        },
        other => other?,
    };
    let (object, live) = (plain.id.clone(), one.live);
    Ok(match fate {
        Fate::Stays | Fate::Left(_) => masked(object, live.clone(), live),
        Fate::Comes => masked(object, None, Some(plain.body)),
        Fate::Changes(mut would) => {
            if stands_in {
                unknowns.iter().for_each(|unknown| replace(&mut would, &like(unknown), unknown));
            }
            masked(object, live, Some(would))
        }
    })
}

fn masked(object: String, before: Option<Value>, after: Option<Value>) -> Rehearsed {
    let (mut before, mut after) = (before.map(clean), after.map(clean));
    compare::mask(&mut before, &mut after);
    Rehearsed { object, before, after }
}

/// Puts something that looks like them where texts stand for what is not known. Whether there was any.
fn stand_in(wanted: &mut Wanted, unknowns: &[String]) -> bool {
    let before = wanted.body.clone();
    unknowns.iter().for_each(|unknown| replace(&mut wanted.body, unknown, &like(unknown)));
    before != wanted.body
}

/// Something that looks like an unknown of that name: a digest, or a word that says which one it is.
fn like(unknown: &str) -> String {
    let digest = crate::digest::Digest::of(unknown);
    if unknown.starts_with("(digest ") { digest.to_string() } else { format!("unknown-{}", digest.short()) }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, from, to)),
        _ => {}
    }
}

/// One object with the fields of another over its own.
fn laid_over(live: &Value, body: &Value) -> Value {
    match (live, body) {
        (Value::Object(live), Value::Object(body)) => {
            let mut out = live.clone();
            for (key, value) in body {
                let under = live.get(key).unwrap_or(&Value::Null);
                out.insert(key.clone(), laid_over(under, value));
            }
            Value::Object(out)
        }
        (Value::Array(live), Value::Array(body)) if live.len() == body.len() => {
            Value::Array(live.iter().zip(body).map(|(live, body)| laid_over(live, body)).collect())
        }
        (_, body) => body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknowns_are_stood_in_for_and_come_back() {
        let unknown = "(digest known after build.app)".to_string();
        let mut body = json!({"image": format!("r.example.com/app@{unknown}")});
        replace(&mut body, &unknown, &like(&unknown));
        assert!(body["image"].as_str().expect("a text").starts_with("r.example.com/app@sha256:"));
        replace(&mut body, &like(&unknown), &unknown);
        assert_eq!(body["image"], format!("r.example.com/app@{unknown}"));
    }

    #[test]
    fn what_is_refused_is_told_together() {
        let error = |text: &str| Err::<(), _>(PortError::new(Fault::Invalid, text));
        let told = all(vec![error("a"), Ok(()), error("b")]).expect_err("refused");
        assert_eq!(told.message, "a; b");
        assert_eq!(all(vec![Ok(1), Ok(2)]), Ok(vec![1, 2]));
    }

    #[test]
    fn fields_are_laid_over_what_is_there() {
        let live = json!({"spec": {"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]}});
        let over = laid_over(&live, &json!({"spec": {"ports": [{"port": 81}]}}));
        assert_eq!(over, json!({"spec": {"type": "ClusterIP", "ports": [{"port": 81, "protocol": "TCP"}]}}));
    }
}
