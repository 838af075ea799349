//! Dockerfiles: text in, stages of instructions out, or every fault of the file with its line and column.
//!
//! The format is Docker's *Dockerfile reference*. What is read here is as it is written: variables are replaced when
//! the file is built, because their values are known only then.

mod expand;
mod instruction;
mod lines;
mod parse;
#[cfg(test)]
mod tests;
mod words;

pub use expand::{Unexpandable, expand, expand_document};
pub(super) use instruction::OTHER_BUILDER;

use super::limits;
use crate::ports::{Fault, Place, PortError};

/// A place in the Dockerfile: line and column from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its path as the user knows it.
    pub path: String,
    /// The character that escapes; `\` unless a directive at the top says otherwise.
    pub escape: char,
    /// The ARGs before the first FROM; only FROM lines see them.
    pub args: Vec<Step>,
    /// The stages.
    pub stages: Vec<Stage>,
    /// Remarks that are no faults.
    pub remarks: Vec<(Pos, String)>,
}

/// One FROM, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Where FROM stands.
    pub pos: Pos,
    /// What it starts from: an image, an earlier stage, or `scratch`.
    pub base: Word,
    /// The name after AS, in lower case.
    pub name: Option<String>,
    /// The value of `--platform`.
    pub platform: Option<Word>,
    /// What follows.
    pub steps: Vec<Step>,
}

/// An instruction at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it starts.
    pub pos: Pos,
    /// It as written, on one line.
    pub text: String,
    /// What it says.
    pub instruction: Instruction,
}

/// A piece of text in which variables are yet to be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The text as written.
    pub text: String,
    /// Where it starts.
    pub pos: Pos,
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `ARG name[=default] …`
    Arg(Vec<(Word, Option<Word>)>),
    /// `COPY`
    Copy(Transfer),
    /// `ADD`
    Add(Transfer),
    /// `ENV name=value …`
    Env(Vec<(Word, Word)>),
    /// `LABEL name=value …`
    Label(Vec<(Word, Word)>),
    /// `WORKDIR path`
    Workdir(Word),
    /// `USER user[:group]`
    User(Word),
    /// `EXPOSE port[/protocol] …`
    Expose(Vec<Word>),
    /// `VOLUME path …`
    Volume(Vec<Word>),
    /// `STOPSIGNAL signal`
    StopSignal(Word),
    /// `ENTRYPOINT`
    Entrypoint(Command),
    /// `CMD`
    Cmd(Command),
    /// `SHELL ["program", "argument"]`
    Shell(Vec<String>),
    /// `HEALTHCHECK`
    Healthcheck(Healthcheck),
    /// `MAINTAINER name`, the old way to write a label.
    Maintainer(String),
    /// `RUN`, which only an engine does.
    Run(Mounts),
    /// `ONBUILD`, which only an engine does.
    OnBuild,
}

/// What the mounts of RUN read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// The stages and images that they are of.
    pub from: Vec<Word>,
    /// Whether one is of the context.
    pub reads_context: bool,
}

/// What COPY and ADD say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// What to copy.
    pub sources: Vec<Source>,
    /// Where to.
    pub target: Word,
    /// `--from`: a stage's name or number.
    pub from: Option<Word>,
    /// `--chown`
    pub chown: Option<Word>,
    /// `--chmod`
    pub chmod: Option<Word>,
}

/// One source of COPY or ADD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path or pattern.
    Path(Word),
    /// A here-document: a file whose content stands in the Dockerfile.
    Inline {
        /// The delimiter, which is the file's name too.
        name: Word,
        /// The content.
        content: String,
        /// Whether variables in it are replaced.
        expand: bool,
    },
}

/// A command as a list, or as a line for the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The JSON form.
    Exec(Vec<String>),
    /// The shell's form.
    Shell(String),
}

/// What HEALTHCHECK says. Times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// The command; none for `HEALTHCHECK NONE`.
    pub command: Option<Command>,
    /// `--interval`
    pub interval: Option<u64>,
    /// `--timeout`
    pub timeout: Option<u64>,
    /// `--start-period`
    pub start_period: Option<u64>,
    /// `--start-interval`
    pub start_interval: Option<u64>,
    /// `--retries`
    pub retries: Option<u64>,
}

impl Dockerfile {
    /// Reads a Dockerfile. `path` is what errors call it. All faults of the file are in the error.
    pub fn parse(path: &str, text: &str) -> Result<Dockerfile, Vec<PortError>> {
        parse::parse(path, text)
    }

    /// Reads a Dockerfile that an engine builds: with what only an engine does, and with flags that only it knows.
    pub fn parse_for_engine(path: &str, text: &str) -> Result<Dockerfile, Vec<PortError>> {
        parse::parse_for_engine(path, text)
    }

    /// An error at a place of this file.
    pub fn error(&self, pos: Pos, message: impl Into<String>) -> PortError {
        PortError::new(Fault::Invalid, clipped(message.into())).at(&self.path, pos.line, pos.column)
    }

    /// An error about a bound of ours, at a place of this file.
    pub fn limit(&self, pos: Pos, message: impl Into<String>) -> PortError {
        PortError { fault: Fault::Limit, ..self.error(pos, message) }
    }

    /// The error with a place of this file, if it has none of its own.
    pub fn placed(&self, pos: Pos, error: PortError) -> PortError {
        PortError { place: error.place.or_else(|| Some(self.place(pos))), ..error }
    }

    /// A place of this file.
    pub fn place(&self, pos: Pos) -> Place {
        Place { path: self.path.clone(), line: pos.line, column: pos.column }
    }

    /// The stage that a name or number means, among those before `before`.
    pub fn stage(&self, name: &str, before: usize) -> Option<usize> {
        let lower = name.to_lowercase();
        let earlier = self.stages.get(..before).unwrap_or(&self.stages);
        // A later stage of the same name hides an earlier one; the parser refuses those, so the order is moot.
        let named = earlier.iter().position(|stage| stage.name.as_deref() == Some(lower.as_str()));
        named.or_else(|| name.parse().ok().filter(|&at: &usize| at < earlier.len()))
    }
}

/// A message without the end of what it quotes, if that is endless.
fn clipped(message: String) -> String {
    if message.chars().count() <= limits::MESSAGE {
        return message;
    }
    message.chars().take(limits::MESSAGE).chain(['…']).collect()
}
