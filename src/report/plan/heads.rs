//! The head of a plan: the candidate, and which sources moved.

use crate::plan::{Memory, Plan, SourceLine};
use crate::report::layout::{Rows, cell, width};
use crate::report::{Paint, Style, words};
use std::fmt::Write as _;

pub(super) fn text(plan: &Plan, memory: &Memory, style: Style) -> String {
    let name = words::candidate(plan);
    let lines: Vec<(&SourceLine, String)> =
        plan.sources.iter().filter_map(|s| Some((s, moved(s, memory)?))).collect();
    let mut out = Paint::Strong.on(&name, style);
    match lines.as_slice() {
        [] => {
            let _ = writeln!(out, "  {}", Paint::Faint.on("no source moved", style));
        }
        // One source fits beside the name.
        [(source, how)] if width(&name) + width(how) + width(&source.name) + 6 <= style.width => {
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
            out.push_str(&rows.render(style));
        }
    }
    let notes = plan.sources.iter().filter_map(|s| Some((&s.name, s.about.note.as_deref()?)));
    let mut rows = Rows::new(2);
    notes.for_each(|(name, note)| rows.push([cell(name, Paint::Notice), cell(note, Paint::Notice)]));
    out + &rows.render(style)
}

/// How a source moved, if it did.
fn moved(source: &SourceLine, memory: &Memory) -> Option<String> {
    match &source.before {
        Some(before) => Some(words::moved(before, &source.version)),
        None if memory.heads.contains_key(&source.name) => None,
        None => Some(words::version(&source.version)),
    }
}
