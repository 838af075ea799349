//! Keeping secrets out of what programs print, also when they print them encoded, and wherever the output is cut.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::Range;

/// What stands in place of a secret.
const MARK: &[u8] = b"***";

/// Encoded forms shorter than this are not looked for: they would be found everywhere.
const ENCODED: usize = 4;

/// Where programs break long base64 into lines: MIME, PEM.
const WRAPS: [usize; 2] = [76, 64];

/// How much of a file is looked through at once.
const PIECE: usize = 64 << 10;

/// A line of a secret with several is looked for by itself from this length on; programs print keys line by line.
const LINE: usize = 8;

/// Replaces secrets in a stream.
pub(super) struct Redactor {
    forms: Vec<Finder<'static>>,
    /// The end of what was fed that may be the beginning of a secret.
    held: Vec<u8>,
}

impl Redactor {
    /// A redactor of those secrets; none if there are none.
    pub(super) fn new(secrets: &[String]) -> Option<Redactor> {
        let forms: BTreeSet<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        let forms: Vec<_> = forms.iter().map(|form| Finder::new(form).into_owned()).collect();
        (!forms.is_empty()).then(|| Redactor { forms, held: Vec::new() })
    }

    /// Takes output and answers what of it, and of what was held before, may be seen by now.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let found = self.find(&text);
        let cut = self.cut(&text, &found);
        let clean = replaced(&text, &found, cut);
        self.held = text.split_off(cut);
        clean
    }

    /// The rest, when no more comes.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        replaced(&text, &self.find(&text), text.len())
    }

    /// Where secrets are, in order of their beginnings.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let of = |form: &Finder<'static>| {
            let len = form.needle().len();
            form.find_iter(text).map(move |at| at..at + len).collect::<Vec<_>>()
        };
        let mut found: Vec<_> = self.forms.iter().flat_map(of).collect();
        found.sort_unstable_by_key(|range| (range.start, range.end));
        found
    }

    /// Up to where all is known: what follows may be the beginning of a secret whose end is still to come.
    fn cut(&self, text: &[u8], found: &[Range<usize>]) -> usize {
        let longest = self.forms.iter().map(|form| form.needle().len()).max().unwrap_or(0);
        let begins_secret = |at: &usize| {
            let rest = text.get(*at..).unwrap_or_default();
            self.forms.iter().any(|form| form.needle().len() > rest.len() && form.needle().starts_with(rest))
        };
        let from = (text.len() + 1).saturating_sub(longest);
        let cut = (from..text.len()).find(begins_secret).unwrap_or(text.len());
        // A secret that was found isn't cut in two.
        found.iter().filter(|range| range.contains(&cut)).map(|range| range.start).min().unwrap_or(cut)
    }
}

/// The text up to `cut`, with what was found replaced; what overlaps is replaced as one.
fn replaced(text: &[u8], found: &[Range<usize>], cut: usize) -> Vec<u8> {
    let mut clean = Vec::with_capacity(cut);
    let mut done = 0;
    for range in found.iter().filter(|range| range.start < cut) {
        if range.start >= done {
            clean.extend_from_slice(text.get(done..range.start).unwrap_or_default());
            clean.extend_from_slice(MARK);
        }
        done = done.max(range.end.min(cut));
    }
    clean.extend_from_slice(text.get(done..cut).unwrap_or_default());
    clean
}

/// Whether one of those secrets is in what is read, plainly or encoded. What is shorter than an encoded form that is looked for
/// is not: it is in everything.
pub(in crate::adapters) fn is_in(secrets: &[String], mut from: impl Read) -> io::Result<bool> {
    let all: BTreeSet<Vec<u8>> =
        secrets.iter().flat_map(|secret| forms(secret)).filter(|f| f.len() >= ENCODED).collect();
    let finders: Vec<Finder<'_>> = all.iter().map(Finder::new).collect();
    let overlap = all.iter().map(Vec::len).max().unwrap_or(0);
    let (mut text, mut piece) = (Vec::new(), vec![0; PIECE]);
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 || finders.is_empty() {
            return Ok(false);
        }
        text.extend_from_slice(piece.get(..read).unwrap_or_default());
        if finders.iter().any(|f| f.find(&text).is_some()) {
            return Ok(true);
        }
        // What is left may be the beginning of one.
        let gone = text.len().saturating_sub(overlap);
        text.drain(..gone);
    }
}

