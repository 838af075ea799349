//! Functions that templates call: their names, parameter types, and the table the parser looks them up in.

use super::{Context, FuncError};
use crate::helm::value::Value;
use foldhash::HashMap;

/// A function of templates. The executor has checked the number and the types of the arguments against the
/// [`FuncSpec`]; it may still meet nil where the parameter is `Any`, `Map` or a list.
pub type Func = fn(&mut Context<'_>, &[Value]) -> Result<Value, FuncError>;

/// The Go type of a parameter: what the executor lets through, and what it says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// `interface {}`: everything; nil arrives as [`Value::Nil`].
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float64,
    /// `string`; arrives as [`Value::Str`].
    String,
    /// `map[string]interface {}`: a [`Value::Map`], or [`Value::Nil`] for the nil map.
    Map,
    /// `[]interface {}`: a [`Value::List`], or [`Value::Nil`] for the nil slice.
    List,
    /// `[]string`, or [`Value::Nil`].
    Strings,
    /// `[]byte`, or [`Value::Nil`].
    Bytes,
    /// An object of this Go type.
    Object(&'static str),
    /// A pointer to an object of this Go type, printed with a `*`; [`Value::Nil`] for the nil pointer.
    Pointer(&'static str),
    /// `reflect.Value`: like [`Param::Any`], but a missing value stays [`Value::Missing`].
    Reflect,
}

impl Param {
    /// The type as Go prints it.
    pub fn name(self) -> &'static str {
        match self {
            Param::Any => "interface {}",
            Param::Bool => "bool",
            Param::Int => "int",
            Param::Int64 => "int64",
            Param::Float64 => "float64",
            Param::String => "string",
            Param::Map => "map[string]interface {}",
            Param::List => "[]interface {}",
            Param::Strings => "[]string",
            Param::Bytes => "[]uint8",
            Param::Object(name) | Param::Pointer(name) => name,
            Param::Reflect => "reflect.Value",
        }
    }

    /// Whether nil may be passed.
    pub(super) fn takes_nil(self) -> bool {
        use Param::{Any, Bytes, List, Map, Pointer, Reflect, Strings};
        matches!(self, Any | Map | List | Strings | Bytes | Pointer(_) | Reflect)
    }
}

/// One function: name, signature, code.
pub struct FuncSpec {
    /// The name in templates.
    pub name: &'static str,
    /// The fixed parameters, in order.
    pub params: &'static [Param],
    /// The type of each further argument, if there may be any.
    pub rest: Option<Param>,
    /// The executor evaluates the arguments one by one and stops early: `and`, `or`.
    pub lazy: bool,
    /// It goes through all that its arguments contain; the executor sees that this is not too much.
    pub deep: bool,
    /// The code.
    pub run: Func,
}

impl FuncSpec {
    /// A function with a fixed number of parameters.
    pub const fn fixed(name: &'static str, params: &'static [Param], run: Func) -> FuncSpec {
        FuncSpec { name, params, rest: None, lazy: false, deep: false, run }
    }

    /// A function with fixed parameters and then any number of one type.
    pub const fn variadic(name: &'static str, params: &'static [Param], rest: Param, run: Func) -> FuncSpec {
        FuncSpec { name, params, rest: Some(rest), lazy: false, deep: false, run }
    }

    /// The same, for a function that goes through all that its arguments contain.
    pub const fn deep(self) -> FuncSpec {
        FuncSpec { deep: true, ..self }
    }

    /// `and`, `or`: the executor stops at the first argument that decides.
    pub(super) const fn lazy(name: &'static str, run: Func) -> FuncSpec {
        FuncSpec { name, params: &[Param::Reflect], rest: Some(Param::Reflect), lazy: true, deep: false, run }
    }
}

/// The functions a chart may call. Those of Go's `text/template` are always there; a function of the same name hides them.
pub struct Registry {
    functions: HashMap<&'static [u8], &'static FuncSpec>,
}

impl Registry {
    /// Go's own functions and these; later ones win.
    pub fn new(families: &[&'static [FuncSpec]]) -> Registry {
        let all = std::iter::once(super::builtins::BUILTINS).chain(families.iter().copied()).flatten();
        Registry { functions: all.map(|spec| (spec.name.as_bytes(), spec)).collect() }
    }

    /// The function of a name.
    pub fn lookup(&self, name: &[u8]) -> Option<&'static FuncSpec> {
        self.functions.get(name).copied()
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.functions.values().map(|spec| spec.name).collect();
        names.sort_unstable();
        names
    }
}
