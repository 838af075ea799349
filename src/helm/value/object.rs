//! Go values with fields and methods of their own: files, API versions, semantic versions, times, certificates.

use super::{Kind, Value};
use crate::helm::template::{FuncError, Param};
use std::any::Any;

/// What a name after a dot means on an object.
pub enum Member {
    /// A field, with its value.
    Field(Value),
    /// A method: the executor calls [`Object::call`] with the evaluated arguments.
    Method,
    /// Neither: an error, as Go's "can't evaluate field X in type T".
    None,
}

/// A Go struct, or a named type with methods.
#[allow(clippy::len_without_is_empty, reason = "most have no length; `is_true` says whether it is 0")]
pub trait Object: Any {
    /// The type as `%T` prints it.
    fn type_name(&self) -> &'static str;

    /// What `kindOf` says.
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// What `.name` means.
    fn member(&self, name: &str) -> Member;

    /// The parameters of a method, against which the executor checks the arguments, as it does for functions. Nothing: the
    /// method takes whatever comes and checks it itself.
    fn params(&self, _method: &str) -> Option<&'static [Param]> {
        None
    }

    /// Calls a method. Arguments that [`Object::params`] does not speak of are for the method to check;
    /// [`FuncError::arguments`] words the error as Go does. A name that [`Object::member`] does not call a method is never asked for.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FuncError>;

    /// What `range` goes over, as pairs of key and element; nothing if it can't be ranged over.
    fn range(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// What `len` says; nothing if it has no length.
    fn len(&self) -> Option<usize> {
        None
    }

    /// What `index` with one argument yields; nothing if it can't be indexed.
    fn index(&self, _key: &Value) -> Option<Value> {
        None
    }

    /// Its truth in `if`: structs are true, collections by their length.
    fn is_true(&self) -> bool {
        self.len() != Some(0)
    }

    /// What `%v` and a template print: the result of `String()` or Go's form of the struct.
    fn print(&self) -> String;

    /// The plain value for `toYaml`, `toJson` and comparisons by content.
    fn plain(&self) -> Value;

    /// For functions that take this very type: `object.as_any().downcast_ref::<T>()`.
    fn as_any(&self) -> &dyn Any;
}
