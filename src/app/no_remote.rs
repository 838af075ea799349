//! Servers elsewhere, in a program that was built without what speaks with them.

use super::Failure;
use crate::diag::{Diagnostic, codes};
use crate::report::Style;
use serde_json::Value;

/// A server; there is none here.
pub enum Server {}

impl Server {
    /// Says that nothing here can speak with a server.
    pub fn open(_: &str, _: Option<String>, _: Option<&str>, _: bool) -> Result<Server, Failure> {
        Err(left_out())
    }

    /// The name of the pipeline.
    pub fn pipeline(&self) -> &str {
        match *self {}
    }

    /// Asks for text.
    pub fn text(&self, _: &str, _: &[(&str, String)], _: Style, _: &str) -> Result<String, Failure> {
        match *self {}
    }

    /// Asks for JSON.
    pub fn json(&self, _: &str, _: &[(&str, String)]) -> Result<String, Failure> {
        match *self {}
    }

    /// Asks for a value.
    pub fn value(&self, _: &str, _: &[(&str, String)]) -> Result<Value, Failure> {
        match *self {}
    }

    /// Says something.
    pub fn say(&self, _: &str, _: &Value) -> Result<Value, Failure> {
        match *self {}
    }

    /// Reads what comes.
    pub fn stream(
        &self,
        _: &str,
        _: &[(&str, String)],
        _: Option<u64>,
        _: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        match *self {}
    }
}

/// Says that nothing here can speak with a server.
pub fn login(_: &str, _: &str, _: bool) -> Result<String, Failure> {
    Err(left_out())
}

fn left_out() -> Failure {
    let fault = Diagnostic::new(&codes::NEEDS_ADAPTER, "this program was built without what speaks with servers");
    Failure::plain(fault.help("build it with the feature `registry`"))
}
