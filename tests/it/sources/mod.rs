//! Sources from the outside: what is watched, through the adapters that a machine uses.

#[cfg(feature = "git")]
mod git_http;
#[cfg(feature = "git")]
mod git_push;
#[cfg(feature = "git")]
mod git_ssh;
#[cfg(feature = "git")]
pub(crate) mod server;
