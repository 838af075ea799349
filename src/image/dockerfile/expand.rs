//! Variables and quotes in a word, as Docker's builder reads them: `$x`, `${x}`, `${x:-word}`, `${x:+word}`,
//! `${x:?word}`, the same without the colon, single and double quotes, and the escape character.

use crate::image::limits;
use std::iter::Peekable;
use std::str::Chars;

/// Why a word cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpandable {
    /// A quote is never closed.
    #[error("a {0} is never closed")]
    Unclosed(char),
    /// `${` without its `}`.
    #[error("a `${{` has no `}}`")]
    NoBrace,
    /// Nothing that names a variable stands in `${…}`.
    #[error("`${{…}}` names no variable")]
    NoName,
    /// A way to change a value that is not supported.
    #[error("`${{{0}{1}…}}` is not supported; `:-`, `-`, `:+`, `+`, `:?` and `?` are")]
    Modifier(String, String),
    /// `${x:?word}` with nothing in `x`.
    #[error("{0}: {1}")]
    Required(String, String),
    /// Values that hold values that hold values.
    #[error("it comes to more than {limit} bytes", limit = limits::EXPANDED)]
    Long,
    /// Words in words in words.
    #[error("`${{…}}` is nested too deep")]
    Depth,
}

/// How deep `${a:-${b:-…}}` may go: far beyond what anyone writes, far below what a stack holds.
const DEPTH: usize = 32;

/// The word with its variables replaced and its quotes removed. A variable that has no value is empty.
pub fn expand(text: &str, escape: char, value: &dyn Fn(&str) -> Option<String>) -> Result<String, Unexpandable> {
    Expansion { rest: text.chars().peekable(), escape, quotes: true, value, depth: 0 }.until(None)
}

/// A here-document with its variables replaced. Quotes in it are characters like any others, and the escape is always
/// `\\`.
pub fn expand_document(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, Unexpandable> {
    Expansion { rest: text.chars().peekable(), escape: '\\', quotes: false, value, depth: 0 }.until(None)
}

struct Expansion<'a> {
    rest: Peekable<Chars<'a>>,
    escape: char,
    /// Whether quotes are more than characters.
    quotes: bool,
    value: &'a dyn Fn(&str) -> Option<String>,
    depth: usize,
}

