//! Where text goes: how wide it is, whether it is coloured, and what happens when nobody reads it any more.

use super::Exit;
use super::args::Color;
use crate::report::Style;
use std::cell::Cell;
use std::io::{ErrorKind, IsTerminal, Write};

/// The width of lines where nobody says it.
const WIDTH: usize = 80;
/// Narrower than this nothing fits, and wider than that nothing reads well.
const NARROWEST: usize = 40;
const WIDEST: usize = 200;

/// Standard output and standard error.
#[derive(Debug)]
pub(super) struct Terminal {
    /// How standard output looks.
    pub out: Style,
    /// How standard error looks.
    pub err: Style,
    /// Whether standard output is a terminal.
    pub is_live: bool,
    /// Whether somebody can answer a question.
    pub is_interactive: bool,
    state: Cell<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nobody reads any more: what is said is dropped, and what is done goes on.
    Gone,
    /// It could not be written.
    Failed,
}

impl Terminal {
    /// The terminal of this process.
    pub fn new(color: Color) -> Terminal {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let width = columns();
        let style = |is_terminal: bool| Style {
            width: if is_terminal { width.unwrap_or(WIDTH) } else { asked_width().unwrap_or(WIDTH) },
            color: is_colored(color, is_terminal),
            unicode: !is_terminal || has_unicode(),
        };
        Terminal {
            out: style(out.is_terminal()),
            err: style(err.is_terminal()),
            is_live: out.is_terminal(),
            is_interactive: std::io::stdin().is_terminal() && err.is_terminal(),
            state: Cell::new(State::Open),
        }
    }

    /// Writes to standard output. Says whether anybody still reads it.
    pub fn print(&self, text: &str) -> bool {
        if self.state.get() == State::Open {
            let text = glyphs(text, self.out);
            let mut out = std::io::stdout().lock();
            match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::BrokenPipe => self.state.set(State::Gone),
                Err(e) => {
                    self.state.set(State::Failed);
                    self.say(&format!("the output cannot be written: {e}\n"));
                }
            }
        }
        self.state.get() == State::Open
    }

    /// Writes to standard error.
    pub fn say(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(glyphs(text, self.err).as_bytes());
    }

    /// How the process ends for its output alone: not well, where that could not be written.
    pub fn closed(&self) -> Option<Exit> {
        (self.state.get() == State::Failed).then_some(Exit::Error)
    }

    /// Asks for a yes.
    pub fn ask(&self, question: &str) -> bool {
        self.say(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

/// Our own signs in letters, for terminals that have nothing else.
fn glyphs(text: &str, style: Style) -> std::borrow::Cow<'_, str> {
    if style.unicode || text.is_ascii() {
        return text.into();
    }
    text.replace('→', "->").replace('←', "<-").replace('…', "...").replace('·', "-").into()
}

fn is_colored(color: Color, is_terminal: bool) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") => true,
        Color::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
    }
}

/// A locale that says it has letters only.
fn has_unicode() -> bool {
    let value =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    !value.is_some_and(|v| v == "C" || v == "POSIX")
}

/// The columns of the terminal, whichever of the three streams is one.
fn columns() -> Option<usize> {
    let size = |fd: Result<rustix::termios::Winsize, _>| fd.ok().map(|s| usize::from(s.ws_col)).filter(|w| *w > 0);
    let seen = size(rustix::termios::tcgetwinsize(std::io::stdout()))
        .or_else(|| size(rustix::termios::tcgetwinsize(std::io::stderr())))
        .or_else(|| size(rustix::termios::tcgetwinsize(std::io::stdin())));
    asked_width().or(seen.map(|w| w.clamp(NARROWEST, WIDEST)))
}

/// The columns that `COLUMNS` asks for.
fn asked_width() -> Option<usize> {
    let asked: usize = std::env::var("COLUMNS").ok()?.trim().parse().ok()?;
    Some(asked.clamp(NARROWEST, WIDEST))
}
