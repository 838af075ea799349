//! The methods of `.Values`, which hide keys of the same name. Follows Helm's `pkg/chart/common/values.go`.

use super::{At, Exec, Run};
use crate::helm::template::ast::Expr;
use crate::helm::template::format::quote;
use crate::helm::template::{FuncError, Param};
use crate::helm::value::{Map, MapType, Str, Value};

/// Whether `.Values` has a method of this name.
pub(super) fn is_method(name: &[u8]) -> bool {
    matches!(name, b"AsMap" | b"YAML" | b"Table" | b"PathValue")
}

/// What the method takes.
pub(super) fn params(name: &[u8]) -> &'static [Param] {
    match name {
        b"Table" | b"PathValue" => &[Param::String],
        _ => &[],
    }
}

impl<'e> Exec<'e, '_> {
    pub(super) fn values_method(&mut self, map: &Map, name: &Str, args: &[Value], expr: &'e Expr) -> Run<Value> {
        let result = match (&**name, args) {
            (b"AsMap", []) => Ok(Value::Map(map.as_type(MapType::Any))),
            (b"YAML", []) => self.yaml(map),
            (b"Table", [Value::Str(path)]) => table(map, path).map(Value::Map),
            (b"PathValue", [Value::Str(path)]) => path_value(map, path),
            _ => Err(FuncError::arguments(&name.to_text(), params(name).len(), args.len())),
        };
        self.called(At::Expr(expr), &name.to_text(), result)
    }

    /// As `toYaml`, which drops the last newline.
    fn yaml(&mut self, map: &Map) -> Result<Value, FuncError> {
        let Some(to_yaml) = self.ctx.registry.lookup(b"toYaml") else { return Err("no YAML here".into()) };
        let value = (to_yaml.run)(self.ctx, &[Value::Map(map.clone())])?;
        let text = value.as_str().map(|text| [text.as_bytes(), b"\n"].concat()).unwrap_or_default();
        Ok(Value::from(text))
    }
}

/// The map at a path of names joined by dots.
fn table(map: &Map, path: &[u8]) -> Result<Map, FuncError> {
    let mut table = map.clone();
    for name in path.split(|byte| *byte == b'.') {
        table = match table.get(name) {
            Some(Value::Map(inner)) => inner.as_type(MapType::Values),
            _ => return Err(FuncError::Message(format!("{} is not a table", quote(name)))),
        };
    }
    Ok(table)
}

/// The value at a path, which must not be a map.
fn path_value(map: &Map, path: &[u8]) -> Result<Value, FuncError> {
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (tables, key) = match memchr::memrchr(b'.', path) {
        Some(dot) => (path.get(..dot), path.get(dot + 1..).unwrap_or_default()),
        None => (None, path),
    };
    let absent = || FuncError::Message(format!("{} is not a value", quote(key)));
    let table = match tables {
        Some(tables) => table(map, tables).map_err(|_| absent())?,
        None => map.clone(),
    };
    table.get(key).filter(|value| value.as_map().is_none()).ok_or_else(absent)
}
