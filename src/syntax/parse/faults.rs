//! The faults of a text in words, and the list that keeps them within its limit.

use crate::diag::{Code, Diagnostic, codes};
use crate::source::{FileId, Span};
use crate::syntax::string::{StringFault, StringFaultKind, quoted};
use crate::syntax::tree::Range;

/// The faults of one text.
#[derive(Debug)]
pub(in crate::syntax) struct Faults {
    file: FileId,
    limit: usize,
    list: Vec<Diagnostic>,
    more: usize,
    unclosed_blocks: bool,
}

impl Faults {
    pub fn new(file: FileId, limit: usize) -> Faults {
        Faults { file, limit, list: Vec::new(), more: 0, unclosed_blocks: false }
    }

    /// Takes one in; beyond the limit it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < self.limit {
            self.list.push(diagnostic);
        } else {
            self.more += 1;
        }
    }

    /// Takes in that blocks are open at the end of the text, and remembers that it was so.
    pub(super) fn push_unclosed_blocks(&mut self, diagnostic: Diagnostic) {
        self.unclosed_blocks = true;
        self.push(diagnostic);
    }

    /// Whether blocks were open at the end of the text.
    pub(super) fn has_unclosed_blocks(&self) -> bool {
        self.unclosed_blocks
    }

    pub fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    pub fn range(&self, range: Range) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    /// These and the others, as [`finish`](Faults::finish) has them.
    pub(super) fn join(mut self, others: Faults) -> Vec<Diagnostic> {
        others.list.into_iter().for_each(|fault| self.push(fault));
        self.more += others.more;
        self.finish()
    }

    /// All of them in the order of the text, and how many more there are.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(Diagnostic::span);
        if self.more > 0 {
            let (more, shown) = (self.more, self.list.len());
            let message = format!("{more} more faults in this file; only {shown} are shown");
            self.list.push(Diagnostic::new(&codes::TOO_MANY_FAULTS, message));
        }
        self.list
    }
}

/// What kind of name a string is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::syntax) enum Name {
    Node,
    Key,
    Type,
}

impl Name {
    fn words(self) -> &'static str {
        match self {
            Name::Node => "the name of a node",
            Name::Key => "the key of a property",
            Name::Type => "a type annotation",
        }
    }
}

fn plain(code: &'static Code, message: impl Into<String>, span: Span, label: &'static str) -> Diagnostic {
    Diagnostic::new(code, message).at(span, label)
}

/// A word that KDL reserves, where a value is expected.
pub(super) fn bare_keyword(span: Span, word: &str) -> Diagnostic {
    plain(&codes::BARE_KEYWORD, format!("`{word}` is neither a keyword nor a string"), span, "the `#` is missing")
        .help(format!("In KDL 2 the keyword is `#{word}`; the string is `\"{word}\"`."))
        .fix(format!("Write `#{word}`"), span, format!("#{word}"))
}

/// A word that KDL reserves, where a name is expected.
pub(super) fn reserved_name(span: Span, word: &str, of: Name) -> Diagnostic {
    plain(&codes::BARE_KEYWORD, format!("`{word}` cannot be {} without quotes", of.words()), span, "reserved").fix(
        "Put it in quotes",
        span,
        format!("\"{word}\""),
    )
}

pub(super) fn number_as_name(span: Span, word: &str, of: Name) -> Diagnostic {
    plain(&codes::SYNTAX, format!("a number cannot be {}", of.words()), span, "a number")
        .help("A name that starts like a number stands in quotes.")
        .fix("Put it in quotes", span, format!("\"{word}\""))
}

pub(super) fn keyword_as_name(span: Span, of: Name) -> Diagnostic {
    plain(&codes::SYNTAX, format!("a keyword cannot be {}", of.words()), span, "a keyword")
}

pub(super) fn unknown_keyword(span: Span, word: &str) -> Diagnostic {
    let known = ["#true", "#false", "#null", "#inf", "#-inf", "#nan"];
    let fault = plain(&codes::SYNTAX, format!("`{word}` is not a keyword"), span, "");
    match crate::diag::did_you_mean(word, known) {
        Some(meant) => fault.help(format!("Did you mean `{meant}`?")).fix(format!("Write `{meant}`"), span, meant),
        None => fault.help(
            "The keywords are `#true`, `#false`, `#null`, `#inf`, `#-inf` and `#nan`; a raw string is `#\"…\"#`. \
             Other text with a `#` stands in quotes.",
        ),
    }
}

