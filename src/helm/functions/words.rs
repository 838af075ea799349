//! The letters and words of a text: case, abbreviation, wrapping. After Masterminds/goutils v1.1 and huandu/xstrings v1.5.

use super::args::{Outcome, chars, int, text};
use super::strings::is_space;
use crate::helm::template::Param::{Int, String as Text};
use crate::helm::template::{Context, FuncSpec};
use crate::helm::value::Value;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("upper", &[Text], |_, a| Ok(mapped(a, upper))),
    FuncSpec::fixed("lower", &[Text], |_, a| Ok(mapped(a, lower))),
    FuncSpec::fixed("title", &[Text], |_, a| Ok(Value::from(title(&chars(a, 0))))),
    FuncSpec::fixed("untitle", &[Text], |_, a| Ok(Value::from(untitle(&chars(a, 0))))),
    FuncSpec::fixed("swapcase", &[Text], |_, a| Ok(mapped(a, |c| if c.is_uppercase() { lower(c) } else { upper(c) }))),
    FuncSpec::fixed("nospace", &[Text], |_, a| Ok(Value::from(chars(a, 0).replace(is_space, "")))),
    FuncSpec::fixed("initials", &[Text], |_, a| Ok(Value::from(initials(&text(a, 0))))),
    FuncSpec::fixed("abbrev", &[Int, Text], |_, a| {
        let (width, s) = (int(a, 0), text(a, 1));
        Ok(Value::from(if width < 4 { s.to_vec() } else { abbreviate(&s, 0, width as usize) }))
    }),
    FuncSpec::fixed("abbrevboth", &[Int, Int, Text], |_, a| {
        let (left, right, s) = (int(a, 0), int(a, 1), text(a, 2));
        let too_short = right < 4 || (left > 0 && right < 7);
        Ok(Value::from(if too_short { s.to_vec() } else { abbreviate(&s, left.max(0) as usize, right as usize) }))
    }),
    FuncSpec::fixed("wrap", &[Int, Text], |c, a| wrap(c, &text(a, 1), int(a, 0), b"\n", false)),
    FuncSpec::fixed("wrapWith", &[Int, Text, Text], |c, a| {
        let separator = text(a, 1);
        let separator: &[u8] = if separator.is_empty() { b"\n" } else { &separator };
        wrap(c, &text(a, 2), int(a, 0), separator, true)
    }),
    FuncSpec::fixed("snakecase", &[Text], |_, a| Ok(Value::from(connected(&chars(a, 0), '_')))),
    FuncSpec::fixed("kebabcase", &[Text], |_, a| Ok(Value::from(connected(&chars(a, 0), '-')))),
    FuncSpec::fixed("camelcase", &[Text], |_, a| Ok(Value::from(pascal(&chars(a, 0))))),
    FuncSpec::fixed("shuffle", &[Text], shuffle),
];

