//! What happens next, decided. Pure: no clock, no IO; the time is a field of the input.
//!
//! An [`Input`] comes in, [`decide()`] says which [`Event`]s follow from it, [`proceed()`] which follow from what is now
//! possible; the events are written, and only then the [`Order`]s that they open are carried out. State is a fold of
//! events and nothing else.

pub mod decide;
pub mod edits;
pub mod event;
pub mod gate;
pub mod input;
pub mod notices;
pub mod orders;
pub mod progress;
pub mod retention;
pub mod state;

mod beside;
mod failure;
mod people;
mod proceed;
mod wants;

pub use beside::{is_building, may_begin};
pub use decide::{decide, outcome};
pub use event::{Event, Outcome, Record, RunOutcome};
pub use input::{Input, Report, Saying, StepResult, Timed, Word};
pub use orders::{Order, may_start, open_orders};
pub use people::said;
pub use proceed::{proceed, wants_replan};
pub use progress::{Progress, Status};
pub use state::{Intent, State};
pub use wants::wants;
