//! The board: what each environment has, since when, and what waits there.

use super::history::by;
use super::layout::{Rows, cell, list};
use super::{Clock, Paint, Style, gate, words};
use crate::digest::Digest;
use crate::plan::candidate::name_of;
use crate::plan::memory::{Edit, Memory, Place, Standing};
use crate::run::State;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt::Write as _;

/// One line of the board.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The environment.
    pub environment: String,
    /// The id of the candidate it has.
    pub has: Option<Digest>,
    /// The name of that.
    pub name: Option<String>,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// The versions of the candidate it has, by source.
    pub versions: Vec<(String, String)>,
    /// What waits, is held, failed or goes back there, in words.
    pub notes: Vec<String>,
    #[serde(skip)]
    since_text: String,
    #[serde(skip)]
    is_newest: bool,
}

/// The board of some environments, in their order.
pub fn rows(environments: &[String], state: &State, clock: &Clock) -> Vec<Row> {
    let memory = &state.memory;
    let row = |name: &String| {
        let place = memory.environments.get(name);
        let has = place.and_then(|p| p.has.as_ref());
        let candidate = has.and_then(|h| memory.candidates.get(&h.candidate));
        let version = |(s, v): (&String, &crate::ports::sources::Version)| (s.clone(), words::version(v));
        Row {
            environment: name.clone(),
            has: has.map(|h| h.candidate),
            name: has.map(|h| name_of(h.candidate)),
            since: has.map(|h| Clock::rfc3339(h.since)),
            versions: candidate.map(|c| c.versions.iter().map(version).collect()).unwrap_or_default(),
            notes: place.map(|p| notes(name, p, state, clock)).unwrap_or_default(),
            since_text: has.map(|h| clock.moment(h.since)).unwrap_or_default(),
            is_newest: has.is_some_and(|h| Some(h.candidate) == memory.latest),
        }
    };
    environments.iter().map(row).collect()
}

/// What a note is of, so that it can be marked as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The environment goes back to what it had, or is to.
    Back,
    /// A run brings a candidate there.
    Enters,
    /// It is held.
    Held,
    /// Something failed there.
    Failed,
    /// Somebody said no.
    Rejected,
    /// Something waits at the gate.
    Waits,
    /// Something stands behind what waits.
    Queue,
}

fn notes(name: &str, place: &Place, state: &State, clock: &Clock) -> Vec<String> {
    notes_of(name, place, state, clock).into_iter().map(|(_, text)| text).collect()
}

/// What waits, is held, failed or goes back in an environment, in words.
pub fn notes_of(name: &str, place: &Place, state: &State, clock: &Clock) -> Vec<(Kind, String)> {
    let mut notes = Vec::new();
    if let Some(back) = state.restoring.get(name) {
        notes.push((Kind::Back, format!("goes back to {}", name_of(back.to.candidate))));
    }
    if let Some(wish) = &place.rollback {
        notes.push((Kind::Back, format!("is to go back to {}, asked {}", name_of(wish.candidate), by(&wish.word))));
    }
    // A rollback holds, and has said why.
    if let Some(hold) = place.hold.as_ref().filter(|_| place.rollback.is_none()) {
        notes.push((Kind::Held, format!("held {}", by(hold))));
    }
    if let Some(failure) = &place.failed {
        notes.push((Kind::Failed, format!("{} failed: {}", name_of(failure.candidate), failure.reason)));
    }
    let taken = place.taken.as_ref().filter(|t| state.open.contains_key(&t.run));
    if let Some(taken) = taken {
        notes.push((Kind::Enters, format!("{} is on its way in, with run {}", name_of(taken.candidate), taken.run)));
    }
    // What was let in waits no more.
    let waits = |s: &&Standing| taken.is_none_or(|t| t.candidate != s.candidate);
    if let Some(standing) = place.standing.as_ref().filter(waits) {
        let name = name_of(standing.candidate);
        let missing: Vec<String> = gate::missing(standing, clock).iter().map(gate::approvals).collect();
        notes.push(match &standing.rejected {
            Some(no) => (Kind::Rejected, format!("{name} rejected {}", by(no))),
            None if missing.is_empty() => {
                (Kind::Waits, format!("{name} waits at the gate since {}", clock.moment(standing.since)))
            }
            None => {
                let text = format!("{name} waits for {} since {}", list(&missing, "and"), clock.moment(standing.since));
                (Kind::Waits, text)
            }
        });
    }
    if !place.queue.is_empty() {
        let queue: Vec<String> = place.queue.iter().map(|c| name_of(*c)).collect();
        notes.push((Kind::Queue, format!("then {}", queue.join(", "))));
    }
    notes
}

/// The board as text.
pub fn text(pipeline: &str, rows: &[Row], state: &State, clock: &Clock, style: Style) -> String {
    let mut out = head(pipeline, &state.memory, style);
    out.push('\n');
    if rows.is_empty() {
        out.push_str("There is no environment.\n");
    } else {
        let _ = writeln!(out, "{}", table(rows, style));
    }
    out.push_str(&words_of_people(state, clock, style));
    out
}

fn head(pipeline: &str, memory: &Memory, style: Style) -> String {
    let Some(id) = memory.latest else {
        return format!("{}  nothing was applied yet\n", Paint::Strong.on(pipeline, style));
    };
    let versions = memory.candidates.get(&id).map(|c| c.versions.clone()).unwrap_or_default();
    let versions: Vec<String> = versions.iter().map(|(s, v)| format!("{s} {}", words::version(v))).collect();
    let mut rows = Rows::new(0);
    rows.push([
        cell(pipeline, Paint::Strong),
        cell(name_of(id), Paint::Plain),
        cell(versions.join(", "), Paint::Faint),
    ]);
    rows.render(style)
}

