//! The text before it is read as KDL: bytes that are text, characters that may stand in one.

use super::chars::{self, CONTROL};
use super::limits::Limits;
use super::parse::Faults;
use crate::diag::{Diagnostic, codes};
use crate::source::FileId;
use std::sync::Arc;

/// The text of a file from its bytes. Bytes that are not UTF-8 are faults, and each stands as `\u{FFFD}` in the text, so
/// that the spans of the faults show where; a file over the limit is refused and gives an empty text.
pub fn text_of(file: FileId, bytes: Vec<u8>, limits: &Limits) -> (Arc<str>, Vec<Diagnostic>) {
    let mut faults = Faults::new(file, limits.diagnostics);
    if bytes.len() > limits.size {
        faults.push(too_large(bytes.len(), limits));
        return (Arc::from(""), faults.finish());
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return (text.into(), Vec::new()),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let at = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            faults.push(not_utf8(&faults, at, text.len(), chunk.invalid()));
        }
    }
    (text.into(), faults.finish())
}

fn not_utf8(faults: &Faults, start: usize, end: usize, bytes: &[u8]) -> Diagnostic {
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
    Diagnostic::new(&codes::NOT_UTF8, format!("bytes that are not UTF-8: {}", hex.join(" ")))
        .at(faults.span(start, end), "not a character")
        .help("Save the file as UTF-8.")
}

/// A file over the limit.
pub(super) fn too_large(size: usize, limits: &Limits) -> Diagnostic {
    Diagnostic::new(
        &codes::FILE_TOO_LARGE,
        format!("the file has {size} bytes; the limit is {}", limits.size_in_words()),
    )
}

/// Finds the characters that may stand nowhere.
pub(super) fn check(text: &str, faults: &mut Faults) {
    // One look without branches at all bytes is nearly free, and most texts need no more.
    let odd = |&b: &u8| (b.cast_signed() < 0x20 && b != b'\n' && b != b'\t') || b == 0x7F;
    let is_plain = |chunk: &[u8]| !chunk.iter().fold(false, |any, b| any | odd(b));
    let mut offset = 0;
    for chunk in text.as_bytes().chunks(4096) {
        if !is_plain(chunk) {
            look_closely(text, offset, chunk, faults);
        }
        offset += chunk.len();
    }
}

fn look_closely(text: &str, offset: usize, chunk: &[u8], faults: &mut Faults) {
    for (at, &byte) in chunk.iter().enumerate() {
        // Of those above ASCII the forbidden ones start with E2 or EF.
        if !chars::is(byte, CONTROL) && byte != 0xE2 && byte != 0xEF {
            continue;
        }
        let at = offset + at;
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { continue };
        if chars::is_forbidden(c) && !(c == '\u{FEFF}' && at == 0) {
            faults.push(forbidden(faults, at, c));
        }
    }
}

fn forbidden(faults: &Faults, at: usize, c: char) -> Diagnostic {
    let (what, label) = match c {
        '\u{FEFF}' => ("a byte-order mark behind the start of the file", "it cannot be seen"),
        '\0' => ("a NUL character", "it cannot be seen"),
        c if chars::is_direction(c) => {
            ("a character that changes the direction of writing", "what is shown may not be what is read")
        }
        _ => ("a control character", "it cannot be seen"),
    };
    let span = faults.span(at, at + c.len_utf8());
    Diagnostic::new(&codes::FORBIDDEN_CHARACTER, format!("{what} (U+{:04X})", u32::from(c)))
        .at(span, label)
        .help(format!("In a quoted string it can be written as `\\u{{{:X}}}`.", u32::from(c)))
        .fix("Remove it", span, "")
}
