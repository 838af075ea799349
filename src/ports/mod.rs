//! Words and traits for what is outside: one file a neighbour. Adapters implement them, the engine calls them, and
//! nothing in here does anything.

pub mod builder;
pub mod bundle;
pub mod clock;
pub mod fields;
pub mod files;
pub mod filter;
pub mod images;
pub mod journal;
pub mod notices;
pub mod places;
pub mod secrets;
pub mod shelf;
pub mod shell;
pub mod sources;
pub mod web;
pub mod workshop;

use std::fmt;

/// What kind of failure it was; decides whether it is worth trying again and what a user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The thing asked for is not there: a branch, a tag, a file, a context.
    NotFound,
    /// We may not: credentials are missing or refused, or a permission is.
    Denied,
    /// What we sent or were sent is wrong, and sending it again is wrong too.
    Invalid,
    /// The neighbour cannot be reached or is busy; later may be better.
    Unavailable,
    /// It is no longer as it was when we looked.
    Moved,
    /// A bound of ours was reached: size, time, depth.
    Limit,
    /// Someone asked to stop.
    Cancelled,
}

/// Why a neighbour could not do what was asked. One sentence, with the names of the things concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub struct PortError {
    /// The kind.
    pub fault: Fault,
    /// What happened, in words, without a full stop.
    pub message: String,
    /// How to go on, where that is known.
    pub help: Option<String>,
    /// The place in a file of the repository, where the fault lies in one: path, line and column from 1.
    pub place: Option<Place>,
}

/// A place in a file that is not part of the pipeline file: a Dockerfile, a chart's template, a values file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The path as the user knows it.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl PortError {
    /// An error of that kind.
    pub fn new(fault: Fault, message: impl Into<String>) -> PortError {
        PortError { fault, message: message.into(), help: None, place: None }
    }

    /// Adds how to go on.
    pub fn help(mut self, help: impl Into<String>) -> PortError {
        self.help = Some(help.into());
        self
    }

    /// Adds where in a file.
    pub fn at(mut self, path: impl Into<String>, line: usize, column: usize) -> PortError {
        self.place = Some(Place { path: path.into(), line, column });
        self
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", place.path, place.line, place.column)?;
        }
        f.write_str(&self.message)
    }
}
