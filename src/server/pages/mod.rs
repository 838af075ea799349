//! The board: pages as pure functions from plain data to HTML.
//!
//! A page is made of a [`Look`], which is what the terminal's reports are made of as well: a graph, a state, a plan and what
//! was. Nothing here decides, reads a file or knows a request; whatever was written by others is text, which `maud` escapes.
//! The pages work without a script. With one, they are asked for again when something happened, and what differs is replaced;
//! so there is one way to make them.

pub mod ansi;
pub mod assets;
pub mod board;
pub mod candidate;
pub mod edit;
pub mod fault;
pub mod file;
pub mod gate;
pub mod headers;
pub mod history;
pub mod index;
pub mod log;
pub mod login;
pub mod run;
pub mod word;

mod changes;
mod drawing;
mod frame;
mod parts;
mod table;

use crate::graph::Graph;
use crate::plan::Plan;
use crate::plan::memory::Moment;
use crate::report::Clock;
use crate::report::past::Past;
use crate::run::State;

/// What the pages of one pipeline are made of.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The pipeline with its names resolved.
    pub graph: &'a Graph,
    /// What is where.
    pub state: &'a State,
    /// What would happen now; nothing where that cannot be told.
    pub plan: Option<&'a Plan>,
    /// Why it cannot be told, and whatever else the people who look should know.
    pub trouble: &'a [String],
    /// What was.
    pub past: &'a Past,
    /// What is looked at next, the soonest first.
    pub turns: &'a [Turn],
    /// The time.
    pub clock: &'a Clock,
    /// Who looks.
    pub viewer: &'a Viewer,
    /// What names all of this: a page that follows says what it has seen, so that nothing is missed in between.
    pub seen: &'a str,
}

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The source that is looked at.
    pub source: String,
    /// By what: `poll`, `cron`.
    pub by: String,
    /// When; nothing where nothing but a hint makes it due.
    pub at: Option<Moment>,
    /// What went wrong the last time, if something did.
    pub fault: Option<String>,
}

/// Who looks at a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// The name; nothing for somebody unknown.
    pub name: Option<String>,
    /// The groups they are of; nothing where groups are not known.
    pub groups: Option<Vec<String>>,
    /// Other names of theirs.
    pub also: Vec<String>,
    /// What a form must bring along to be taken for one of ours.
    pub csrf: String,
    /// Whether they may approve and reject at all.
    pub may_decide: bool,
    /// Whether they may start, stop, hold, pin and bring back.
    pub may_operate: bool,
    /// Whether there is more than one pipeline to choose from.
    pub several: bool,
}

impl Look<'_> {
    /// The name of the pipeline.
    pub fn name(&self) -> &str {
        &self.graph.pipeline().name.value
    }

    /// The address of a page of this pipeline.
    pub fn to(&self, parts: &[&str]) -> String {
        let mut all = vec!["p", self.name()];
        all.extend_from_slice(parts);
        address(&all)
    }

    /// Whether a candidate was let in somewhere and is not there yet.
    fn is_on_its_way(&self, environment: &str, candidate: crate::digest::Digest) -> bool {
        self.brought_by(environment, candidate).is_some()
    }

    /// The run that brings a candidate into an environment, where it was let in and is not there yet.
    fn brought_by(&self, environment: &str, candidate: crate::digest::Digest) -> Option<u64> {
        let taken = self.state.memory.environments.get(environment)?.taken.as_ref()?;
        (taken.candidate == candidate && self.state.open.contains_key(&taken.run)).then_some(taken.run)
    }

    /// The names of the environments in their order.
    fn environments(&self) -> impl Iterator<Item = &str> {
        self.graph.pipeline().environments.iter().map(|e| e.name.value.as_str())
    }
}

/// The address of these parts, each of which may hold anything.
pub fn address(parts: &[&str]) -> String {
    let mut out = String::new();
    for part in parts {
        out.push('/');
        // A part of dots alone would be taken for a step up.
        let dots = part.chars().all(|c| c == '.');
        for byte in part.bytes() {
            match byte {
                b'.' if dots => out.push_str("%2E"),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
    }
    if out.is_empty() { "/".to_string() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_parts_apart() {
        assert_eq!(address(&["p", "first-light"]), "/p/first-light");
        assert_eq!(address(&["p", "a/b ?#\"<é", ".."]), "/p/a%2Fb%20%3F%23%22%3C%C3%A9/%2E%2E");
        assert_eq!(address(&[]), "/");
    }
}
