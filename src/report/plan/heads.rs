//! The head of a plan: the candidate, and which sources moved.

use crate::plan::{Memory, Plan, SourceLine};
use crate::report::layout::{Rows, cell, width};
use crate::report::{Paint, Style, words};
use std::fmt::Write as _;

pub(super) fn text(plan: &Plan, memory: &Memory, style: Style) -> String {
    let name = words::candidate(plan);
    let lines: Vec<(&SourceLine, String)> = plan.sources.iter().filter_map(|s| Some((s, moved(s, memory)?))).collect();
    let mut out = Paint::Strong.on(&name, style);
    match lines.as_slice() {
        [] => {
            let said = file_moved(plan, memory).unwrap_or("no source moved");
            let _ = writeln!(out, "  {}", Paint::Faint.on(said, style));
        }
        // One source fits beside the name.
        [(source, how)]
            if file_moved(plan, memory).is_none()
                && width(&name) + width(how) + width(&source.name) + 6 <= style.width =>
        {
            let said = words::about(&source.about);
            let room = style.width.saturating_sub(width(&name) + width(how) + width(&source.name) + 6);
            let said = crate::report::layout::elide(&said, room);
            let line = format!("  {} {how}  {}", source.name, Paint::Faint.on(&said, style));
            let _ = writeln!(out, "{}", line.trim_end());
        }
        lines => {
            out.push('\n');
            let mut rows = Rows::new(2);
            for (source, how) in lines {
                let said = words::about(&source.about);
                rows.push([cell(&source.name, Paint::Plain), cell(how, Paint::Plain), cell(said, Paint::Faint)]);
            }
            if let Some(said) = file_moved(plan, memory).filter(|_| memory.latest.is_some()) {
                rows.push([cell(said, Paint::Plain)]);
            }
            out.push_str(&rows.render(style));
        }
    }
    let notes = plan.sources.iter().filter_map(|s| Some((&s.name, s.about.note.as_deref()?)));
    let mut rows = Rows::new(2);
    notes.for_each(|(name, note)| rows.push([cell(name, Paint::Notice), cell(note, Paint::Notice)]));
    out + &rows.render(style)
}

/// What is to be said of the pipeline file itself, where it is another one than that of the candidate before.
fn file_moved(plan: &Plan, memory: &Memory) -> Option<&'static str> {
    let Some(before) = memory.latest.and_then(|id| memory.candidates.get(&id)) else {
        return Some("nothing was applied yet");
    };
    let moved = plan.candidate().is_some_and(|c| c.file != before.file);
    moved.then_some("the pipeline file changed")
}

/// How a source moved, if it did.
fn moved(source: &SourceLine, memory: &Memory) -> Option<String> {
    match &source.before {
        Some(before) => Some(words::moved(before, &source.version)),
        None if memory.heads.contains_key(&source.name) => None,
        None => Some(words::version(&source.version)),
    }
}
