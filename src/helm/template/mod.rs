//! Go's `text/template`: text → [`ast`] → output, with Go's types, nils and errors.
//!
//! [`Context`] holds one render: [`Context::add_template`] parses a file, [`Context::execute`] runs one,
//! [`Context::include`] and [`Context::tpl`] are the functions of those names.

pub mod ast;
mod builtins;
mod context;
mod error;
mod exec;
pub mod format;
mod func;
mod parse;
mod scope;
mod show;
#[cfg(test)]
mod tests;

pub(crate) use parse::{Names, parse as parse_template};

pub use context::{Context, Environment, Limits, Lookup, Random, Used};
pub use error::{FuncError, Place, Reason, TemplateError};
pub use func::{Func, FuncSpec, Param, Registry};

/// Runs with enough stack for deep nesting, wherever the caller runs.
fn with_stack<T>(run: impl FnOnce() -> T) -> T {
    const LEFT: usize = 256 << 10;
    const MORE: usize = 4 << 20;
    stacker::maybe_grow(LEFT, MORE, run)
}
