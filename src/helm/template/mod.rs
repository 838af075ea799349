//! Go's `text/template`: text → [`ast`] → output, with Go's types, nils and errors.
//!
//! [`Context`] holds one render: [`Context::add_template`] parses a file, [`Context::execute`] runs one,
//! [`Context::exec_named`] and [`Context::exec_tpl`] are what `include` and `tpl` are made of.

mod builtins;
mod context;
mod error;
pub mod format;
mod func;
mod scope;

pub use context::{Context, Environment, Limits, Lookup, Random, Used};
pub use error::{FuncError, Place, Reason, TemplateError};
pub use func::{Func, FuncSpec, Param, Registry};
