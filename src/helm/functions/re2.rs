//! From RE2's syntax, which Go has, to that of the `regex` crate: both are automata with leftmost-first matches, and differ
//! in what a character class may contain and in a few escapes.

use regex::bytes::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How large a compiled pattern may be: patterns that Go runs easily stay far below.
const SIZE_LIMIT: usize = 16 << 20;

/// How many compiled patterns are kept. Charts use the same few again and again, in helpers that each label calls.
const KEPT: usize = 64;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Rc<Regex>>> = RefCell::default();
}

/// Compiles a pattern, or takes it from those that were compiled before.
///
/// # Errors
/// Words for what is wrong with it.
pub(super) fn compile(pattern: &str) -> Result<Rc<Regex>, String> {
    if let Some(regex) = COMPILED.with_borrow(|kept| kept.get(pattern).cloned()) {
        return Ok(regex);
    }
    let regex = Rc::new(build(pattern)?);
    COMPILED.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_string(), regex.clone());
    });
    Ok(regex)
}

fn build(pattern: &str) -> Result<Regex, String> {
    if let Some(operator) = nested_repetition(pattern) {
        return Err(format!("error parsing regexp: invalid nested repetition operator: `{operator}`"));
    }
    let adapted = adapt(pattern);
    RegexBuilder::new(&adapted).size_limit(SIZE_LIMIT).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("expression too large: more than {limit} bytes compiled"),
        other => format!("error parsing regexp: {}", in_gos_words(pattern, &other.to_string())),
    })
}

/// Go's words for what is wrong with a pattern, as far as they are common.
fn in_gos_words(pattern: &str, error: &str) -> String {
    let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let from = |at: Option<usize>| at.and_then(|at| pattern.get(at..)).unwrap_or(pattern);
    if last.contains("unclosed character class") {
        return format!("missing closing ]: `{}`", from(pattern.rfind('[')));
    }
    if last.contains("look-around") {
        let at = ["(?=", "(?!", "(?<=", "(?<!"].iter().filter_map(|look| pattern.find(look)).min();
        let shown: String = from(at).chars().take(3).collect();
        return format!("invalid or unsupported Perl syntax: `{shown}`");
    }
    match last {
        text if text.contains("unclosed group") => format!("missing closing ): `{pattern}`"),
        text if text.contains("unopened group") => format!("unexpected ): `{pattern}`"),
        text if text.contains("missing expression") => {
            let at = pattern.find(['*', '+', '?']);
            format!("missing argument to repetition operator: `{}`", from(at).chars().next().unwrap_or('*'))
        }
        text if text.contains("incomplete escape") => "trailing backslash at end of expression: ``".to_string(),
        text => text.to_string(),
    }
}