impl Expansion<'_> {
    /// Everything up to `stop`, or up to the end.
    fn until(&mut self, stop: Option<char>) -> Result<String, Unexpandable> {
        let mut out = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                c if Some(c) == stop => return Ok(out),
                '\'' if self.quotes => self.single(&mut out)?,
                '"' if self.quotes => self.double(&mut out)?,
                '$' => out.push_str(&self.dollar()?),
                c if c == self.escape => out.extend(self.rest.next()),
                c => out.push(c),
            }
            if out.len() > limits::EXPANDED {
                return Err(Unexpandable::Long);
            }
        }
        if stop.is_some() { Err(Unexpandable::NoBrace) } else { Ok(out) }
    }

    /// Behind a single quote: everything stands for itself.
    fn single(&mut self, out: &mut String) -> Result<(), Unexpandable> {
        loop {
            match self.rest.next().ok_or(Unexpandable::Unclosed('\''))? {
                '\'' => return Ok(()),
                c => out.push(c),
            }
        }
    }

    /// Behind a double quote: variables count, and the escape only before what it can escape.
    fn double(&mut self, out: &mut String) -> Result<(), Unexpandable> {
        let escape = self.escape;
        loop {
            match self.rest.next().ok_or(Unexpandable::Unclosed('"'))? {
                '"' => return Ok(()),
                '$' if out.len() > limits::EXPANDED => return Err(Unexpandable::Long),
                '$' => out.push_str(&self.dollar()?),
                c if c == escape => {
                    let escaped = self.rest.next_if(|&next| next == '"' || next == '$' || next == escape);
                    out.push(escaped.unwrap_or(escape));
                }
                c => out.push(c),
            }
        }
    }

    /// Behind a `$`.
    fn dollar(&mut self) -> Result<String, Unexpandable> {
        if self.rest.next_if_eq(&'{').is_some() {
            return self.braces();
        }
        match self.name() {
            name if name.is_empty() => Ok("$".to_string()),
            name => Ok((self.value)(&name).unwrap_or_default()),
        }
    }

    /// Behind a `${`.
    fn braces(&mut self) -> Result<String, Unexpandable> {
        let name = self.name();
        if name.is_empty() {
            return Err(if self.rest.peek().is_none() { Unexpandable::NoBrace } else { Unexpandable::NoName });
        }
        let colon = self.rest.next_if_eq(&':').is_some();
        let value = (self.value)(&name).filter(|value| !(colon && value.is_empty()));
        match self.rest.next().ok_or(Unexpandable::NoBrace)? {
            '}' if !colon => Ok(value.unwrap_or_default()),
            '-' => self.word().map(|word| value.unwrap_or(word)),
            '+' => self.word().map(|word| if value.is_some() { word } else { String::new() }),
            '?' => {
                let word = self.word()?;
                let why = if word.is_empty() { "must be given and not be empty".to_string() } else { word };
                value.ok_or(Unexpandable::Required(name, why))
            }
            other => Err(Unexpandable::Modifier(name, format!("{}{other}", if colon { ":" } else { "" }))),
        }
    }

    /// The word of a modifier, up to its brace.
    fn word(&mut self) -> Result<String, Unexpandable> {
        if self.depth >= DEPTH {
            return Err(Unexpandable::Depth);
        }
        self.depth += 1;
        let word = self.until(Some('}'));
        self.depth -= 1;
        word
    }

    /// A variable's name. Digits alone and the shell's special parameters are names too, without values.
    fn name(&mut self) -> String {
        let mut name = String::new();
        if let Some(special) = self.rest.next_if(|c| "@*#?-$!".contains(*c)) {
            name.push(special);
            return name;
        }
        let number = self.rest.peek().is_some_and(char::is_ascii_digit);
        let belongs = |c: &char| if number { c.is_ascii_digit() } else { c.is_alphanumeric() || *c == '_' };
        while let Some(c) = self.rest.next_if(belongs) {
            name.push(c);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, Unexpandable> {
        expand(text, '\\', &|name| match name {
            "a" => Some("A".to_string()),
            "empty" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn replaces() {
        for (text, expected) in [
            ("$a-${a}b", "A-Ab"),
            ("$ab|$none|", "||"),
            ("${none:-d}${empty:-d}${empty-d}", "dd"),
            ("${a:+x}${empty:+x}${empty+y}", "xy"),
            ("${none:-${a}'}'}", "A}"),
            ("'$a' \"$a\" \\$a", "$a A $a"),
            ("\"\\\"\\n\\\\\"", "\"\\n\\"),
            ("a b", "a b"),
            ("100$", "100$"),
            ("$1x$$", "x"),
            ("C:\\\\x", "C:\\x"),
            ("${a:?no}", "A"),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in
            ["'a", "\"a", "${a", "${a:-", "${}", "${:-x}", "${a%x}", "${a:x}", "${a/b/c}", "${none:?}", "${empty:?m}"]
        {
            assert!(of(text).is_err(), "{text}");
        }
        let deep = "${x:-".repeat(100_000);
        assert_eq!(of(&deep), Err(Unexpandable::Depth));
    }

    #[test]
    fn documents_have_no_quotes() {
        let value = |name: &str| (name == "a").then(|| "A".to_string());
        let text = "it's \"$a\" and '${a}', \\$a";
        assert_eq!(expand_document(text, &value).as_deref(), Ok("it's \"A\" and 'A', $a"));
    }

    #[test]
    fn a_backtick_may_be_the_escape() {
        assert_eq!(expand("c:\\x`$a", '`', &|_| None).as_deref(), Ok("c:\\x$a"));
    }
}