fn table(rows: &[Row], style: Style) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    if style.color {
        table.enforce_styling();
    }
    let colored = |text: &str, color: Option<Color>| {
        let cell = Cell::new(super::layout::clean(text));
        if let Some(color) = color { cell.fg(color) } else { cell }
    };
    table.set_header(["ENVIRONMENT", "HAS", "SINCE", ""].map(|h| colored(h, Some(Color::DarkGrey))));
    for row in rows {
        let fresh = if row.is_newest { Color::Green } else { Color::Yellow };
        table.add_row([
            colored(&row.environment, None),
            colored(row.name.as_deref().unwrap_or("nothing yet"), Some(fresh).filter(|_| row.name.is_some())),
            colored(&row.since_text, None),
            colored(&row.notes.join("\n"), None),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Pins, bans, and what nobody knows.
fn words_of_people(state: &State, clock: &Clock, style: Style) -> String {
    let mut rows = Rows::new(0);
    for (source, pin) in &state.memory.pins {
        let text = format!("pinned at {} {}", words::version(&pin.head.version), by(&pin.word));
        rows.push([cell(source, Paint::Strong), cell(text, Paint::Notice)]);
    }
    for ban in &state.memory.bans {
        let text = format!("{} banned {}", ban.version, by(&ban.word));
        rows.push([cell(&ban.source, Paint::Strong), cell(text, Paint::Notice)]);
    }
    if let Some(edit) = &state.memory.edit {
        rows.push([cell("file", Paint::Strong), cell(edit_waits(edit, clock), Paint::Notice)]);
        edit.weakens.iter().for_each(|w| rows.push([cell("", Paint::Plain), cell(w, Paint::Plain)]));
    }
    for (step, _) in state.intents.iter().filter(|(_, i)| i.indeterminate) {
        rows.push([cell(step, Paint::Strong), cell("was cut off, and nobody knows whether it was done", Paint::Bad)]);
    }
    for (number, run) in &state.open {
        let text = format!("started by {} at {}, and not finished", words::person(&run.by), clock.moment(run.since));
        rows.push([cell(format!("run {number}"), Paint::Strong), cell(text, Paint::Notice)]);
    }
    if rows.is_empty() { String::new() } else { format!("\n{}", rows.render(style)) }
}

/// The approvals that an edit of the pipeline file still lacks, each said once.
pub fn edit_missing(edit: &Edit, clock: &Clock) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for quorum in edit.gates.values().flat_map(|s| gate::missing(s, clock)) {
        let text = gate::approvals(&quorum);
        if !missing.contains(&text) {
            missing.push(text);
        }
    }
    missing
}

/// What an edit of the pipeline file waits for, in a sentence.
pub fn edit_waits(edit: &Edit, clock: &Clock) -> String {
    if let Some(no) = &edit.rejected {
        return format!("an edit that makes gates weaker was rejected {}", by(no));
    }
    let missing = edit_missing(edit, clock);
    let since = clock.moment(edit.since);
    if missing.is_empty() {
        return format!("an edit that makes gates weaker is approved, and came {since}");
    }
    format!("an edit that makes gates weaker waits for {} since {since}; `approve --edit`", list(&missing, "and"))
}

/// What an edit makes weaker, a line each.
pub fn weaker(weakens: &[String]) -> String {
    let mut out = String::from("The edit of the pipeline file makes gates weaker:\n");
    weakens.iter().for_each(|w| {
        let _ = writeln!(out, "  {}", super::layout::one_line(w));
    });
    out
}

/// The board for programs.
pub fn json(pipeline: &str, rows: &[Row], state: &State) -> String {
    let pins: Vec<_> = state.memory.pins.iter().map(|(s, p)| serde_json::json!({"source": s, "version": p.head.version.id, "by": p.word.by, "reason": p.word.reason})).collect();
    let bans: Vec<_> = state
        .memory
        .bans
        .iter()
        .map(
            |b| serde_json::json!({"source": b.source, "version": b.version, "by": b.word.by, "reason": b.word.reason}),
        )
        .collect();
    let environments: Vec<_> = rows.iter().map(|r| {
        let versions: serde_json::Map<_, _> = r.versions.iter().map(|(s, v)| (s.clone(), v.clone().into())).collect();
        serde_json::json!({"name": r.environment, "candidate": r.has, "candidate_name": r.name, "since": r.since, "versions": versions, "notes": r.notes})
    }).collect();
    let edit = state.memory.edit.as_ref().map(|e| {
        serde_json::json!({"file": e.file, "weakens": e.weakens, "since": Clock::rfc3339(e.since), "rejected": e.rejected.is_some()})
    });
    let runs: Vec<_> = state.open.iter().map(|(number, r)| serde_json::json!({"number": number, "by": r.by, "since": Clock::rfc3339(r.since), "stopping": r.cancelled})).collect();
    let document = serde_json::json!({
        "version": 1,
        "pipeline": pipeline,
        "candidate": state.memory.latest,
        "candidate_name": state.memory.latest.map(name_of),
        "environments": environments,
        "pins": pins,
        "bans": bans,
        "edit": edit,
        "runs": runs,
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}
