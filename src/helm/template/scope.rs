//! The named templates that are visible.

/// Placeholder until the executor is in.
#[derive(Default)]
pub struct Scope;

/// Parsed texts of `tpl`.
#[derive(Default)]
pub struct TextCache;
