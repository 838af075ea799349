//! References inside strings: `{name}`, `{name.field}`, `{name.field.sub}`. `{{` and `}}` stand for braces.
//!
//! They are the only computation of the language. The grammar is in `grammar/references.md`.

use super::Said;
use super::tree::{InnerPlaces, Value};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;

/// What a string says, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Texts and references in order; no two texts stand beside each other, and none is empty.
    pub parts: Vec<Part>,
    /// The whole value.
    pub span: Span,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself, with doubled braces made single.
    Text(Said),
    /// A reference.
    Ref(Reference),
}

/// A reference: the name of something, and the way to a field of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The reference with its braces.
    pub span: Span,
    /// The name.
    pub name: Said,
    /// The place of the name.
    pub name_span: Span,
    /// The fields from the outermost on, each with its place.
    pub fields: Vec<(Said, Span)>,
}

impl Template {
    /// The references in order.
    pub fn refs(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| if let Part::Ref(reference) = part { Some(reference) } else { None })
    }

    /// The text, if there is no reference in it.
    pub fn as_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Takes a value apart. One that is no string is one text, as written. A reference with a fault is left out.
pub fn parse(value: Value<'_>) -> (Template, Vec<Diagnostic>) {
    let text = value.as_str().unwrap_or(value.raw());
    if value.is_faulty() || !value.may_hold_brace() {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(text.into())] };
        return (Template { parts, span: value.span() }, Vec::new());
    }
    // As many as there are, unless two references stand side by side: templates are most of what a model is.
    let references = text.bytes().filter(|b| *b == b'{').count();
    let ends = usize::from(text.starts_with('{')) + usize::from(text.ends_with('}'));
    let parts = Vec::with_capacity((2 * references + 1).saturating_sub(ends).max(1));
    let mut parser = Parser { places: value.inner_places(), text, parts, plain: Said::default(), faults: Vec::new() };
    parser.run();
    (Template { parts: parser.parts, span: value.span() }, parser.faults)
}

struct Parser<'t> {
    places: InnerPlaces,
    text: &'t str,
    parts: Vec<Part>,
    /// The text since the last reference.
    plain: Said,
    faults: Vec<Diagnostic>,
}