/// Rewrites what the two syntaxes read differently.
pub(crate) fn adapt(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let chars: Vec<char> = pattern.chars().collect();
    let mut i = 0;
    while let Some(c) = chars.get(i).copied() {
        match c {
            '\\' => i += escape(&chars[i..], &mut out),
            '[' => i += class(&chars[i..], &mut out),
            '{' if !is_repetition(&chars[i..]) => {
                out.push_str("\\{");
                i += 1;
            }
            _ => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

/// Two repetitions on one another, which RE2 refuses: the two operators.
fn nested_repetition(pattern: &str) -> Option<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut i = 0;
    // Where the last operator began, and whether a `?` may still make it lazy.
    let mut last: Option<(usize, bool)> = None;
    while let Some(c) = chars.get(i).copied() {
        let start = i;
        let brace = c == '{' && is_repetition(&chars[i..]);
        i += match c {
            '\\' => escape(&chars[i..], &mut String::new()),
            '[' => class(&chars[i..], &mut String::new()),
            '{' if brace => chars[i..].iter().position(|c| *c == '}').map_or(1, |end| end + 1),
            // The mark after a parenthesis is no repetition.
            '(' if chars.get(i + 1) == Some(&'?') => 2,
            _ => 1,
        };
        let repetition = brace || matches!(c, '*' | '+' | '?');
        last = match (repetition, last) {
            (true, Some((first, true))) if c == '?' => Some((first, false)),
            (true, Some((first, _))) => return chars.get(first..i).map(|operators| operators.iter().collect()),
            (true, None) => Some((start, true)),
            (false, _) => None,
        };
    }
    None
}

/// A brace that opens no repetition means itself in RE2.
fn is_repetition(chars: &[char]) -> bool {
    let Some(end) = chars.iter().position(|c| *c == '}') else { return false };
    let body: String = chars[1..end].iter().collect();
    let (low, high) = body.split_once(',').unwrap_or((&body, ""));
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

/// Copies an escape; how many characters it took. RE2's `\d`, `\w`, `\s` and `\b` know ASCII only.
fn escape(chars: &[char], out: &mut String) -> usize {
    let ascii = match chars.get(1) {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('w') => "[0-9A-Za-z_]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('s') => r"[\t\n\x0c\r ]",
        Some('S') => r"[^\t\n\x0c\r ]",
        Some('b') => r"(?-u:\b)",
        Some('B') => r"(?-u:\B)",
        Some('z') => r"\z",
        Some('Q') => return literal(chars, out),
        Some('C') => r"(?s-u:.)",
        Some(c) => {
            out.extend(['\\', *c]);
            return 2;
        }
        None => {
            out.push('\\');
            return 1;
        }
    };
    out.push_str(ascii);
    2
}

/// `\Q…\E` is taken literally.
fn literal(chars: &[char], out: &mut String) -> usize {
    let body = &chars[2..];
    let end = body.windows(2).position(|w| w == ['\\', 'E']);
    let text: String = body[..end.unwrap_or(body.len())].iter().collect();
    out.push_str(&regex::escape(&text));
    2 + end.map_or(body.len(), |n| n + 2)
}

/// Copies a bracketed class, with what only the `regex` crate gives a meaning escaped; how many characters it took.
fn class(chars: &[char], out: &mut String) -> usize {
    out.push('[');
    let mut i = 1;
    if chars.get(i) == Some(&'^') {
        out.push('^');
        i += 1;
    }
    let start = i;
    let mut after_class = false;
    while let Some(c) = chars.get(i).copied() {
        let mut is_class = false;
        match c {
            ']' if i > start => {
                out.push(']');
                return i + 1;
            }
            ']' => out.push_str("\\]"),
            '[' if chars.get(i + 1) == Some(&':') && posix(&chars[i..]).is_some() => {
                let end = posix(&chars[i..]).unwrap_or(0);
                out.extend(&chars[i..i + end]);
                i += end - 1;
                is_class = true;
            }
            '[' | '&' | '~' => out.extend(['\\', c]),
            '-' if after_class || i == start || chars.get(i + 1) == Some(&']') => out.push_str("\\-"),
            '-' if chars[i + 1..].starts_with(&['\\'])
                && matches!(chars.get(i + 2), Some('d' | 'w' | 's' | 'D' | 'W' | 'S')) =>
            {
                out.push_str("\\-");
            }
            '\\' => {
                is_class = class_escape(&chars[i..], out);
                i += 1;
            }
            c => out.push(c),
        }
        after_class = is_class;
        i += 1;
    }
    i
}

/// Copies an escape inside a class; whether it stands for more than one character.
fn class_escape(chars: &[char], out: &mut String) -> bool {
    let ascii = match chars.get(1) {
        Some('d') => "0-9",
        Some('w') => "0-9A-Za-z_",
        Some('s') => r"\t\n\x0c\r ",
        Some('D') => "[^0-9]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('S') => r"[^\t\n\x0c\r ]",
        Some(c) => {
            out.extend(['\\', *c]);
            return matches!(c, 'p' | 'P');
        }
        None => return false,
    };
    out.push_str(ascii);
    true
}

/// The length of `[:name:]`.
fn posix(chars: &[char]) -> Option<usize> {
    chars.windows(2).skip(2).position(|w| w == [':', ']']).map(|n| n + 4)
}

/// Go's replacement template in the crate's: in both `$name` takes the longest name, but Go's names are of any word
/// characters and a number too large is an empty group.
pub(super) fn replacement(template: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(template.len());
    let mut i = 0;
    while let Some(c) = template.get(i).copied() {
        i += 1;
        if c != b'$' {
            out.push(c);
            continue;
        }
        match reference(&template[i..]) {
            _ if template.get(i) == Some(&b'$') => {
                out.extend_from_slice(b"$$");
                i += 1;
            }
            Some((name, used)) => {
                out.extend_from_slice(b"${");
                out.extend_from_slice(name);
                out.push(b'}');
                i += used;
            }
            None => out.extend_from_slice(b"$$"),
        }
    }
    out
}

/// The name behind a dollar sign, and how many bytes it took.
fn reference(rest: &[u8]) -> Option<(&[u8], usize)> {
    let word = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    match rest.strip_prefix(b"{") {
        Some(body) => {
            let n = word(body);
            (n > 0 && body.get(n) == Some(&b'}')).then(|| (&body[..n], n + 2))
        }
        None => match word(rest) {
            0 => None,
            n => Some((&rest[..n], n)),
        },
    }
}

/// `regexp.QuoteMeta`.
pub(super) fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapts_what_charts_write() {
        let cases = [
            (r"[\w-\.]+", "a-b.c", true),
            (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b", true),
            (r"[^[]", "[", false),
            (r"a{", "a{", true),
            (r"[]a]", "]", true),
            (r"[a&&b]", "&", true),
            (r"\d", "٣", false),
            (r"\Qa.b\E+", "a.bb", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"(?i)ABC", "abc", true),
            (r"[+\-*/]", "*", true),
        ];
        for (pattern, text, expected) in cases {
            let regex = compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert_eq!(regex.is_match(text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(compile("(").is_err() && compile(r"a(?=b)").is_err());
        assert!(compile("((a{1000}){1000}){1000}").is_err());
    }

    #[test]
    fn replaces_as_go_does() {
        let regex = compile("(a)(?P<n>b)").expect("compiles");
        let cases = [("$1-$n", "a-b"), ("${1}x", "ax"), ("$1x", ""), ("$$1", "$1"), ("$", "$"), ("${9}", "")];
        for (template, expected) in cases {
            let out = regex.replace_all(b"ab", &replacement(template.as_bytes())[..]).into_owned();
            assert_eq!(String::from_utf8_lossy(&out), expected, "{template}");
        }
    }
}