pub(super) fn bad_number(word: Span, rest: Span, what: &'static str, text: &str) -> Diagnostic {
    plain(&codes::BAD_NUMBER, format!("`{text}` is not a number"), if rest.is_empty() { word } else { rest }, what)
        .help("A string that starts like a number stands in quotes.")
        .fix("Put it in quotes", word, format!("\"{text}\""))
}

/// A string that has no end: its line's end is the place, its start the other half.
pub(super) fn unclosed_string(
    faults: &Faults,
    start: usize,
    end: usize,
    marks: &str,
    several_lines: bool,
) -> Diagnostic {
    let open = faults.span(start, start + marks.len());
    let fault = Diagnostic::new(&codes::UNCLOSED, "a string is not closed");
    if several_lines {
        fault
            .at(open, "it starts here and goes on to the end of the file")
            .help("It ends with the same marks on a line of their own.")
    } else {
        fault
            .at(faults.span(end, end), "the closing quote is missing")
            .at(open, "the string starts here")
            .help("A string of several lines starts and ends with `\"\"\"`.")
    }
}

pub(super) fn unclosed_comment(open: Span) -> Diagnostic {
    plain(&codes::UNCLOSED, "a comment is not closed", open, "it starts here and goes on to the end of the file")
        .help("Comments nest: each `/*` needs its own `*/`.")
}

pub(super) fn deep_comment(at: Span, limit: usize) -> Diagnostic {
    plain(&codes::TOO_DEEP, format!("comments in comments are nested deeper than {limit}"), at, "one too many")
}

pub(super) fn deep_block(at: Span, limit: usize) -> Diagnostic {
    plain(
        &codes::TOO_DEEP,
        format!("blocks are nested deeper than {limit}"),
        at,
        "what stands in this block is not read",
    )
}

pub(super) fn unexpected_brace(at: Span) -> Diagnostic {
    plain(&codes::UNEXPECTED_BRACE, "a closing brace that closes nothing", at, "no block is open here").fix(
        "Remove it",
        at,
        "",
    )
}

/// Blocks that have no end; `hint` is a node or brace that by its indentation belongs to a block further out.
pub(super) fn unclosed_blocks(opens: &[Span], hint: Option<Span>) -> Diagnostic {
    let message = match opens.len() {
        1 => "a block is not closed".to_owned(),
        n => format!("{n} blocks are not closed"),
    };
    let mut fault = Diagnostic::new(&codes::UNCLOSED, message);
    for open in opens.iter().take(3) {
        fault = fault.at(*open, "opened here");
    }
    match hint {
        Some(hint) => fault.at(hint, "by its indentation this belongs to a block further out"),
        None => fault.help("Add the missing `}`."),
    }
}

pub(super) fn string_fault(faults: &Faults, base: usize, fault: &StringFault, raw: &str) -> Diagnostic {
    let span = faults.span(base + fault.start, base + fault.end);
    let text = raw.get(fault.start..fault.end).unwrap_or("");
    match fault.what {
        StringFaultKind::UnknownEscape => plain(&codes::BAD_ESCAPE, format!("`{text}` is not an escape"), span, "")
            .help(
                "The escapes are \\\" \\\\ \\b \\f \\n \\r \\t \\s and \\u{…}. A backslash itself is `\\\\`; \
                     in a raw string, `#\"…\"#`, it needs none.",
            )
            .fix("Double the backslash", span, format!("\\{text}")),
        StringFaultKind::UnicodeForm => {
            plain(&codes::BAD_ESCAPE, "a `\\u` without one to six hexadecimal digits in braces", span, "")
                .help("A character by its number is written `\\u{1F600}`.")
        }
        StringFaultKind::UnicodeValue => {
            plain(&codes::BAD_ESCAPE, format!("`{text}` is no Unicode character"), span, "")
        }
        StringFaultKind::NoLineEnd => plain(&codes::STRING_LINES, "a string of several lines on one line", span, "")
            .help("Put the text on lines of its own below `\"\"\"`, or write `\"…\"`."),
        StringFaultKind::LastLine => {
            plain(&codes::STRING_LINES, "the closing quotes do not stand on a line of their own", span, "")
                .help("The blanks before the closing `\"\"\"` are the indentation that is taken from all lines.")
        }
        StringFaultKind::Indentation => {
            plain(&codes::STRING_LINES, "a line is indented less than the closing quotes, or otherwise", span, "")
                .help("Each line has to start with the same blanks as the line of the closing `\"\"\"`.")
        }
    }
}

