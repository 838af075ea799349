//! `lockgate log`: what steps printed.

use super::{Desk, Exit, live, remote};
use crate::app::{Failure, Session};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::report::layout::{clean, elide, one_line};
use crate::report::{Paint, Style, history};
use crate::run::event::Log as Kept;
use crate::run::{Event, Outcome, Record};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Show what steps printed
///
/// Without a step: the logs of all steps that failed in the last run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate log
  lockgate log test.image
  lockgate log -f task.scan")]
pub(super) struct Log {
    /// The step, as a plan names it (`test.image`), or a node (`image`): all its steps
    step: Option<String>,
    /// Go on showing what comes, until the step or the run has ended
    #[arg(short = 'F', long)]
    follow: bool,
    /// How many lines of each, counted from the last; all unless said
    #[arg(short, long, value_name = "NUMBER")]
    number: Option<usize>,
}

/// A step's last end: what happened, and its log.
struct Ended {
    record: Record,
    step: String,
    log: Option<Kept>,
}

impl Log {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let missing = || {
                let fault = Diagnostic::new(&codes::UNKNOWN_NAME, "say which step's log is meant");
                Failure::plain(fault.help("`lockgate history --steps` names the steps"))
            };
            return remote::log(desk, &server, self.step.as_ref().ok_or_else(missing)?, self.follow);
        }
        let session = desk.open(None)?;
        if self.follow {
            return self.follow(desk, &session);
        }
        let ends = ends(&session.records(0)?, self.step.as_deref());
        if ends.is_empty() {
            return self.none(desk, &session);
        }
        for end in &ends {
            self.show(desk, &session, end);
        }
        Ok(Exit::Done)
    }

    fn show(&self, desk: &Desk, session: &Session, end: &Ended) {
        let style = desk.terminal.out;
        let told = history::told(&end.record);
        let clock = desk.clock(session);
        let text = one_line(&told.text);
        let head = format!(
            "{}  {} at {}",
            Paint::Strong.on(&end.step, style),
            told.paint.on(&text, style),
            clock.moment(end.record.at)
        );
        desk.terminal.print(&format!("{head}\n"));
        match &end.log {
            None => {
                desk.terminal.print("it printed nothing\n");
            }
            Some(kept) => {
                let file = session.logs().join(&kept.path);
                desk.terminal.print(&format!("{}\n", live::path(&file, style)));
                let text = match std::fs::read(&file) {
                    Ok(bytes) => lines(&bytes, self.number),
                    Err(e) => format!("the log cannot be read: {e}\n"),
                };
                desk.terminal.print(&text);
            }
        }
    }

    fn none(&self, desk: &Desk, session: &Session) -> Result<Exit, Failure> {
        let Some(step) = &self.step else {
            desk.terminal.print("No step failed in the last run. `lockgate log STEP` shows the log of one.\n");
            return Ok(Exit::Done);
        };
        let mut known: Vec<String> =
            session.records(0)?.iter().filter_map(|r| finished(&r.event)).map(|(s, _)| s.to_string()).collect();
        known.sort_unstable();
        known.dedup();
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("no step `{step}` has run"));
        Err(Failure::plain(match did_you_mean(step, known.iter().flat_map(|k| k.split('.').chain([k.as_str()]))) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault,
        }))
    }

    /// Shows what steps print, as it comes, until the run has ended or nobody reads any more.
    fn follow(&self, desk: &Desk, session: &Session) -> Result<Exit, Failure> {
        const BEAT: Duration = Duration::from_millis(250);
        let mut reading = Reading { style: desk.terminal.out, read: HashMap::new(), last: PathBuf::new() };
        let mut seen = session.state()?.number;
        loop {
            let state = session.state()?;
            let mut text = String::new();
            for (step, intent) in state.intents.iter().filter(|(s, _)| self.wants(s)) {
                text.push_str(&reading.more(step, &session.log_of(intent.run, step, intent.attempt)));
            }
            let records = session.records(seen)?;
            seen = records.last().map_or(seen, |r| r.number);
            for record in records.iter().filter(|r| finished(&r.event).is_some_and(|(s, _)| self.wants(s))) {
                text.push_str(&reading.end(record, &session.logs()));
            }
            if !desk.terminal.print(&text) || state.open.is_empty() {
                return Ok(Exit::Done);
            }
            std::thread::sleep(BEAT);
        }
    }

    fn wants(&self, step: &str) -> bool {
        self.step.as_deref().is_none_or(|name| history::is_part(step, name))
    }
}

