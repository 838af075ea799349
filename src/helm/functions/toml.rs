//! TOML as BurntSushi/toml v1.6 writes it: plain values before tables, keys sorted, tables indented.

use super::dates;
use crate::helm::value::{Map, Str, Value};
use crate::helm::yaml::{MAX_DEPTH, float_g};

/// Writes a map, or a value alone.
///
/// # Errors
/// What TOML cannot say: a null in a list, or alone.
pub(super) fn write(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new() };
    match &plain(value) {
        Value::Map(map) => writer.table(map, &mut Vec::new())?,
        Value::Missing | Value::Nil => return Err("toml: cannot encode a nil value".to_string()),
        other => writer.element(other, 0)?,
    }
    Ok(writer.out)
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.plain(),
        other => other.clone(),
    }
}

struct Writer {
    out: String,
}

impl Writer {
    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, path: &[String]) {
        self.out.extend(std::iter::repeat_n("  ", path.len().saturating_sub(1)));
    }

    fn table(&mut self, map: &Map, path: &mut Vec<String>) -> Result<(), String> {
        if path.len() > MAX_DEPTH {
            return Err("toml: the value is nested too deep".to_string());
        }
        let entries: Vec<(Str, Value)> =
            map.entries().into_iter().map(|(k, v)| (k, plain(&v))).filter(|(_, v)| !v.is_nil()).collect();
        let is_table = |value: &Value| match value {
            Value::Map(_) => true,
            Value::List(list) => is_table_array(list.items()).unwrap_or(false),
            _ => false,
        };
        let (tables, plain): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, value)| is_table(value));
        for (key, value) in plain.into_iter().chain(tables) {
            path.push(quoted_key(&key.to_text()));
            self.entry(value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, value: &Value, path: &mut Vec<String>) -> Result<(), String> {
        match value {
            Value::Map(map) => {
                if path.len() == 1 {
                    self.newline();
                }
                self.indent(path);
                self.out.push_str(&format!("[{}]", path.join(".")));
                self.newline();
                self.table(map, path)
            }
            Value::List(list) if is_table_array(list.items())? => {
                for item in list.iter().map(plain) {
                    self.newline();
                    self.indent(path);
                    self.out.push_str(&format!("[[{}]]", path.join(".")));
                    self.newline();
                    if let Value::Map(map) = &item {
                        self.table(map, path)?;
                    }
                }
                Ok(())
            }
            value => {
                self.indent(path);
                self.out.push_str(path.last().map_or("", String::as_str));
                self.out.push_str(" = ");
                self.element(value, 0)?;
                self.newline();
                Ok(())
            }
        }
    }

    fn element(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("toml: the value is nested too deep".to_string());
        }
        match plain(value) {
            Value::Bool(b) => self.out.push_str(&b.to_string()),
            Value::Int(n) | Value::Int64(n) => self.out.push_str(&n.to_string()),
            Value::Uint64(n) => self.out.push_str(&n.to_string()),
            Value::Float(n) => self.out.push_str(&float(n)),
            Value::Str(s) => self.out.push_str(&quoted(&s.to_text())),
            Value::Bytes(s) => {
                let numbers: Vec<_> = s.iter().map(u8::to_string).collect();
                self.out.push_str(&format!("[{}]", numbers.join(", ")));
            }
            Value::List(list) => {
                self.out.push('[');
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.element(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Map(map) => self.inline(&map, depth)?,
            _ => return Err("toml: cannot encode array with nil element".to_string()),
        }
        Ok(())
    }

    fn inline(&mut self, map: &Map, depth: usize) -> Result<(), String> {
        self.out.push('{');
        for (i, (key, value)) in map.entries().iter().filter(|(_, v)| !v.is_nil()).enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.out.push_str(&quoted_key(&key.to_text()));
            self.out.push_str(" = ");
            self.element(value, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }
}

fn is_table_array(items: &[Value]) -> Result<bool, String> {
    if items.iter().any(Value::is_nil) {
        return Err("toml: cannot encode array with nil element".to_string());
    }
    Ok(!items.is_empty() && items.iter().all(|item| matches!(plain(item), Value::Map(_))))
}

fn float(n: f64) -> String {
    match n {
        n if n.is_nan() => "nan".to_string(),
        f64::INFINITY => "+inf".to_string(),
        f64::NEG_INFINITY => "-inf".to_string(),
        n => {
            let text = float_g(n, false);
            if text.contains(['e', '.']) { text } else { format!("{text}.0") }
        }
    }
}

fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_string() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Reads a text; integers become `int64`, dates `time.Time`.
///
/// # Errors
/// A text that is no TOML.
pub(super) fn read(text: &[u8]) -> Result<Map, String> {
    let text = std::str::from_utf8(text).map_err(|_| "toml: invalid UTF-8".to_string())?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| format!("toml: {}", e.message()))?;
    Ok(table.iter().map(|(key, value)| (Str::from(key.as_str()), from_toml(value))).collect())
}

fn from_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(s) => Value::from(s.as_str()),
        toml::Value::Integer(n) => Value::Int64(*n),
        toml::Value::Float(n) => Value::Float(*n),
        toml::Value::Boolean(b) => Value::Bool(*b),
        toml::Value::Datetime(date) => {
            let text = date.to_string();
            dates::from_toml(&text).unwrap_or_else(|| Value::from(text))
        }
        toml::Value::Array(items) => Value::list(items.iter().map(from_toml).collect()),
        toml::Value::Table(table) => Value::map(table.iter().map(|(key, value)| (key, from_toml(value)))),
    }
}
