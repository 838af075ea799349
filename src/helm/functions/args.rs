//! Reading arguments: what Go's type conversions and `spf13/cast` v1.7 make of a value.

use crate::helm::template::{FuncError, format};
use crate::helm::value::{Kind, Map, MapType, Str, Value};

/// What every function returns.
pub(super) type Outcome = Result<Value, FuncError>;

/// An argument; nil if it is not there.
pub(super) fn any(args: &[Value], i: usize) -> Value {
    args.get(i).cloned().unwrap_or_default()
}

/// A `string` argument.
pub(super) fn text(args: &[Value], i: usize) -> Str {
    match args.get(i) {
        Some(Value::Str(s) | Value::Bytes(s)) => s.clone(),
        _ => Str::default(),
    }
}

/// A `string` argument of which only the characters matter.
pub(super) fn chars(args: &[Value], i: usize) -> String {
    text(args, i).to_text().into_owned()
}

/// An `int` or `int64` argument.
pub(super) fn int(args: &[Value], i: usize) -> i64 {
    args.get(i).map_or(0, to_int)
}

/// A `bool` argument.
pub(super) fn boolean(args: &[Value], i: usize) -> bool {
    matches!(args.get(i), Some(Value::Bool(true)))
}

/// A `map[string]interface {}` argument; the nil map is an empty one that nobody shares.
pub(super) fn map(args: &[Value], i: usize) -> Map {
    match args.get(i) {
        Some(Value::Map(map)) => map.as_type(MapType::Any),
        _ => Map::new(),
    }
}

/// The items of a slice of any type; nothing if the value is no slice.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::List(list) => Some(list.items().to_vec()),
        Value::Bytes(bytes) => Some(bytes.iter().map(|b| Value::Int(i64::from(*b))).collect()),
        Value::Object(object) if object.kind() == Kind::Slice => {
            Some(object.range()?.into_iter().map(|(_, item)| item).collect())
        }
        _ => None,
    }
}

/// The items of a slice, or sprig's complaint, which ends with the kind of what was found.
pub(super) fn slice(value: &Value, complaint: &str) -> Result<Vec<Value>, FuncError> {
    if value.is_nil() {
        return Err(nil_pointer());
    }
    items(value).ok_or_else(|| FuncError::Message(format!("{complaint} {}", value.kind().name())))
}

/// What Go says where `reflect.TypeOf(nil)` is asked for its kind.
pub(super) fn nil_pointer() -> FuncError {
    FuncError::from("runtime error: invalid memory address or nil pointer dereference")
}

/// sprig's `strval`: the bytes of a string, of `[]byte`, else what `%v` prints.
pub(super) fn string_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Str(s) | Value::Bytes(s) => s.to_vec(),
        other => format::to_bytes(other),
    }
}

/// sprig's `empty`.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.kind() != Kind::Struct && object.kind() != Kind::Ptr && !object.is_true(),
        other => !other.is_true(),
    }
}

/// `cast.ToInt64`.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n,
        Value::Uint64(n) => *n as i64,
        Value::Float(n) => float_to_int(*n),
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => s.as_utf8().and_then(|s| parse_int(trim_zero_decimal(s))).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit is the smallest number.
fn float_to_int(n: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&n) { n as i64 } else { i64::MIN }
}

/// `cast.ToFloat64`.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n as f64,
        Value::Uint64(n) => *n as f64,
        Value::Float(n) => *n,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => s.as_utf8().and_then(parse_float).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn parse_float(text: &str) -> Option<f64> {
    // Rust reads "infinity" and the like as Go does, but no underscores and no hexadecimal numbers.
    text.parse().ok()
}

/// `12.00` is an integer, `12.5` is none.
fn trim_zero_decimal(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let separated = digits.contains('_') && !digits.contains("__") && !digits.ends_with('_');
    let plain = if separated { digits.replace('_', "") } else { digits.to_string() };
    if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(&plain, base).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}