/// All forms in which a secret may be printed.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    if secret.is_empty() {
        return Vec::new();
    }
    let bytes = secret.as_bytes();
    let trimmed = secret.trim();
    let whole = [bytes, trimmed.as_bytes()].into_iter().filter(|form| !form.is_empty()).map(Vec::from);
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LINE).map(Vec::from);
    let encoded = [secret, trimmed].into_iter().flat_map(encoded).filter(|form| form.len() >= ENCODED);
    whole.chain(lines).chain(encoded.map(String::into_bytes)).collect()
}

fn encoded(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms: Vec<String> =
        [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(bytes)).into();
    forms.extend(
        (0..3).flat_map(|shift| [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| inside_base64(&engine, bytes, shift))),
    );
    for keep in ["-_.~", "-_.~!'()*", "-_.~!$&'()*+,;=:@/"] {
        let upper = percent(bytes, keep, |b| format!("%{b:02X}"));
        let lower = percent(bytes, keep, |b| format!("%{b:02x}"));
        forms.extend([upper.replace("%20", "+"), upper, lower]);
    }
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    forms.extend([hex.to_ascii_uppercase(), hex]);
    forms.extend(in_json(secret));
    forms.extend(WRAPS.iter().flat_map(|width| wrapped(bytes, *width)));
    forms
}

