//! Which candidate is for which environment.

use super::beside::{self, Aside};
use super::diff::{Options, port_diagnostic};
use super::memory::{Has, Memory, Place};
use super::observed::{Answer, Observed, Query};
use super::{Candidate, GatePlan, Plan, Verdict};
use crate::diag::Diagnostic;
use crate::digest::Digest;
use crate::graph::{Graph, Kind, NodeId};
use crate::model::GateRule;
use crate::ports::sources::Head;
use std::collections::{BTreeMap, BTreeSet};

/// The choice: candidates, and the one for each environment.
pub(super) struct Targets {
    /// The newest first, then those of before that are still on their way somewhere.
    pub candidates: Vec<Candidate>,
    /// The heads that the newest one was formed of.
    pub heads: BTreeMap<String, Head>,
    of: BTreeMap<NodeId, Target>,
    /// Environments that are offered what those before them have.
    offered: BTreeSet<NodeId>,
}

/// What is for an environment.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The candidate's id.
    pub candidate: Digest,
    /// A rollback that somebody asked for: what the environment had with it.
    pub rollback: Option<Has>,
    /// Why it is left alone.
    pub aside: Option<Aside>,
}

impl Target {
    fn plain(candidate: Digest) -> Target {
        Target { candidate, rollback: None, aside: None }
    }

    /// The same, unless another run brings that candidate along, or a newer one is there.
    fn unless_left_alone(mut self, graph: &Graph, memory: &Memory, options: &Options, id: NodeId) -> Target {
        let may_be_late = options.goes_on && self.rollback.is_none();
        let overtaken = || beside::overtaken(memory, None, graph.name(id), self.candidate).filter(|_| may_be_late);
        let carrier = || beside::carrier(self.candidate, &options.beside).map(Aside::InHand);
        self.aside = self.aside.or_else(carrier).or_else(|| overtaken().map(Aside::Overtaken));
        self
    }
}

/// Heads that are not known.
pub(super) struct Unanswered {
    pub missing: Vec<Query>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Targets {
    /// Forms the newest candidate of the heads, and chooses.
    pub fn choose(
        graph: &Graph,
        memory: &Memory,
        observed: &Observed,
        options: &Options,
    ) -> Result<Targets, Unanswered> {
        let heads = heads(graph, memory, observed, options)?;
        let versions = heads.iter().map(|(source, head)| (source.clone(), head.version.clone())).collect();
        let newest = Candidate::new(options.file, versions);
        let mut targets = Targets { candidates: vec![newest], heads, of: BTreeMap::new(), offered: BTreeSet::new() };
        for (id, kind) in graph.nodes() {
            if let Kind::Environment(_) = kind {
                let target = targets.target(graph, memory, options, id);
                targets.of.insert(id, target.unless_left_alone(graph, memory, options, id));
            }
        }
        Ok(targets)
    }

    /// What is for that environment.
    pub fn of(&self, id: NodeId) -> &Target {
        &self.of[&id]
    }

    fn target(&mut self, graph: &Graph, memory: &Memory, options: &Options, id: NodeId) -> Target {
        let newest = Target::plain(self.candidates[0].id);
        let none = Place::default();
        let place = memory.environments.get(graph.name(id)).unwrap_or(&none);
        if let Some(taken) = beside::inside(place, &options.beside) {
            return Target { aside: Some(Aside::InHand(taken.run)), ..Target::plain(taken.candidate) };
        }
        let about = (!options.goes_on).then_some(newest.candidate);
        let late = |older: &Digest| beside::overtaken(memory, about, graph.name(id), *older).is_some();
        if let Some(wish) = &place.rollback
            && let Some(has) = place.has.iter().chain(place.had.iter().rev()).find(|h| h.candidate == wish.candidate)
            && self.admit(memory, wish.candidate, None)
        {
            return Target { rollback: Some(has.clone()), ..Target::plain(wish.candidate) };
        }
        let gate =
            graph.environment(id).and_then(|e| if let GateRule::Gate(g) = &e.gate { Some(gate_plan(g)) } else { None });
        if let Some(older) = gate.and_then(|gate| standing(place, &gate)).filter(|c| !late(c))
            && self.admit(memory, older, Some(options.file))
        {
            return Target::plain(older);
        }
        for older in place.queue.iter().copied().filter(|c| !late(c)) {
            if self.admit(memory, older, Some(options.file)) {
                return Target::plain(older);
            }
        }
        if let Some(older) = self.next(graph, memory, id).filter(|c| !late(c))
            && self.admit(memory, older, Some(options.file))
        {
            self.offered.insert(id);
            return Target::plain(older);
        }
        newest
    }

    /// The candidates of which there is something to plan, with their place in the list: what another run brings along is left
    /// to it.
    pub fn own<'t>(&'t self, options: &'t Options) -> impl Iterator<Item = (usize, &'t Candidate)> {
        self.candidates.iter().enumerate().filter(|(_, c)| beside::carrier(c.id, &options.beside).is_none())
    }