/// Logs that are read while they grow.
struct Reading {
    style: Style,
    /// How far each is read.
    read: HashMap<PathBuf, u64>,
    /// The one whose lines were shown last.
    last: PathBuf,
}

impl Reading {
    /// What a log has more than was shown, below the name of its step where another was shown last.
    fn more(&mut self, step: &str, path: &Path) -> String {
        let from = self.read.get(path).copied().unwrap_or(0);
        let Ok(bytes) = read_from(path, from) else { return String::new() };
        // What is not a whole line yet comes with its end.
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        let Some(bytes) = bytes.get(..whole).filter(|b| !b.is_empty()) else { return String::new() };
        self.read.insert(path.to_path_buf(), from + bytes.len() as u64);
        let head = if self.last == path { String::new() } else { format!("{}\n", Paint::Strong.on(step, self.style)) };
        self.last = path.to_path_buf();
        head + &lines(bytes, None)
    }

    /// The rest of a log, and how its step ended.
    fn end(&mut self, record: &Record, logs: &Path) -> String {
        let Some((step, outcome)) = finished(&record.event) else { return String::new() };
        let (Outcome::Succeeded { log, .. } | Outcome::Failed { log, .. }) = outcome;
        let rest = log.as_ref().map(|kept| self.more(step, &logs.join(&kept.path))).unwrap_or_default();
        let told = history::told(record);
        self.last = PathBuf::new();
        format!("{rest}{}  {}\n", Paint::Strong.on(step, self.style), told.paint.on(&one_line(&told.text), self.style))
    }
}

fn read_from(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last end of every step that is asked for; without one, of all that failed in the last run.
fn ends(records: &[Record], step: Option<&str>) -> Vec<Ended> {
    let last = records.iter().map(|r| r.run).max().unwrap_or(0);
    let mut out: Vec<Ended> = Vec::new();
    for record in records {
        let Some((id, outcome)) = finished(&record.event) else { continue };
        let (log, failed) = match outcome {
            Outcome::Succeeded { log, .. } => (log, false),
            Outcome::Failed { log, .. } => (log, true),
        };
        let wanted = match step {
            None => failed && record.run == last,
            Some(name) => history::is_about(record, name),
        };
        out.retain(|e| e.step != id || !wanted);
        if wanted {
            out.push(Ended { record: record.clone(), step: id.to_string(), log: log.clone() });
        }
    }
    out
}

fn finished(event: &Event) -> Option<(&str, &Outcome)> {
    if let Event::StepFinished { step, outcome, .. } = event { Some((step, outcome)) } else { None }
}

/// The text of a log, or its last lines.
fn lines(bytes: &[u8], number: Option<usize>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let count = text.lines().count();
    let skip = number.map_or(0, |n| count.saturating_sub(n));
    let mut out = String::with_capacity(text.len());
    text.lines().skip(skip).for_each(|line| {
        out.push_str(&clean(line));
        out.push('\n');
    });
    out
}

/// The last lines of a step's log, indented, and where all of it is.
pub(super) fn tail(file: &Path, most: usize, style: Style) -> String {
    let mut out = String::new();
    if let Ok(bytes) = end_of(file) {
        let text = lines(&bytes, Some(most));
        for line in text.lines() {
            let line = elide(&line.replace('\t', "    "), style.width.saturating_sub(4));
            let _ = writeln!(out, "    {line}");
        }
    }
    let _ = writeln!(out, "    {}", live::path(file, style));
    out
}

/// As much of the end of a file as the last lines can take.
fn end_of(file: &Path) -> std::io::Result<Vec<u8>> {
    const MOST: u64 = 64 << 10;
    let mut file = std::fs::File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
