//! Whether a gate is open, and what is unmet. Asked at the one place where steps are started, and by `why`.

use crate::model::window::Hours;
use crate::plan::memory::{Memory, Moment, Standing};
use crate::plan::{EnvironmentPlan, GatePlan, Plan, Quorum, quorum};

/// Something that keeps a gate closed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unmet {
    /// What is missing, in words.
    pub what: String,
    /// The earliest moment at which it can be met, where time alone meets it.
    pub earliest: Option<Moment>,
    /// The approvals that are missing, where it is those.
    pub approvals: Option<Quorum>,
}

/// What keeps the gate of an environment closed at that moment; nothing when it is open.
pub fn unmet(plan: &Plan, environment: &EnvironmentPlan, memory: &Memory, now: Moment) -> Vec<Unmet> {
    let Some(gate) = &environment.gate else { return Vec::new() };
    let place = memory.environments.get(&environment.name);
    let standing = place.and_then(|p| p.standing.as_ref()).filter(|s| Some(s.subplan) == environment.subplan);
    let mut unmet = Vec::new();
    // The plan knows of a no that was there before it; one that is said while it is carried out is known here.
    if let Some(no) = standing.and_then(|s| s.rejected.as_ref()) {
        let what = format!("another candidate, since {} rejected this one", no.by);
        unmet.push(Unmet { what, earliest: None, approvals: None });
    }
    if !(environment.is_rollback && gate.free_rollback) {
        unmet.extend(gate.approvals.iter().filter_map(|q| approvals(q, gate, standing, now)));
    }
    unmet.extend(soak(plan, environment, gate, memory, now));
    unmet.extend(window(gate, now));
    unmet
}

fn approvals(quorum: &Quorum, gate: &GatePlan, standing: Option<&Standing>, now: Moment) -> Option<Unmet> {
    let missing = standing.map_or(quorum.count, |s| quorum::missing(quorum, gate, s, Some(now)));
    if missing == 0 {
        return None;
    }
    let people = if missing == 1 { "approval" } else { "approvals" };
    let more = if missing < quorum.count { " more" } else { "" };
    let from = quorum.from.as_ref().map(|f| format!(" from {f}")).unwrap_or_default();
    let what = format!("{missing}{more} {people}{from}");
    Some(Unmet { what, earliest: None, approvals: Some(Quorum { count: missing, ..quorum.clone() }) })
}

fn soak(plan: &Plan, environment: &EnvironmentPlan, gate: &GatePlan, memory: &Memory, now: Moment) -> Option<Unmet> {
    let wanted = gate.soak?;
    let before = environment.after.iter().filter_map(|e| plan.environments.get(*e as usize));
    let since = before.filter_map(|e| memory.environments.get(&e.name)?.has.as_ref().map(|h| (h.since, &e.name)));
    let (since, name) = since.max()?;
    let until = since.saturating_add(wanted);
    let soak = crate::model::duration::format(std::time::Duration::from_millis(u64::try_from(wanted).unwrap_or(0)));
    (now < until).then(|| Unmet { what: format!("{soak} in {name}"), earliest: Some(until), approvals: None })
}

fn window(gate: &GatePlan, now: Moment) -> Option<Unmet> {
    if gate.windows.is_empty() {
        return None;
    }
    let mut earliest: Option<Moment> = None;
    for (hours, zone) in &gate.windows {
        let (Ok(hours), Ok(now)) = (Hours::parse(hours), jiff::Timestamp::from_millisecond(now)) else { continue };
        let zone = jiff::tz::TimeZone::get(zone.as_deref().unwrap_or("UTC")).unwrap_or(jiff::tz::TimeZone::UTC);
        let here = now.to_zoned(zone);
        if hours.contains(&here) {
            return None;
        }
        let opening = hours.next_opening(&here).map(|z| z.timestamp().as_millisecond());
        earliest = [earliest, opening].into_iter().flatten().min();
    }
    let windows: Vec<String> =
        gate.windows.iter().map(|(hours, zone)| format!("{hours} {}", zone.as_deref().unwrap_or("UTC"))).collect();
    Some(Unmet { what: format!("the window {}", windows.join(" or ")), earliest, approvals: None })
}

/// The earliest moment at which a gate can open: nothing where people have to act first or it never does.
pub fn earliest(unmet: &[Unmet]) -> Option<Moment> {
    unmet.iter().map(|u| u.earliest).collect::<Option<Vec<_>>>()?.into_iter().max()
}
