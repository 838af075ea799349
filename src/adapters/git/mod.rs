//! Git repositories as sources, by path of this machine or by URL.
//!
//! A repository on disk is read where it is. One behind a URL is asked for its heads first; only a commit that isn't in
//! the cache yet is fetched, as shallow as will do. Files are read from the commit's tree, nothing is ever checked out,
//! and no hook, filter or configuration of the user takes part, so that a version is the same for everyone.
//!
//! Branches are also places that are deployed to: `branch` commits on top of what is there and pushes it.
//!
//! Without the feature `git`, which builds libgit2, a stand-in says what is missing.

#[cfg(not(feature = "git"))]
mod absent;
#[cfg(feature = "git")]
mod address;
#[cfg(feature = "git")]
mod branch;
#[cfg(feature = "git")]
mod cache;
#[cfg(feature = "git")]
mod credentials;
#[cfg(feature = "git")]
mod faults;
#[cfg(feature = "git")]
mod history;
#[cfg(feature = "git")]
mod hosts;
#[cfg(feature = "git")]
mod local;
#[cfg(feature = "git")]
mod look;
#[cfg(feature = "git")]
mod remote;
#[cfg(feature = "git")]
mod settings;
#[cfg(feature = "git")]
mod tree;

#[cfg(not(feature = "git"))]
pub use absent::{Branches, Git};
#[cfg(feature = "git")]
pub use branch::Branches;
#[cfg(feature = "git")]
pub use look::Git;

#[cfg(all(test, feature = "git"))]
mod tests;
#[cfg(all(test, feature = "git"))]
pub(in crate::adapters) mod trial;
