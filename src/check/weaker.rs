//! Whether an edit of a pipeline makes a gate let through what it would not have: the old graph against the new one. Whoever may
//! change the file could otherwise give themselves what the gate asks others for.

use crate::graph::Graph;
use crate::model::window::Hours;
use crate::model::{Approve, Environment, Gate, GateRule, Target, duration};

/// A gate that an edit makes weaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weaker {
    /// The environment whose gate it was.
    pub environment: String,
    /// What is not as it was, in words.
    pub what: String,
}

/// All gates of the old pipeline that the new one has weaker, or leads around; none where the edit only makes them stricter.
pub fn weaker(old: &Graph, new: &Graph) -> Vec<Weaker> {
    let mut found = Vec::new();
    for before in &old.pipeline().environments {
        let GateRule::Gate(gate) = &before.gate else { continue };
        let name = &before.name.value;
        let mut say = |what: String| found.push(Weaker { environment: name.to_string(), what });
        for after in &new.pipeline().environments {
            // The place is what is guarded: another environment that deploys there is looked at as this one is.
            let is_same = after.name.value == *name;
            let is_there = place(before).is_some() && place(after) == place(before);
            if !is_same && !is_there {
                continue;
            }
            let at =
                if is_same { String::new() } else { format!("environment {} deploys there, and ", after.name.value) };
            differences(gate, &after.gate, &mut |what| say(format!("{at}{what}")));
            for lost in before.after.iter().filter(|a| !after.after.iter().any(|b| b.value == a.value)) {
                say(format!("{at}it does not come after {} any more", lost.value));
            }
        }
    }
    found
}

/// Where an environment deploys to, whatever it is called.
fn place(environment: &Environment) -> Option<(String, String)> {
    Some(match environment.target.as_ref()? {
        Target::Cluster { context, namespace, .. } => {
            (format!("cluster {}", context.value), namespace.value.to_string())
        }
        Target::Folder { path, .. } => ("folder".to_string(), path.value.trim_end_matches('/').to_string()),
        Target::Branch { url, branch, folder, .. } => {
            let folder = folder.as_ref().unwrap_or(&environment.name);
            let folder = folder.trim_start_matches("./").trim_end_matches('/').to_string();
            (format!("branch {} {}", crate::model::source::repository(url), branch.value), folder)
        }
    })
}

fn differences(old: &Gate, new: &GateRule, say: &mut dyn FnMut(String)) {
    let GateRule::Gate(new) = new else { return say("it has no gate any more".to_string()) };
    for wanted in old.approvals.iter().filter(|a| a.count.value > 0) {
        if let Some(what) = approval(wanted, &new.approvals) {
            say(what);
        }
    }
    windows(old, new, say);
    let text = |d: std::time::Duration| duration::format(d);
    match (&old.soak, &new.soak) {
        (Some(old), None) => say(format!("the {} that it had to be verified before are gone", text(old.value))),
        (Some(old), Some(new)) if new.value < old.value => {
            say(format!("it has to be verified for {} before, and had to be for {}", text(new.value), text(old.value)));
        }
        _ => {}
    }
    match (&old.expires, &new.expires) {
        (Some(old), None) => say(format!("an approval counts for ever, and did for {}", text(old.value))),
        (Some(old), Some(new)) if new.value > old.value => {
            say(format!("an approval counts for {}, and did for {}", text(new.value), text(old.value)));
        }
        _ => {}
    }
    if new.free_rollback && !old.free_rollback {
        say("a rollback needs no approval any more".to_string());
    }
}

/// What is weaker in place of one line of approvals: there must be one that asks as many of the same group, and lets nobody
/// approve their own change who could not before.
fn approval(old: &Approve, new: &[Approve]) -> Option<String> {
    let group = |a: &Approve| a.from.as_ref().map(|f| f.value.clone());
    let asks = |a: &Approve| {
        let of = group(a).map(|g| format!(" from {g}")).unwrap_or_default();
        let people = if a.count.value == 1 { "approval" } else { "approvals" };
        format!("{} {people}{of}", a.count.value)
    };
    // Somebody of a group is somebody.
    let same_group = |a: &&Approve| group(old).is_none() || group(a) == group(old);
    let strict = |a: &&Approve| old.self_allowed || !a.self_allowed;
    if new.iter().filter(same_group).filter(strict).any(|a| a.count.value >= old.count.value) {
        return None;
    }
    let most = new.iter().filter(same_group).max_by_key(|a| a.count.value);
    Some(match most {
        None => format!("{} are not asked any more", asks(old)),
        Some(now) if now.count.value >= old.count.value => {
            format!("whoever made a change may be among the {}", asks(old))
        }
        Some(now) => format!("{} are asked, and {} were", asks(now), asks(old)),
    })
}