    /// Where what those before have brings nothing new, the newest is what there is to tell. Whether anything is another choice now.
    pub fn settle(&mut self, plan: &Plan) -> bool {
        let idle = plan.environments.iter().filter(|e| e.verdict == Verdict::UpToDate).map(|e| e.node);
        let idle: Vec<NodeId> = idle.filter(|node| self.offered.remove(node)).collect();
        let newest = self.candidates[0].id;
        self.of.extend(idle.iter().map(|node| (*node, Target::plain(newest))));
        let of = &self.of;
        self.candidates.retain(|c| c.id == newest || of.values().any(|t| t.candidate == c.id));
        !idle.is_empty()
    }

    /// What the environments before have and this one has not, while the newest cannot come to them without somebody's word:
    /// then that is the newest that may enter.
    fn next(&self, graph: &Graph, memory: &Memory, id: NodeId) -> Option<Digest> {
        let newest = self.candidates[0].id;
        let here = memory.environments.get(graph.name(id));
        let before = graph.environments_before(id);
        let waits = |before: &NodeId| {
            let place = memory.environments.get(graph.name(*before));
            let gated = graph
                .environment(*before)
                .is_some_and(|e| matches!(&e.gate, GateRule::Gate(g) if !g.approvals.is_empty()));
            place.is_some_and(|p| gated || p.hold.is_some() || p.banned.iter().any(|f| f.candidate == newest))
        };
        let has = |before: &NodeId| memory.environments.get(graph.name(*before))?.has.as_ref().map(|h| h.candidate);
        let first = before.first().and_then(has).filter(|c| *c != newest)?;
        let had = |p: &Place| p.has.iter().chain(&p.had).any(|h| h.candidate == first);
        let refused = |p: &Place| {
            p.banned.iter().any(|f| f.candidate == first)
                || p.standing.as_ref().is_some_and(|s| s.candidate == first && s.rejected.is_some())
        };
        let is_new = !here.is_some_and(|p| had(p) || refused(p));
        (is_new && before.iter().all(|b| waits(b) && has(b) == Some(first))).then_some(first)
    }

    /// Takes a candidate of before in, if it is known and, where `file` says so, of this pipeline file.
    fn admit(&mut self, memory: &Memory, id: Digest, file: Option<Digest>) -> bool {
        if self.candidates.iter().any(|c| c.id == id) {
            return true;
        }
        let Some(candidate) = memory.candidates.get(&id).filter(|c| file.is_none_or(|f| c.file == f)) else {
            return false;
        };
        self.candidates.push(candidate.clone());
        true
    }
}

/// The candidate at the gate, where it keeps its place although a newer one is there: it has its approvals, or the gate
/// queues.
pub fn standing(place: &Place, gate: &GatePlan) -> Option<Digest> {
    let standing = place.standing.as_ref().filter(|s| s.rejected.is_none())?;
    let approved = !gate.approvals.is_empty() && crate::plan::quorum::met(gate, standing, None);
    (approved || gate.queue).then_some(standing.candidate)
}

