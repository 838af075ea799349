//! What every command has at hand: the flags of all commands, the terminal, and the way to a session.

use super::args::Globals;
use super::terminal::Terminal;
use crate::app::load::FILE_NAME;
use crate::app::remote::Server;
use crate::app::telling::{self, Telling, Untold};
use crate::app::{Failure, Session, Settings};
use crate::diag::Severity;
use crate::report::diagnostics;
use crate::report::words::quoted;
use crate::report::{Clock, Paint, Typed};
use crate::run::{Record, Saying};
use crate::source::Sources;
use std::path::{Path, PathBuf};

/// The same texts, their paths as one would name them from a folder; from the one we are in, unless said.
pub(super) fn relative(sources: &Sources, base: Option<&Path>) -> Sources {
    let base = base.map(Path::to_path_buf).or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let mut out = Sources::new();
    for (_, file) in sources.iter() {
        out.add(shorter(file.path(), &base), file.text().clone());
    }
    out
}

fn shorter(path: &Path, base: &Path) -> PathBuf {
    path.strip_prefix(base).unwrap_or(path).to_path_buf()
}

/// A path as one would name it from here.
pub(super) fn from_here(path: &Path) -> PathBuf {
    shorter(path, &std::env::current_dir().unwrap_or_default())
}

/// What every command has at hand.
pub(super) struct Desk {
    /// The flags of all commands.
    pub globals: Globals,
    /// Where text goes.
    pub terminal: Terminal,
}

impl Desk {
    /// The desk of this process.
    pub fn new(globals: Globals) -> Desk {
        let terminal = Terminal::new(globals.color);
        Desk { globals, terminal }
    }

    /// The path that a command means: its own, or that of `--file`.
    pub fn path(&self, own: Option<&Path>) -> Option<PathBuf> {
        own.map(Path::to_path_buf).or_else(|| self.globals.file.clone())
    }

    /// How a session is opened.
    pub fn settings(&self, path: Option<&Path>) -> Settings {
        Settings {
            path: self.path(path),
            state: self.globals.state.clone(),
            pipeline: self.globals.pipeline.clone(),
            person: self.globals.person.clone(),
            parallel: None,
        }
    }

    /// The server that the flags mean, if they mean one.
    pub fn server(&self) -> Result<Option<Server>, Failure> {
        let token = std::env::var("LOCKGATE_TOKEN").ok();
        let open = |url: &String| Server::open(url, token, self.globals.pipeline.as_deref(), self.globals.plain_http);
        self.globals.server.as_ref().map(open).transpose()
    }

    /// Opens the pipeline that the flags mean.
    pub fn open(&self, path: Option<&Path>) -> Result<Session, Failure> {
        Session::open(&self.settings(path))
    }

    /// Has those told whom the pipeline names, of what the session does.
    pub fn telling(&self, session: Session) -> Result<Session, Failure> {
        if session.graph.pipeline().notifies.is_empty() {
            return Ok(session);
        }
        let sender = telling::sender_of_environment().map_err(|e| Failure::of(&e, "the mail server"))?;
        Ok(session.telling(Telling { url: None, sender }))
    }

    /// Says who could not be told.
    pub fn untold(&self, untold: &[Untold]) {
        for one in untold {
            let text = crate::report::layout::one_line(&one.text());
            self.terminal.say(&format!("{}\n", Paint::Notice.on(&text, self.terminal.err)));
        }
    }

    /// The time, told in the zone of this machine.
    pub fn clock(&self, session: &Session) -> Clock {
        Clock { now: session.now(), zone: jiff::tz::TimeZone::system() }
    }

    /// How commands are to be typed that go on from here.
    pub fn typed(&self, session: &Session, path: Option<&Path>) -> Typed {
        let program = std::env::args().next().unwrap_or_else(|| "lockgate".to_string());
        let from_env = |name: &str, value: &Path| std::env::var_os(name).is_some_and(|v| v == *value);
        let mut flags = String::new();
        // The one that is found without saying need not be said.
        let is_found = |p: &Path| p == Path::new(FILE_NAME);
        if let Some(path) = self.path(path).filter(|p| !from_env("LOCKGATE_FILE", p) && !is_found(p)) {
            flags.push_str(&format!(" -f {}", quoted(&path.display().to_string())));
        }
        if let Some(state) = self.globals.state.as_ref().filter(|s| !from_env("LOCKGATE_STATE", s)) {
            flags.push_str(&format!(" --state {}", quoted(&state.display().to_string())));
        }
        if let Some(pipeline) = self.globals.pipeline.as_ref().filter(|p| !from_env("LOCKGATE_PIPELINE", Path::new(p)))
        {
            flags.push_str(&format!(" --pipeline {}", quoted(pipeline)));
        }
        Typed { program: quoted(&program), flags, person: session.person.clone(), is_own_word: false }
    }

    /// Says why something could not be done.
    pub fn failed(&self, failure: &Failure) {
        let sources = relative(&failure.sources, None);
        let several = failure.diagnostics.len() > 1;
        let text = if several { diagnostics::counted } else { diagnostics::text };
        self.terminal.say(&text(&failure.diagnostics, &sources, self.terminal.err));
    }

    /// Says, in one line, that the file has warnings.
    pub fn warn(&self, session: &Session) {
        let found = &session.loaded.diagnostics;
        if found.iter().any(|d| d.severity == Severity::Warning) {
            let text = format!(
                "{} in {}: `lockgate check` shows them",
                diagnostics::summary(found),
                from_here(&session.loaded.path).display()
            );
            self.terminal.say(&format!("{}\n", Paint::Faint.on(&text, self.terminal.err)));
        }
    }

    /// Says something to the state and shows what came of it, then what to type next.
    pub fn say(
        &self,
        session: &Session,
        saying: Saying,
        reason: Option<String>,
        next: &str,
    ) -> Result<Vec<Record>, Failure> {
        let records = session.say(saying, reason)?;
        let style = self.terminal.out;
        for record in &records {
            let told = crate::report::history::told(record);
            let about = Paint::Strong.on(&told.about, style);
            self.terminal
                .print(&format!("{about} {}\n", told.paint.on(&crate::report::layout::one_line(&told.text), style)));
        }
        if !next.is_empty() {
            self.terminal
                .print(&format!("then: {}\n", Paint::Typed.on(&self.typed(session, None).command(next), style)));
        }
        Ok(records)
    }
}
