//! Git repositories as sources. Without the feature `git`, which builds libgit2, a stand-in says what is missing.

#[cfg(not(feature = "git"))]
mod absent;
#[cfg(not(feature = "git"))]
pub use absent::Git;
