//! Sources from the outside: what is watched, through the adapters that a machine uses.

mod git_http;
mod server;