impl<'t> Parser<'t> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b'{', b'}', self.bytes(at)) {
            let brace = at + found;
            self.plain.push_str(self.slice(at, brace));
            at = match self.bytes(brace) {
                [b'{', b'{', ..] => self.literal(brace, '{'),
                [b'}', b'}', ..] => self.literal(brace, '}'),
                [b'{', ..] => self.reference(brace),
                _ => self.stray(brace),
            };
        }
        self.plain.push_str(self.slice(at, self.text.len()));
        self.end_text();
    }

    fn bytes(&self, from: usize) -> &'t [u8] {
        self.text.as_bytes().get(from..).unwrap_or(&[])
    }

    fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or("")
    }

    fn span(&self, from: usize, to: usize) -> Span {
        self.places.span(from..to)
    }

    fn end_text(&mut self) {
        if !self.plain.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.plain)));
        }
    }

    fn literal(&mut self, at: usize, brace: char) -> usize {
        self.plain.push(brace);
        at + 2
    }

    fn stray(&mut self, at: usize) -> usize {
        let span = self.span(at, at + 1);
        self.fault("a closing brace that closes no reference", span, "", |fault| {
            fault.help("A brace that stands for itself is doubled: `}}`.").fix("Double the brace", span, "}}")
        });
        at + 1
    }

    /// Reads the reference whose brace is at `open`, and gives the offset behind it.
    fn reference(&mut self, open: usize) -> usize {
        // A reference holds no brace: one that opens before it closes is the start of the next.
        let close = memchr::memchr2(b'{', b'}', self.bytes(open + 1)).map(|found| open + 1 + found);
        let Some(close) = close.filter(|&c| self.text.as_bytes().get(c) == Some(&b'}')) else {
            let end = close.unwrap_or(self.text.len());
            let span = self.span(open, end);
            self.fault("a reference that is not closed", span, "its `}` is missing", |fault| {
                fault.help("A brace that stands for itself is doubled: `{{`.")
            });
            return end;
        };
        match self.path(open, close) {
            Ok(reference) => {
                self.end_text();
                self.parts.push(Part::Ref(reference));
            }
            Err(fault) => self.faults.push(*fault),
        }
        close + 1
    }

    fn path(&self, open: usize, close: usize) -> Result<Reference, Box<Diagnostic>> {
        let span = self.span(open, close + 1);
        if open + 1 == close {
            let fault =
                Diagnostic::new(&codes::REFERENCE_SYNTAX, "a reference to nothing").at(span, "a name is missing");
            return Err(Box::new(fault.help("Braces that stand for themselves are doubled: `{{}}`.")));
        }
        let (path, mut at) = (self.slice(open + 1, close).as_bytes(), open + 1);
        let mut step = |length: usize| -> Result<(Said, Span), Box<Diagnostic>> {
            let (start, end) = (at, at + length);
            let step = self.slice(start, end);
            self.check(step, start)?;
            at = end + 1;
            Ok((step.into(), self.span(start, end)))
        };
        let mut lengths = path.split(|byte| *byte == b'.').map(<[u8]>::len);
        let (name, name_span) = step(lengths.next().unwrap_or_default())?;
        let mut fields = Vec::with_capacity(path.iter().filter(|byte| **byte == b'.').count());
        for length in lengths {
            fields.push(step(length)?);
        }
        Ok(Reference { span, name, name_span, fields })
    }

    /// Checks one name of a path.
    fn check(&self, step: &str, at: usize) -> Result<(), Box<Diagnostic>> {
        let fault = |message: String, from: usize, to: usize, label: &'static str| {
            let fault = Diagnostic::new(&codes::REFERENCE_SYNTAX, message).at(self.span(from, to), label);
            Box::new(fault.help(
                "A reference is `{name}` or `{name.field}`; names have letters, digits, `-` and `_`. \
                 A brace that stands for itself is doubled: `{{`.",
            ))
        };
        if step.is_empty() {
            // The dot before it, or behind it where it is the first.
            let from = if self.text.as_bytes().get(at.saturating_sub(1)) == Some(&b'.') { at - 1 } else { at };
            return Err(fault(
                "a dot without a name in a reference".to_owned(),
                from,
                from + 1,
                "a name is missing here",
            ));
        }
        if step.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Ok(());
        }
        match step.char_indices().find(|(_, c)| !c.is_alphanumeric() && *c != '-' && *c != '_') {
            Some((i, c)) => {
                Err(fault(format!("`{c}` in a reference"), at + i, at + i + c.len_utf8(), "not part of a name"))
            }
            None => Ok(()),
        }
    }

    fn fault(&mut self, message: &str, span: Span, label: &'static str, finish: impl FnOnce(Diagnostic) -> Diagnostic) {
        self.faults.push(finish(Diagnostic::new(&codes::REFERENCE_SYNTAX, message).at(span, label)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::{Document, Limits};

    /// The parts of the string as written in a file, with their places, and the faults with theirs.
    fn show(raw: &str) -> String {
        let text = format!("n {raw}");
        let (tree, faults) = crate::syntax::parse(FileId(0), text.as_str().into(), &Limits::default());
        assert_eq!(faults, []);
        let document = Document::from(tree);
        let (template, faults) = parse(document.roots().next().unwrap().arg(0).unwrap());
        let at = |span: Span| text[span.range()].to_owned();
        let mut out = Vec::new();
        for part in &template.parts {
            out.push(match part {
                Part::Text(text) => format!("{text:?}"),
                Part::Ref(r) => {
                    assert_eq!(at(r.name_span), r.name);
                    assert!(r.fields.iter().all(|(name, span)| at(*span) == *name));
                    let fields: Vec<_> = r.fields.iter().map(|(name, _)| name.as_str()).collect();
                    format!("{}→{}.{}", at(r.span), r.name, fields.join("."))
                }
            });
        }
        out.extend(faults.iter().map(|f| format!("! {} at {}", f.message, at(f.span().unwrap()))));
        out.join(" ")
    }

    #[test]
    fn references_are_found_with_their_places() {
        assert_eq!(show("plain"), r#""plain""#);
        assert_eq!(show(r#""""#), "");
        assert_eq!(show(r#""{base.tag}-{app.short}""#), r#"{base.tag}→base.tag "-" {app.short}→app.short"#);
        assert_eq!(show(r#""a\n{x.y.z}""#), r#""a\n" {x.y.z}→x.y.z"#);
        assert_eq!(show(r##"#"{x}"#"##), "{x}→x.");
        assert_eq!(show("\"\"\"\n  one\n  {two}\n  \"\"\""), r#""one\n" {two}→two."#);
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(show(r#""{{a}} {{{b}}}""#), r#""{a} {" {b}→b. "}""#);
    }

    #[test]
    fn faults_have_their_places() {
        assert_eq!(show(r#""a {b""#), r#""a " ! a reference that is not closed at {b"#);
        assert_eq!(show(r#""{}""#), "! a reference to nothing at {}");
        assert_eq!(show(r#""{a b} {c}""#), "\" \" {c}→c. ! ` ` in a reference at  ");
        assert_eq!(show(r#""{a.}""#), "! a dot without a name in a reference at .");
        assert_eq!(show(r#""{.a}""#), "! a dot without a name in a reference at .");
        assert_eq!(show(r#""a}""#), r#""a" ! a closing brace that closes no reference at }"#);
    }
}
