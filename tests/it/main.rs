//! All tests of the whole, as one binary.

mod lab;

mod again;
mod ahead;
mod any_text;
mod bad_input;
#[cfg(feature = "server")]
mod board;
mod check;
mod cli;
mod delivery;
mod docs;
mod editors;
mod faults;
#[cfg(feature = "git")]
mod gitops;
mod grammar;
mod helm;
mod house;
mod image;
mod install;
#[cfg(feature = "kubernetes")]
mod live;
mod lsp;
mod rehearse;
mod sarif;
mod scenes;
#[cfg(feature = "server")]
mod server;
mod simulator;
mod sources;
mod syntax;
mod web;
mod words;