/// As JSON writes it, without the quotes around: plainly, as Go does for the eyes of browsers, with slashes escaped, and in
/// ASCII alone.
fn in_json(secret: &str) -> Vec<String> {
    let Some(plain) = serde_json::to_string(secret).ok() else { return Vec::new() };
    let Some(plain) = plain.strip_prefix('"').and_then(|json| json.strip_suffix('"')) else { return Vec::new() };
    let escaped = |text: &str, escape: &dyn Fn(char) -> bool| {
        let one = |c: char| match escape(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            false => c.to_string(),
        };
        text.chars().map(one).collect::<String>()
    };
    let go = escaped(plain, &|c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    let ascii = escaped(plain, &|c| !c.is_ascii());
    vec![plain.replace('/', "\\/"), ascii.replace('/', "\\/"), ascii, go, plain.to_string()]
}

/// The lines of base64 that is broken into lines; nothing where one line has room for it.
fn wrapped(secret: &[u8], width: usize) -> Vec<String> {
    let text = STANDARD.encode(secret);
    if text.len() <= width {
        return Vec::new();
    }
    let lines = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.filter(|line| line.len() >= LINE).collect()
}

/// The characters that a secret surely leaves in the base64 of something that has it inside, `shift` bytes after a
/// multiple of three, as in the `user:password` of HTTP.
fn inside_base64(engine: &impl base64::Engine, secret: &[u8], shift: usize) -> String {
    let padded = [vec![0; shift].as_slice(), secret].concat();
    let text = engine.encode(&padded);
    let (start, end) = ((shift * 8).div_ceil(6), padded.len() * 8 / 6);
    text.get(start..end).unwrap_or_default().to_string()
}

fn percent(bytes: &[u8], keep: &str, encode: impl Fn(u8) -> String) -> String {
    let one = |b: &u8| match b.is_ascii_alphanumeric() || keep.as_bytes().contains(b) {
        true => char::from(*b).to_string(),
        false => encode(*b),
    };
    bytes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen of a text that comes in pieces of that size.
    fn seen(secrets: &[&str], text: &str, piece: usize) -> String {
        let secrets: Vec<String> = secrets.iter().map(|secret| secret.to_string()).collect();
        let mut redactor = Redactor::new(&secrets).expect("secrets");
        let mut seen: Vec<u8> = text.as_bytes().chunks(piece).flat_map(|piece| redactor.feed(piece)).collect();
        seen.extend(redactor.finish());
        String::from_utf8(seen).expect("text")
    }

    #[test]
    fn replaces_secrets_wherever_the_output_is_cut() {
        for piece in 1..20 {
            assert_eq!(
                seen(&["hunter2", "correct horse"], "a hunter2 b correct horse hunter", piece),
                "a *** b *** hunter"
            );
        }
        assert_eq!(seen(&["abc", "bcd"], "xabcdx", 100), "x***x", "what overlaps is one");
        for piece in 1..5 {
            assert!(!seen(&["aa"], "aaaaaaaa", piece).contains("aa"));
        }
        assert!(Redactor::new(&[String::new()]).is_none());
    }

    #[test]
    fn finds_secrets_in_what_is_read_wherever_it_is_cut() {
        let secrets = ["s3cret/of+some=length".to_string()];
        let coded = STANDARD.encode(&secrets[0]);
        for held in [secrets[0].clone(), coded, percent(secrets[0].as_bytes(), "", |b| format!("%{b:02X}"))] {
            for before in [0, 1, PIECE - 3, PIECE, 2 * PIECE - 1] {
                let text = format!("{}{held}{}", "x".repeat(before), "y".repeat(PIECE));
                assert!(is_in(&secrets, text.as_bytes()).expect("read"), "{held} behind {before}");
            }
        }
        assert!(!is_in(&secrets, "nothing of that s3cret".as_bytes()).expect("read"));
        assert!(!is_in(&["abc".to_string()], "abc".as_bytes()).expect("read"), "too short to be looked for");
        assert!(!is_in(&[], "abc".as_bytes()).expect("read"));
    }

    #[test]
    fn replaces_encoded_secrets() {
        let secret = "p@ss/wörd?&x>>";
        let inside = STANDARD.encode(format!("user:{secret}"));
        let forms = [
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            "p%40ss%2Fw%C3%B6rd%3F%26x%3E%3E".into(),
            "p%40ss%2fw%c3%b6rd%3f%26x%3e%3e".into(),
        ];
        for form in forms {
            assert_eq!(seen(&[secret], &format!("a {form} b"), 7), "a *** b", "{form}");
        }
        for user in ["a", "ab", "abc"] {
            let text = STANDARD.encode(format!("{user}:{secret}"));
            let seen = seen(&[secret], &text, 5);
            assert!(seen.contains("***") && seen.len() <= MARK.len() + 9, "{seen}");
        }
        assert!(seen(&[secret], &inside, 64).contains("***"));
        assert_eq!(seen(&["two\nlines-of-it\n"], r#""two\nlines-of-it\n""#, 64), r#""***""#);
        assert_eq!(seen(&["-- BEGIN\nMIIEabcdef\n"], "  MIIEabcdef", 64), "  ***");
    }

    #[test]
    fn replaces_secrets_as_json_writes_them() {
        let secret = "p<&>/wörd\"😀";
        for form in [
            r#"p<&>/wörd\"😀"#,
            r#"p<&>\/wörd\"😀"#,
            r#"p\u003c\u0026\u003e/wörd\"😀"#,
            r#"p<&>/w\u00f6rd\"\ud83d\ude00"#,
        ] {
            assert_eq!(seen(&[secret], &format!("{{\"a\":\"{form}\"}}"), 5), r#"{"a":"***"}"#, "{form}");
        }
    }

    #[test]
    fn replaces_long_secrets_that_are_wrapped() {
        let secret: String = (0..40).map(|n| format!("key{n:02}-")).collect();
        for width in WRAPS {
            let text = STANDARD.encode(&secret);
            let lines: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
            let printed = lines.iter().map(|line| format!("| {line}\n")).collect::<String>();
            let seen = seen(&[&secret], &printed, 33);
            assert!(seen.lines().all(|line| line.starts_with("| ***")), "{seen}");
        }
    }

    #[test]
    fn holds_back_no_more_than_it_must() {
        let mut redactor = Redactor::new(&["secret-word".to_string()]).expect("a secret");
        assert_eq!(redactor.feed(b"line\n"), b"line\n");
        assert_eq!(redactor.feed(b"a sec"), b"a ");
        assert_eq!(redactor.feed(b"ond\n"), b"second\n");
    }
}