/// Go maps one character to one.
fn single(mut mapped: impl Iterator<Item = char>, c: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn upper(c: char) -> char {
    single(c.to_uppercase(), c)
}

fn lower(c: char) -> char {
    single(c.to_lowercase(), c)
}

fn mapped(args: &[Value], each: fn(char) -> char) -> Value {
    Value::from(chars(args, 0).chars().map(each).collect::<String>())
}

/// `strings.Title`: a word begins behind what is neither letter, digit nor underscore.
fn title(s: &str) -> String {
    let separates = |c: char| match c.is_ascii() {
        true => !c.is_ascii_alphanumeric() && c != '_',
        false => !c.is_alphanumeric() && is_space(c),
    };
    let mut before = ' ';
    let mut each = |c: char| {
        let out = if separates(before) { upper(c) } else { c };
        before = c;
        out
    };
    s.chars().map(&mut each).collect()
}

fn untitle(s: &str) -> String {
    let mut next = true;
    let mut each = |c: char| match (is_space(c), next) {
        (true, _) => {
            next = true;
            c
        }
        (false, true) => {
            next = false;
            lower(c)
        }
        (false, false) => c,
    };
    s.chars().map(&mut each).collect()
}

/// goutils looks at bytes, and writes each as the character of that number.
fn initials(s: &[u8]) -> String {
    let mut gap = true;
    let mut out = String::new();
    for c in s.iter().map(|b| char::from(*b)) {
        if is_space(c) {
            gap = true;
        } else if std::mem::take(&mut gap) {
            out.push(c);
        }
    }
    out
}

/// goutils' `AbbreviateFull`: at most `width` bytes, with dots for what is left out; `width` is at least 4.
fn abbreviate(s: &[u8], offset: usize, width: usize) -> Vec<u8> {
    if s.len() <= width {
        return s.to_vec();
    }
    let kept = width - 3;
    let offset = offset.min(s.len() - kept.min(s.len()));
    if offset <= 4 {
        return [&s[..kept], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + kept < s.len() {
        return [b"...", &abbreviate(&s[offset..], 0, kept)[..]].concat();
    }
    [b"...", &s[s.len() - kept..]].concat()
}

/// goutils' `WrapCustom`.
fn wrap(context: &mut Context<'_>, s: &[u8], width: i64, separator: &[u8], cut_words: bool) -> Outcome {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    context.charge(s.len().saturating_mul(separator.len() + 1))?;
    let mut out = Vec::new();
    let mut rest = s;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (cut, skip) = match rest[..=width].iter().rposition(|b| *b == b' ') {
            Some(space) => (space, 1),
            None if cut_words => (width, 0),
            None => match rest[width..].iter().position(|b| *b == b' ') {
                Some(space) => (width + space, 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..cut]);
        out.extend_from_slice(separator);
        rest = &rest[cut + skip..];
    }
    out.extend_from_slice(rest);
    Ok(Value::from(out))
}

fn shuffle(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    context.note_irreproducible("shuffle");
    let mut s: Vec<char> = chars(args, 0).chars().collect();
    for i in (1..s.len()).rev() {
        s.swap(i, context.random.below(i as u64 + 1) as usize);
    }
    Ok(Value::from(s.into_iter().collect::<String>()))
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// xstrings' `ToPascalCase`: connectors at the start and doubled ones stay.
fn pascal(s: &str) -> String {
    let lead: String = s.chars().take_while(|c| is_connector(*c)).collect();
    let mut rest = s[lead.len()..].chars();
    let mut out = lead;
    let Some(first) = rest.next() else { return out };
    // In a word that begins in upper case, upper case goes on being lowered: `FOO` is `Foo`.
    let mut lowers = first.is_uppercase();
    let mut before = upper(first);
    for c in rest {
        match (is_connector(before), is_connector(c)) {
            (true, false) => {
                lowers = c.is_uppercase();
                before = upper(c);
                continue;
            }
            (true, true) => {
                out.push(before);
                before = c;
                continue;
            }
            (false, _) => out.push(before),
        }
        lowers = lowers && c.is_uppercase();
        before = if lowers { lower(c) } else { c };
    }
    out.push(before);
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

/// A run of characters of one kind, and what follows it.
fn next_word(s: &[char]) -> (Word, &[char], &[char]) {
    let Some(first) = s.first().copied() else { return (Word::None, s, s) };
    let run = |test: &dyn Fn(char) -> bool| s.iter().take_while(|c| test(**c)).count();
    let small = |c: char| c.is_alphabetic() && !c.is_uppercase();
    let (kind, mut end) = if is_connector(first) {
        (Word::Connector, run(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(&is_punctuation))
    } else if first.is_uppercase() {
        (Word::Upper, run(&char::is_uppercase))
    } else if first.is_alphabetic() {
        (Word::Letters, run(&small))
    } else if first.is_numeric() {
        (Word::Number, run(&char::is_numeric))
    } else {
        let ends = |c: char| is_connector(c) || c.is_alphanumeric() || is_punctuation(c);
        (Word::Other, run(&|c| !ends(c)).max(1))
    };
    if kind == Word::Upper {
        if end == 1 {
            end += s[1..].iter().take_while(|c| small(**c)).count();
        } else if s.get(end).is_some_and(|c| c.is_alphabetic()) {
            end -= 1;
        }
    }
    (kind, &s[..end], &s[end..])
}

fn push_lower(out: &mut String, kind: Word, word: &[char], connector: char) {
    match kind {
        Word::Upper => out.extend(word.iter().map(|c| lower(*c))),
        Word::Connector => out.extend(word.iter().map(|_| connector)),
        _ => out.extend(word),
    }
}

fn stands_apart(kind: Word) -> bool {
    !matches!(kind, Word::None | Word::Connector | Word::Punctuation)
}

/// xstrings' `camelCaseToLowerCase`.
fn connected(s: &str, connector: char) -> String {
    let s: Vec<char> = s.chars().collect();
    let mut out = String::new();
    let (mut kind, mut word, mut rest) = next_word(&s);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Letters | Word::Number) {
                    push_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if stands_apart(kind) {
                    out.push(connector);
                }
            }
            Word::Connector => push_lower(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Letters {
                    out.push(connector);
                    push_lower(&mut out, Word::Number, number, connector);
                    while matches!(kind, Word::Letters | Word::Number) {
                        push_lower(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if stands_apart(kind) {
                        out.push(connector);
                    }
                } else {
                    push_lower(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}