/// A time that was closed and is open.
fn windows(old: &Gate, new: &Gate, say: &mut dyn FnMut(String)) {
    if old.windows.is_empty() {
        return;
    }
    if new.windows.is_empty() {
        return say("it is open at all times, and had its windows".to_string());
    }
    let zone = |w: &crate::model::Window| w.tz.as_ref().map_or("UTC".to_string(), |t| t.value.to_string());
    for window in &new.windows {
        let same = |w: &&crate::model::Window| {
            zone(w) == zone(window) && Hours::parse(&w.hours) == Hours::parse(&window.hours)
        };
        if !old.windows.iter().any(|w| same(&w)) {
            say(format!("it is open {} {}, which is another time", window.hours.value, zone(window)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{self, Repository};
    use crate::source::Sources;
    use crate::syntax::{Document, Limits, parse};
    use std::sync::Arc;

    struct Nowhere;

    impl Repository for Nowhere {
        fn exists(&self, _: &str) -> bool {
            true
        }
    }

    fn graph(environments: &str) -> Arc<Graph> {
        let text = format!(
            "lockgate 1\npipeline p {{\n source app {{ folder \"app\" }}\n source chart {{ helm \"./chart\" }}\n \
             release web {{ chart chart\n set app=\"{{app.short}}\" }}\n environment dev {{ folder \"./out/dev\"; deploy web }}\n {environments}\n}}\n"
        );
        let mut sources = Sources::new();
        let file = sources.add(std::path::PathBuf::from("lockgate.kdl"), Arc::<str>::from(text.as_str()));
        let (tree, found) = parse(file, text.as_str().into(), &Limits::default());
        let (checked, found) = check::document(&Document::from(tree), found, &Nowhere);
        let graphs = checked.unwrap_or_else(|| panic!("{found:?}"));
        graphs.graphs()[0].clone()
    }

    fn prod(gate: &str) -> String {
        format!("environment prod after=dev {{ gate {gate}; folder \"./out/prod\"; deploy web }}")
    }

    fn found(old: &str, new: &str) -> Vec<String> {
        weaker(&graph(&prod(old)), &graph(&prod(new))).into_iter().map(|w| w.what).collect()
    }

    #[test]
    fn what_is_the_same_or_stricter_is_not_weaker() {
        let old = "{ approve 1 from=sre; window \"Mon-Thu 09:00-16:00\"; soak \"1h\"; expires \"7d\" }";
        for new in [
            old,
            "{ approve 2 from=sre; approve 1 from=qa; window \"Mon-Thu 09:00-16:00\"; soak \"2h\"; expires \"1d\" }",
        ] {
            assert_eq!(found(old, new), Vec::<String>::new(), "{new}");
        }
        assert_eq!(found("{ approve 1 }", "{ approve 1 from=sre }"), Vec::<String>::new());
        assert_eq!(found("none", "{ approve 1 }"), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_weaken_a_gate_is_told() {
        let weaker = |old: &str, new: &str, text: &str| {
            let found = found(old, new);
            assert!(found.iter().any(|f| f.contains(text)), "{new}: {found:?}");
        };
        weaker("{ approve 2 from=sre }", "none", "no gate any more");
        weaker("{ approve 2 from=sre }", "{ approve 1 from=sre }", "1 approval from sre are asked, and 2");
        weaker("{ approve 2 from=sre }", "{ approve 2 from=dev }", "2 approvals from sre are not asked");
        weaker("{ approve 2 from=sre }", "{ approve 2 }", "not asked any more");
        weaker("{ approve 1 from=sre }", "{ approve 1 from=sre self=allow }", "whoever made a change");
        weaker("{ window \"Mon 09:00-16:00\" }", "{ soak \"1h\" }", "open at all times");
        weaker("{ window \"Mon 09:00-16:00\" }", "{ window \"Mon 09:00-17:00\" }", "another time");
        weaker("{ soak \"2h\" }", "{ soak \"1h\" }", "for 1h before");
        weaker("{ approve 1; expires \"1d\" }", "{ approve 1 }", "for ever");
        weaker("{ approve 1 }", "{ approve 1; rollback free }", "a rollback needs no approval");
    }

    #[test]
    fn a_way_around_a_gate_is_one() {
        let old = graph(&prod("{ approve 1 from=sre }"));
        let new = graph("environment live after=dev { gate none; folder \"./out/prod\"; deploy web }");
        let found = weaker(&old, &new);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("environment live deploys there, and it has no gate"), "{found:?}");
    }
}
