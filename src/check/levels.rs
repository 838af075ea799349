//! Levels: `allow`, `warn` and `deny` in the file.
//!
//! An error means that the file cannot be run as it is meant, so no level changes it. What is a matter of judgement is a
//! warning, and whether it counts is the team's to say; so it is with two errors about values, which a chart can read in ways
//! that cannot be seen.

use crate::diag::{Code, Diagnostic, Severity, codes, did_you_mean};
use crate::model::{Level, LevelChange};
use std::collections::{HashMap, HashSet};

/// Errors that are judgements all the same: a chart can read its values in ways that cannot be seen.
const JUDGEMENTS: [&Code; 2] = [&codes::UNREAD_VALUE, &codes::UNREAD_SET];

/// Whether the level of a code can be changed.
pub fn adjustable(code: &Code) -> bool {
    JUDGEMENTS.contains(&code) || code.severity != Severity::Error && super::ALL.iter().any(|rule| rule.code == code)
}

/// Applies the levels to what was found, and says which of them are wrong or, where all rules have looked at the `whole`
/// file, have no effect.
pub fn apply(levels: &[LevelChange], whole: bool, found: &mut Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let mut chosen: HashMap<&'static str, &LevelChange> = HashMap::new();
    for change in levels {
        match codes::find(&change.rule) {
            None => faults.push(unknown(change)),
            Some(code) if !adjustable(code) => faults.push(fixed(change, code)),
            Some(code) => {
                if let Some(first) = chosen.insert(code.id, change) {
                    faults.push(repeated(change, first, code));
                    chosen.insert(code.id, first);
                }
            }
        }
    }
    let mut used: HashSet<&'static str> = HashSet::new();
    found.retain_mut(|diagnostic| {
        let Some(change) = chosen.get(diagnostic.code.id) else { return true };
        used.insert(diagnostic.code.id);
        match change.level {
            Level::Allow => return false,
            Level::Warn => diagnostic.severity = Severity::Warning,
            Level::Deny => diagnostic.severity = Severity::Error,
        }
        true
    });
    if whole {
        let idle = chosen.iter().filter(|(id, change)| change.level == Level::Allow && !used.contains(*id));
        faults.extend(idle.map(|(_, change)| unused(change)));
    }
    found.append(&mut faults);
}

fn unknown(change: &LevelChange) -> Diagnostic {
    let rule = &change.rule;
    let fault = Diagnostic::new(&codes::UNKNOWN_RULE, format!("there is no rule `{}`", rule.value));
    let fault = fault.at(rule.span, "unknown");
    let known = codes::ALL.iter().filter(|c| adjustable(c)).flat_map(|c| [c.name, c.id]);
    match did_you_mean(rule, known) {
        Some(near) => fault.help(format!("did you mean `{near}`?")).fix(format!("Change to `{near}`"), rule.span, near),
        None => fault.help("`lockgate explain rules` lists them"),
    }
}

fn fixed(change: &LevelChange, code: &Code) -> Diagnostic {
    Diagnostic::new(&codes::FIXED_RULE, format!("the level of `{}` cannot be changed", code.name))
        .at(change.rule.span, "always an error")
        .help(format!("what it finds cannot run: {}", code.summary))
}

fn repeated(change: &LevelChange, first: &LevelChange, code: &Code) -> Diagnostic {
    Diagnostic::new(&codes::REPEATED_LEVEL, format!("the level of `{}` is said twice", code.name))
        .at(change.rule.span, "a second time here")
        .at(first.rule.span, "first here")
        .help("keep the one that is meant")
}

fn unused(change: &LevelChange) -> Diagnostic {
    Diagnostic::new(&codes::UNUSED_ALLOW, format!("nothing is found that `allow {}` would allow", change.rule.value))
        .at(change.span, "has no effect")
        .help("take it out, so that it does not hide what comes later")
        .fix("Remove it", change.span, "")
}
