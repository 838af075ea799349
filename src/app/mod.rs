//! The façade: plain data in and out. Joins the engine with the adapters, so that every door does the same in the same way.

pub mod checkout;
pub mod glance;
pub mod keeper;
pub mod load;
pub mod names;
pub mod online;
pub mod ready;
pub mod rehearse;
#[cfg(feature = "registry")]
pub mod remote;
#[cfg(not(feature = "registry"))]
#[path = "no_remote.rs"]
pub mod remote;
pub mod saved;
pub mod serving;
pub mod session;
pub mod telling;
#[cfg(feature = "otel")]
pub mod traces;
pub mod unmoved;
pub mod upkeep;
pub mod watching;

mod beside;
mod world;

pub use crate::engine::Call;
pub use keeper::Keeper;
pub use load::{Loaded, load};
pub use saved::SavedPlan;
pub use session::{Applied, ApplyOptions, Looked, Session, Settings};

use crate::diag::Diagnostic;
use crate::ports::PortError;
use crate::source::Sources;

/// Why something could not be done: diagnostics, and the texts that they point into.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// What is wrong; at least one error.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

impl Failure {
    /// A failure that is of no text.
    pub fn plain(diagnostic: Diagnostic) -> Failure {
        Failure { diagnostics: vec![diagnostic], sources: Sources::new() }
    }

    /// What a neighbour could not do.
    pub fn of(error: &PortError, what: &str) -> Failure {
        Failure::plain(crate::plan::diff::port_diagnostic(error, what))
    }
}
