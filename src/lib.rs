//! Lockgate: a declarative pipeline-as-code interpreter for delivery to Kubernetes.
//!
//! The program is this list of stages, each a module and one function:
//!
//! ```text
//! text ─syntax→ Document ─model→ Pipeline ─graph→ Graph ─check→ Checked     each also yields diagnostics; never stops at the first
//! Checked ─plan::queries→ [Query] ─engine::observe→ Observed ─plan::diff→ Plan                      a dry run stops here
//! Plan + State + Input ─run::decide→ [Event] ─journal→ ─State::apply→ State ─run::open_orders→ [Order] ─engine::dispatch→ Input ↺
//! Plan, Event, State ─report→ terminal · JSON · stream                                              nothing flows back up
//! ```
//!
//! Modules stand in floor order: a room imports only rooms above it in this file. `docs/architecture.md` has the picture.

// ground
pub mod diag;
pub mod digest;
pub mod source;
// language
pub mod check;
pub mod graph;
pub mod model;
pub mod syntax;
// decision
pub mod health;
pub mod helm;
pub mod image;
pub mod plan;
pub mod ports;
pub mod rehearse;
pub mod run;
pub mod values;
// world
pub mod adapters;
pub mod engine;
pub mod ide;
pub mod report;
// façade
pub mod app;
// doors
pub mod cli;
pub mod lsp;
#[cfg(feature = "server")]
pub mod server;
