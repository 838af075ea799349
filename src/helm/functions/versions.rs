//! Semantic versions.

use super::args::{Outcome, chars};
use crate::helm::semver::{Constraint, Version};
use crate::helm::template::Param::String;
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{Kind, Member, Object, Value};
use std::any::Any;

pub(super) const FUNCTIONS: &[FuncSpec] =
    &[FuncSpec::fixed("semver", &[String], semver), FuncSpec::fixed("semverCompare", &[String, String], compare)];

fn parse(text: &str) -> Result<Version, FuncError> {
    Version::parse(text).map_err(|e| FuncError::Message(e.to_string()))
}

fn semver(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    Ok(Value::object(Semver(parse(&chars(args, 0))?)))
}

fn compare(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let range = Constraint::parse(&chars(args, 0)).map_err(|e| FuncError::Message(e.to_string()))?;
    Ok(Value::Bool(range.check(&parse(&chars(args, 1))?)))
}

/// A `*semver.Version`.
struct Semver(Version);

const NAME: &str = "*semver.Version";

impl Semver {
    fn other<'a>(&self, name: &str, args: &'a [Value]) -> Result<&'a Semver, FuncError> {
        let [Value::Object(object)] = args else {
            return Err(match args.len() {
                1 => FuncError::Message(format!("wrong type for value; expected {NAME}; got {}", args[0].type_name())),
                got => FuncError::arguments(name, 1, got),
            });
        };
        object.as_any().downcast_ref().ok_or_else(|| {
            FuncError::Message(format!("wrong type for value; expected {NAME}; got {}", object.type_name()))
        })
    }
}

impl Object for Semver {
    fn type_name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn member(&self, name: &str) -> Member {
        match name {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "Original" | "String" | "Compare" | "Equal"
            | "GreaterThan" | "LessThan" | "GreaterThanEqual" | "LessThanEqual" | "IncMajor" | "IncMinor"
            | "IncPatch" => Member::Method,
            _ => Member::None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Outcome {
        let v = &self.0;
        let order = |name| self.other(name, args).map(|o| v.compare(&o.0));
        let plain = match name {
            "Major" => Value::Uint64(v.major),
            "Minor" => Value::Uint64(v.minor),
            "Patch" => Value::Uint64(v.patch),
            "Prerelease" => Value::from(v.pre.as_str()),
            "Metadata" => Value::from(v.metadata.as_str()),
            "Original" => Value::from(v.original.as_str()),
            "String" => Value::from(v.to_string()),
            "IncMajor" => Value::object(Semver(v.inc_major())),
            "IncMinor" => Value::object(Semver(v.inc_minor())),
            "IncPatch" => Value::object(Semver(v.inc_patch())),
            "Compare" => return Ok(Value::Int(order(name)? as i64)),
            "Equal" => return Ok(Value::Bool(order(name)?.is_eq())),
            "GreaterThan" => return Ok(Value::Bool(order(name)?.is_gt())),
            "GreaterThanEqual" => return Ok(Value::Bool(order(name)?.is_ge())),
            "LessThan" => return Ok(Value::Bool(order(name)?.is_lt())),
            _ => return Ok(Value::Bool(order(name)?.is_le())),
        };
        match args.len() {
            0 => Ok(plain),
            got => Err(FuncError::arguments(name, 0, got)),
        }
    }

    fn print(&self) -> std::string::String {
        self.0.to_string()
    }

    fn plain(&self) -> Value {
        Value::from(self.0.to_string())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
