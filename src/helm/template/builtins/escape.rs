//! `html`, `js`, `urlquery`.

use crate::helm::template::format::{NO_VALUE, is_print, sprint};
use crate::helm::template::{Context, FuncError};
use crate::helm::value::Value;

pub(super) fn html(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for byte in text(args) {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(byte),
        }
    }
    super::written(ctx, out)
}

pub(super) fn js(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let text = text(args);
    let mut out = Vec::new();
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' | '"' => out.extend_from_slice(&[b'\\', u8::try_from(c).unwrap_or_default()]),
                '<' | '>' | '&' | '=' => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
                c if c.is_ascii() && c >= ' ' => out.push(u8::try_from(c).unwrap_or_default()),
                c if !c.is_ascii() && is_print(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            }
        }
        // Each broken byte is the replacement character to Go, which it prints as the byte.
        out.extend_from_slice(chunk.invalid());
    }
    super::written(ctx, out)
}

pub(super) fn urlquery(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for byte in text(args) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    super::written(ctx, out)
}

/// The arguments as `print` joins them, except that nil is `<no value>`.
fn text(args: &[Value]) -> Vec<u8> {
    let no_value = || Value::str(NO_VALUE);
    let args: Vec<_> = args.iter().map(|arg| if arg.is_nil() { no_value() } else { arg.clone() }).collect();
    sprint(&args)
}