/// The gate of the model as plain data.
pub fn gate_plan(gate: &crate::model::Gate) -> GatePlan {
    let millis =
        |d: &crate::model::Spanned<std::time::Duration>| i64::try_from(d.value.as_millis()).unwrap_or(i64::MAX);
    let quorum = |a: &crate::model::Approve| super::Quorum {
        count: a.count.value,
        from: a.from.as_ref().map(|f| f.value.to_string()),
        self_allowed: a.self_allowed,
    };
    let window = |w: &crate::model::Window| (w.hours.value.to_string(), w.tz.as_ref().map(|t| t.value.to_string()));
    GatePlan {
        approvals: gate.approvals.iter().map(quorum).collect(),
        windows: gate.windows.iter().map(window).collect(),
        soak: gate.soak.as_ref().map(millis),
        expires: gate.expires.as_ref().map(millis),
        queue: gate.queue,
        free_rollback: gate.free_rollback,
    }
}

fn heads(
    graph: &Graph,
    memory: &Memory,
    observed: &Observed,
    options: &Options,
) -> Result<BTreeMap<String, Head>, Unanswered> {
    let mut heads = BTreeMap::new();
    let mut unanswered = Unanswered { missing: Vec::new(), diagnostics: Vec::new() };
    for source in &graph.pipeline().sources {
        let name = &source.name.value;
        if let Some(head) = options.versions.as_ref().and_then(|v| v.get(name.as_str())) {
            heads.insert(name.to_string(), head.clone());
            continue;
        }
        if let Some(pin) = memory.pins.get(name.as_str()) {
            heads.insert(name.to_string(), pin.head.clone());
            continue;
        }
        if let Some(diagnostic) = needs_adapter(source) {
            unanswered.diagnostics.push(diagnostic);
            continue;
        }
        let query = Query::Head { source: name.to_string() };
        match observed.get(&query) {
            Some(Ok(Answer::Head(head))) => {
                heads.insert(name.to_string(), unless_banned(memory, name, head));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => unanswered
                .diagnostics
                .push(port_diagnostic(error, &format!("source `{name}`")).at(source.span, "this source")),
            None => unanswered.missing.push(query),
        }
    }
    if unanswered.missing.is_empty() && unanswered.diagnostics.is_empty() { Ok(heads) } else { Err(unanswered) }
}

/// The head, or where its version is banned the one that counted last.
fn unless_banned(memory: &Memory, source: &str, head: &Head) -> Head {
    let is_banned = |h: &Head| memory.bans.iter().any(|b| b.source == source && b.version == h.version.id);
    match memory.heads.get(source) {
        Some(last) if is_banned(head) && !is_banned(last) => last.clone(),
        _ => head.clone(),
    }
}

/// A source that this build of Lockgate cannot look at.
fn needs_adapter(source: &crate::model::Source) -> Option<Diagnostic> {
    use crate::model::{SourceKind, source::is_path};
    let registries = super::builds::REGISTRIES;
    let (what, instead) = match &source.kind {
        SourceKind::Image { repository, .. } if !registries && !is_path(repository) => {
            ("image registries", "an OCI layout folder works without: `image \"./FOLDER\"`")
        }
        SourceKind::Helm { repo: Some(_), .. } if !registries => {
            ("chart repositories", "a chart's folder or archive works without: `helm \"./PATH\"`")
        }
        SourceKind::Helm { chart, repo: None, .. } if !is_path(chart) => {
            ("chart repositories", "a chart's folder or archive works without: `helm \"./PATH\"`")
        }
        _ => return None,
    };
    let message = format!("source `{}` needs the adapter for {what}, which is not there yet", source.name.value);
    Some(Diagnostic::new(&crate::diag::codes::NEEDS_ADAPTER, message).at(source.span, "this source").help(instead))
}
