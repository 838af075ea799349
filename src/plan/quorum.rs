//! Counting approvals: who may give one, and whether there are enough.

use super::memory::{Approval, Moment, Standing};
use super::{GatePlan, Quorum};

/// Whether the approvals suffice. With a moment, those that have expired by then do not count.
pub fn met(gate: &GatePlan, standing: &Standing, now: Option<Moment>) -> bool {
    gate.approvals.iter().all(|q| missing(q, gate, standing, now) == 0)
}

/// How many approvals one line of a gate still lacks.
pub fn missing(quorum: &Quorum, gate: &GatePlan, standing: &Standing, now: Option<Moment>) -> u32 {
    let counted = standing.approvals.iter().filter(|a| counts(a, quorum, gate, standing, now)).count();
    quorum.count.saturating_sub(u32::try_from(counted).unwrap_or(u32::MAX))
}

fn counts(approval: &Approval, quorum: &Quorum, gate: &GatePlan, standing: &Standing, now: Option<Moment>) -> bool {
    let expired = match (gate.expires, now) {
        (Some(after), Some(now)) => now >= approval.at.saturating_add(after),
        _ => false,
    };
    approval.subplan == standing.subplan
        && !expired
        && is_member(approval.groups.as_deref(), quorum.from.as_deref())
        && (quorum.self_allowed || !is_own(approval, standing))
}

fn is_own(approval: &Approval, standing: &Standing) -> bool {
    std::iter::once(&approval.by).chain(&approval.also).any(|name| is_own_change(name, &standing.people))
}

/// Whether someone of these groups is of that one. Where groups are not known, everyone is taken at their word.
pub fn is_member(groups: Option<&[String]>, wanted: Option<&str>) -> bool {
    match (groups, wanted) {
        (None, _) | (_, None) => true,
        (Some(groups), Some(wanted)) => groups.iter().any(|g| g == wanted),
    }
}

/// Whether a person is among those whose change it is. Authors are known as `Name <address>`: the name, the address and
/// what stands before its `@` all count, in any case of letters.
pub fn is_own_change(person: &str, people: &[String]) -> bool {
    let person = person.trim().to_lowercase();
    people.iter().any(|p| aliases(p).any(|a| a == person || aliases(&person).any(|b| a == b)))
}

fn aliases(person: &str) -> impl Iterator<Item = String> + use<> {
    let person = person.trim().to_lowercase();
    let (name, address) = match person.split_once('<') {
        Some((name, rest)) => (name.trim().to_string(), rest.trim_end_matches('>').trim().to_string()),
        None if person.contains('@') => (String::new(), person),
        None => (person, String::new()),
    };
    let local = address.split('@').next().unwrap_or_default().to_string();
    [name, address, local].into_iter().filter(|a| !a.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn standing(approvals: &[(&str, Option<&[&str]>)]) -> Standing {
        let groups = |g: &[&str]| g.iter().map(ToString::to_string).collect();
        let approval = |(by, of): &(&str, Option<&[&str]>)| Approval {
            by: by.to_string(),
            groups: of.map(groups),
            also: Vec::new(),
            subplan: Digest::of("plan"),
            reason: None,
            at: 1000,
        };
        Standing {
            candidate: Digest::of("candidate"),
            subplan: Digest::of("plan"),
            gate: gate(1, false),
            contents: Default::default(),
            since: 0,
            people: vec!["Ann Author <ann@example.com>".into(), "root".into()],
            approvals: approvals.iter().map(approval).collect(),
            rejected: None,
        }
    }

    fn gate(count: u32, self_allowed: bool) -> GatePlan {
        let quorum = Quorum { count, from: Some("sre".into()), self_allowed };
        GatePlan {
            approvals: vec![quorum],
            windows: vec![],
            soak: None,
            expires: Some(500),
            queue: false,
            free_rollback: false,
        }
    }

    #[test]
    fn groups_and_own_changes_count() {
        assert!(met(&gate(1, false), &standing(&[("bob", None)]), None));
        assert!(met(&gate(1, false), &standing(&[("bob", Some(&["sre"]))]), None));
        assert!(!met(&gate(1, false), &standing(&[("bob", Some(&["dev"]))]), None));
        for own in ["ann", "Ann Author", "ann@example.com", "ROOT"] {
            assert!(!met(&gate(1, false), &standing(&[(own, None)]), None), "{own}");
            assert!(met(&gate(1, true), &standing(&[(own, None)]), None), "{own}");
        }
    }

    #[test]
    fn approvals_expire_and_belong_to_one_plan() {
        let mut standing = standing(&[("bob", None)]);
        assert!(met(&gate(1, false), &standing, Some(1499)));
        assert!(!met(&gate(1, false), &standing, Some(1500)));
        standing.subplan = Digest::of("another");
        assert!(!met(&gate(1, false), &standing, None));
    }
}
