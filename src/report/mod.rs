//! Plans, events and states for people and for programs: text and JSON, and nothing that flows back up.
//!
//! Everything here is pure. How wide a line may be and whether it is coloured comes in as a [`Style`], the time and its
//! zone as a [`Clock`]; out comes text. Whatever was written by others (a commit's subject, a reason, a program's output)
//! goes through [`layout::clean`] before it reaches a terminal.

pub mod board;
pub mod clock;
pub mod compare;
pub mod diagnostics;
pub mod gate;
pub mod graph;
pub mod history;
pub mod layout;
pub mod measures;
pub mod metrics;
pub mod notices;
pub mod page;
pub mod paint;
pub mod past;
pub mod plan;
pub mod run;
pub mod steps;
#[cfg(any(feature = "otel", test))]
pub mod trace;
pub mod why;
pub mod words;

pub use crate::diag::render::Style;
pub use clock::Clock;
pub use paint::Paint;

/// The beginning of a command that goes on where the user is: the program, and the flags that say which pipeline and which
/// state, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The program as it was called.
    pub program: String,
    /// The flags, each with a space before it; ready to be pasted into a shell.
    pub flags: String,
    /// Who speaks.
    pub person: String,
    /// Whether everybody speaks for themselves alone, as with a server, and nobody says whom they speak for.
    pub is_own_word: bool,
}

impl Typed {
    /// The command that does that, as it would be typed.
    pub fn command(&self, what: &str) -> String {
        format!("{} {what}{}", self.program, self.flags)
    }
}
