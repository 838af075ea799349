//! Go's `fmt` and the parts of `strconv` behind it: how values become text.
//!
//! [`print_value`] is `%v`, [`sprint`], [`sprintln`] and [`sprintf`] are the functions of those names; [`quote`] is
//! `strconv.Quote`, [`float`] is `strconv.FormatFloat`.

mod float;
mod number;
mod quote;
mod verbs;

pub use float::{Notation, float};
pub use quote::{Unit, is_print, quote, quote_rune, unquote, unquote_char};
pub use verbs::sprintf;

use crate::helm::value::{Kind, Value};

/// What a template prints for the missing value.
pub const NO_VALUE: &[u8] = b"<no value>";

/// `%v`: appends the default form of a value.
pub fn print_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Str(text) => out.extend_from_slice(text),
        Value::Missing | Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) | Value::Int64(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Uint64(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Float(n) => out.extend_from_slice(float(*n, Notation::General, None).as_bytes()),
        Value::Object(object) => out.extend_from_slice(object.print().as_bytes()),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => verbs::print_composite(out, value),
    }
}

/// The default form of a value, as bytes.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    print_value(&mut out, value);
    out
}

/// `fmt.Sprint`: a space between two operands of which neither is a string.
pub fn sprint(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut after_string = true;
    for (n, arg) in args.iter().enumerate() {
        let string = arg.kind() == Kind::String;
        if n > 0 && !string && !after_string {
            out.push(b' ');
        }
        print_value(&mut out, arg);
        after_string = string;
    }
    out
}

/// `fmt.Sprintln`: spaces between all, and a newline.
pub fn sprintln(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, arg) in args.iter().enumerate() {
        if n > 0 {
            out.push(b' ');
        }
        print_value(&mut out, arg);
    }
    out.push(b'\n');
    out
}
