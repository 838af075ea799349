//! `.Files`: the files of a chart that are neither templates nor values, with the methods Helm gives them.

use super::functions::to_yaml;
use super::template::{FuncError, Param};
use super::value::{Kind, Map, Member, Object, Str, Value};
use base64::Engine as _;
use bytes::Bytes;
use regex::bytes::Regex;
use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The object `.Files` of these files.
pub(super) fn files<'a>(files: impl IntoIterator<Item = &'a super::chart::File>) -> Value {
    let entries = files.into_iter().map(|f| (Str::from(f.name.as_str()), f.data.clone())).collect();
    Value::object(Files(Rc::new(entries)))
}

/// An `engine.files`: a map from name to bytes.
#[derive(Clone)]
struct Files(Rc<BTreeMap<Str, Bytes>>);

impl Files {
    fn glob(&self, pattern: &str) -> Files {
        let matcher = glob(pattern);
        let matches = |name: &Str| matcher.as_ref().is_none_or(|m| m.is_match(name));
        Files(Rc::new(self.0.iter().filter(|(n, _)| matches(n)).map(|(n, d)| (n.clone(), d.clone())).collect()))
    }

    /// A YAML map of base names; empty for nothing.
    fn as_yaml(&self, each: impl Fn(&[u8]) -> Value) -> Value {
        let map: Map = self.0.iter().map(|(name, data)| (base(name), each(data))).collect();
        Value::from(to_yaml(&Value::Map(map)).unwrap_or_default())
    }

    fn lines(&self, name: &Str) -> Value {
        match self.0.get(name) {
            Some(data) if !data.is_empty() => {
                let body = data.strip_suffix(b"\n").unwrap_or(data);
                Value::strings(body.split(|b| *b == b'\n'))
            }
            _ => Value::strings(Vec::<Str>::new()),
        }
    }
}

fn base(name: &Str) -> Str {
    Str::new(name.rsplit(|b| *b == b'/').next().unwrap_or_default())
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn member(&self, name: &str) -> Member {
        match name {
            "Get" | "GetBytes" | "Glob" | "Lines" | "AsConfig" | "AsSecrets" => Member::Method,
            // A field of a map is its element, and one that is missing the zero value.
            name => Member::Field(
                self.0.get(name.as_bytes()).map_or(Value::Bytes(Str::default()), |data| Value::Bytes(Str::new(data))),
            ),
        }
    }

    fn params(&self, method: &str) -> Option<&'static [Param]> {
        Some(if method.starts_with("As") { &[] } else { &[Param::String] })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FuncError> {
        match (name, args) {
            ("AsConfig", []) => return Ok(self.as_yaml(|data| Value::Str(Str::new(data)))),
            ("AsSecrets", []) => {
                let encode = |data: &[u8]| Value::from(base64::engine::general_purpose::STANDARD.encode(data));
                return Ok(self.as_yaml(encode));
            }
            ("AsConfig" | "AsSecrets", args) => return Err(FuncError::arguments(name, 0, args.len())),
            _ => {}
        }
        let path = match args {
            [Value::Str(path)] => path,
            [other] => {
                return Err(FuncError::Message(format!(
                    "wrong type for value; expected string; got {}",
                    other.type_name()
                )));
            }
            args => return Err(FuncError::arguments(name, 1, args.len())),
        };
        let data = || self.0.get(path).map(Str::new).unwrap_or_default();
        Ok(match name {
            "Get" => Value::Str(data()),
            "GetBytes" => Value::Bytes(data()),
            "Lines" => self.lines(path),
            _ => Value::object(self.glob(&path.to_text())),
        })
    }

    fn range(&self) -> Option<Vec<(Value, Value)>> {
        Some(self.0.iter().map(|(name, data)| (Value::Str(name.clone()), Value::Bytes(Str::new(data)))).collect())
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }

    fn index(&self, key: &Value) -> Option<Value> {
        let Value::Str(name) = key else { return None };
        Some(Value::Bytes(self.0.get(name).map(Str::new).unwrap_or_default()))
    }

    fn print(&self) -> String {
        let entry = |(name, data): (&Str, &Bytes)| {
            let bytes: Vec<String> = data.iter().map(u8::to_string).collect();
            format!("{name}:[{}]", bytes.join(" "))
        };
        format!("map[{}]", self.0.iter().map(entry).collect::<Vec<_>>().join(" "))
    }

    fn plain(&self) -> Value {
        Value::Map(self.0.iter().map(|(name, data)| (name.clone(), Value::Bytes(Str::new(data)))).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A pattern of `github.com/gobwas/glob` with `/` as separator, as a regular expression; a wrong one matches everything.
fn glob(pattern: &str) -> Option<Regex> {
    let mut out = String::from("^(?s:");
    let mut chars = pattern.chars().peekable();
    let mut open = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                for c in chars.by_ref().take_while(|c| *c != ']') {
                    if matches!(c, '[' | '&' | '~' | '^' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex::escape(&chars.next().map_or(String::new(), String::from))),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
    Regex::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("config/*", "config/a", true),
            ("config/*", "config/a/b", false),
            ("config/**", "config/a/b", true),
            ("**.yaml", "a/b.yaml", true),
            ("{a,b}/?.txt", "b/x.txt", true),
            ("[!a]x", "bx", true),
            ("a.b", "axb", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(glob(pattern).is_none_or(|r| r.is_match(name.as_bytes())), expected, "{pattern} {name}");
        }
    }
}