pub(super) fn nameless(at: Span, text: &str) -> Diagnostic {
    plain(&codes::SYNTAX, format!("`{text}` where a node's name was expected"), at, "a node starts with its name")
}

pub(super) fn not_spaced(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "two values with nothing between them", at, "a space is missing before this")
}

/// Adds the fix of two values that stick together.
pub(super) fn insert_space(fault: Diagnostic) -> Diagnostic {
    match fault.span() {
        Some(at) => fault.fix("Insert a space", Span { end: at.start, ..at }, " "),
        None => fault,
    }
}

/// Adds the fix of a text that would be one string if it had quotes.
pub(super) fn quote(fault: Diagnostic, run: Span, text: &str) -> Diagnostic {
    fault.help("Text with `/`, `#` or brackets in it stands in quotes.").fix("Put it in quotes", run, quoted(text))
}

/// Adds the fix of a raw string as KDL 1 wrote it.
pub(super) fn legacy_raw(fault: Diagnostic, run: Span, text: &str) -> Diagnostic {
    let body = text.trim_start_matches('r');
    let raw = if body.starts_with('#') { body.to_owned() } else { format!("#{body}#") };
    fault.help("In KDL 2 a raw string is `#\"…\"#`, without the `r`.").fix("Write it as KDL 2 has it", run, raw)
}

/// Adds the fix of an `=` that sets a value behind a node's name.
pub(super) fn equals_behind_name(fault: Diagnostic, gap: Span) -> Diagnostic {
    fault
        .help(
            "The value of a node stands behind its name, with a space: `name value`. \
             An `=` makes a property of a node: `node key=value`.",
        )
        .fix("Replace it by a space", gap, " ")
}

pub(super) fn unexpected(at: Span, text: &str) -> Diagnostic {
    let fault = plain(&codes::SYNTAX, format!("an unexpected `{text}`"), at, "");
    match text {
        "=" => fault.help("A property is one key, `=` and one value."),
        "/" => fault.help("Text with a `/` stands in quotes; a comment starts with `//`."),
        "\\" => fault.help(
            "A backslash outside of a string has to be the last thing on its line, which then goes on on the next.",
        ),
        "[" | "]" => {
            fault.help("KDL has no lists: write the values one after the other, or text with brackets in quotes.")
        }
        _ => fault,
    }
}

pub(super) fn no_value(equals: Span, key: &str) -> Diagnostic {
    plain(&codes::SYNTAX, format!("the property `{key}` has no value"), equals, "a value has to follow")
}

pub(super) fn typed_key(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a type annotation before the key of a property", at, "")
        .help("It stands before the value: `key=(type)value`.")
}

pub(super) fn empty_type(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a type annotation without a name", at, "a name has to stand in the parentheses")
}

pub(super) fn unclosed_type(open: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a type annotation that is not closed", open, "its `)` is missing")
}

pub(super) fn type_of_nothing(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a type annotation with nothing behind it", at, "a value or a name has to follow")
}

pub(super) fn slashdash_of_nothing(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a `/-` with nothing behind it", at, "it takes out the node, value or block that follows")
        .fix("Remove it", at, "")
}

pub(super) fn stray_semicolon(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a `;` that ends nothing", at, "").fix("Remove it", at, "")
}

pub(super) fn after_block(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "something follows a block on its line", at, "a new line or a `;` has to stand before this")
        .fix("Start a new line", Span { end: at.start, ..at }, "\n")
}

pub(super) fn second_block(at: Span) -> Diagnostic {
    plain(&codes::SYNTAX, "a second block of one node", at, "the node has a block already")
}
