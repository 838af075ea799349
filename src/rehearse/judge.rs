//! Whether what was expected is so.

use super::Refusal;
use super::stage::Stage;
use crate::model::test::{Deed, Expectation, Which};
use crate::model::{Said, Spanned};
use crate::plan::{Plan, Verdict, quorum};
use crate::run::gate;
use std::collections::BTreeSet;

/// An environment at whose gate something waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    /// The environment.
    pub environment: String,
    /// How many approvals are missing.
    pub approvals: u32,
    /// The groups that are asked for them.
    pub from: Vec<String>,
    /// All that is missing, in words.
    pub what: Vec<String>,
}

/// Why an expectation does not hold; nothing where it does.
pub(super) fn unmet(stage: &Stage, expectation: &Expectation) -> Result<Option<String>, Refusal> {
    Ok(match expectation {
        Expectation::Exactly(deed, names) => exactly(stage, *deed, names),
        Expectation::Waits { environments, approvals, from } => {
            waits(&waiting(stage), environments, approvals.map(|a| a.value), from.as_ref().map(|f| f.as_str()))
        }
        Expectation::Has(environment, which) => {
            let found =
                has(stage)?.into_iter().find(|(name, _)| *name == environment.value).map_or(Which::Nothing, |(_, w)| w);
            let name = &environment.value;
            (found != *which)
                .then(|| format!("expected that {name} has {}, but it has {}", words(*which), words(found)))
        }
        Expectation::Refused => {
            stage.story.refusals().is_empty().then(|| "expected that somebody is refused, but nobody was".to_string())
        }
    })
}

fn exactly(stage: &Stage, deed: Deed, names: &[Spanned<Said>]) -> Option<String> {
    let wanted: BTreeSet<&str> = names.iter().map(|n| n.as_str()).collect();
    let found = stage.story.done(deed);
    let (what, such) = match deed {
        Deed::Fails => (deed.word(), ""),
        _ => ("it", deed.word()),
    };
    if wanted == found {
        return None;
    }
    Some(match deed {
        Deed::Fails => {
            format!("expected that {} {what}, but {} does", list(&wanted, "nothing"), list(&found, "nothing"))
        }
        _ => format!(
            "expected that {what} {such} {}, but {what} {such} {}",
            list(&wanted, "nothing"),
            list(&found, "nothing")
        ),
    })
}

fn waits(
    waiting: &[Waiting],
    environments: &[Spanned<Said>],
    approvals: Option<u32>,
    from: Option<&str>,
) -> Option<String> {
    let all: BTreeSet<&str> = waiting.iter().map(|w| w.environment.as_str()).collect();
    if environments.is_empty() {
        return (!all.is_empty()).then(|| format!("expected that nothing waits, but {} does", list(&all, "nothing")));
    }
    for name in environments {
        let Some(found) = waiting.iter().find(|w| w.environment == name.value) else {
            return Some(format!("expected that {} waits at its gate, but it does not", name.value));
        };
        if let Some(wanted) = approvals.filter(|wanted| *wanted != found.approvals) {
            let count = |n: u32| if n == 1 { "1 approval".to_string() } else { format!("{n} approvals") };
            return Some(format!(
                "expected that {} waits for {}, but it waits for {}",
                name.value,
                count(wanted),
                count(found.approvals)
            ));
        }
        if let Some(group) = from.filter(|group| !found.from.iter().any(|f| f == group)) {
            let asked: BTreeSet<&str> = found.from.iter().map(String::as_str).collect();
            return Some(format!(
                "expected that {} waits for {group}, but it waits for {}",
                name.value,
                list(&asked, "no group")
            ));
        }
    }
    None
}

/// What waits at gates.
pub(super) fn waiting(stage: &Stage) -> Vec<Waiting> {
    let plan = stage.plan(&stage.graph, None).ok();
    let mut waiting = Vec::new();
    for (name, place) in &stage.state.memory.environments {
        let Some(standing) = place.standing.as_ref().filter(|s| s.rejected.is_none()) else { continue };
        let lacks = |q: &&crate::plan::Quorum| quorum::missing(q, &standing.gate, standing, Some(stage.now)) > 0;
        let quorums: Vec<_> = standing.gate.approvals.iter().filter(lacks).collect();
        let approvals = quorums.iter().map(|q| quorum::missing(q, &standing.gate, standing, Some(stage.now))).sum();
        let from = quorums.iter().filter_map(|q| q.from.clone()).collect();
        let what = plan.as_ref().map(|plan| missing(stage, plan, name)).unwrap_or_default();
        waiting.push(Waiting { environment: name.clone(), approvals, from, what });
    }
    waiting
}

/// What keeps the gate of an environment closed, in words.
fn missing(stage: &Stage, plan: &Plan, name: &str) -> Vec<String> {
    let Some(environment) = plan.environment(name) else { return Vec::new() };
    gate::unmet(plan, environment, &stage.state.memory, stage.now).into_iter().map(|u| u.what).collect()
}

/// Which candidate each environment has.
pub(super) fn has(stage: &Stage) -> Result<Vec<(String, Which)>, Refusal> {
    let plan = stage.plan(&stage.graph, None)?;
    let newest = plan.candidate().map(|c| c.id);
    let which = |e: &crate::plan::EnvironmentPlan| {
        let has = stage.state.memory.environments.get(&e.name).and_then(|p| p.has.as_ref());
        let is_there = e.verdict == Verdict::UpToDate && Some(e.candidate) == newest;
        match has {
            None => Which::Nothing,
            Some(has) if is_there || Some(has.candidate) == newest => Which::Newest,
            Some(_) => Which::Older,
        }
    };
    Ok(plan.environments.iter().map(|e| (e.name.clone(), which(e))).collect())
}

fn words(which: Which) -> &'static str {
    match which {
        Which::Newest => "the newest candidate",
        Which::Older => "an older candidate",
        Which::Nothing => "nothing",
    }
}

fn list(names: &BTreeSet<&str>, none: &str) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    match names.split_last() {
        None => none.to_string(),
        Some((last, [])) => (*last).to_string(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
