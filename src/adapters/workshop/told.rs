//! The lines `NAME=value` that a program tells.

use crate::adapters::disk;
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much a program may tell, in bytes: it goes into the journal. Files are the way for more.
const LIMIT: u64 = 64 << 10;

/// Reads what was told. Where a name is told twice the last value counts, as a program would overwrite its own variable.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, PortError> {
    let failed = |why: std::io::Error| disk::failed(path, "read", &why);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    parse(bytes)
}

/// The pairs in what was told.
pub(in crate::adapters) fn parse(bytes: Vec<u8>) -> Result<BTreeMap<String, String>, PortError> {
    if bytes.len() as u64 > LIMIT {
        let message = format!("it told more than {LIMIT} bytes in LOCKGATE_OUTPUT");
        return Err(PortError::new(Fault::Limit, message)
            .help("write what is larger to a file, and name it as the output's path"));
    }
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let valid = wrong.as_bytes().iter().take(wrong.utf8_error().valid_up_to());
        let line = valid.filter(|byte| **byte == b'\n').count() + 1;
        PortError::new(Fault::Invalid, format!("line {line} of what it told in LOCKGATE_OUTPUT is no text in UTF-8"))
    })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| pair(line).ok_or_else(|| malformed(at + 1))).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let printable = !value.chars().any(|c| c.is_control() && c != '\t');
    (begins && goes_on && printable).then(|| (name.to_string(), value.to_string()))
}

/// The line itself isn't shown: who knows what a program that does not keep to the rules has written there.
fn malformed(line: usize) -> PortError {
    PortError::new(Fault::Invalid, format!("line {line} of what it told in LOCKGATE_OUTPUT is not `NAME=value`"))
        .help("a name begins with a letter and has letters, digits, `-` and `_`; there is no space before or behind it, and a value is one line")
}
