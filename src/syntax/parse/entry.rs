//! Arguments and properties.

use super::Parser;
use super::faults::{self, Name};
use super::header::{ends_header, is_string, starts_value};
use crate::source::Span;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::tree::{DECODED, EntryData, FAULTY, KEY_DECODED, Range, TYPED, TypeData, ValueKind};

/// A type annotation of which it isn't known yet what it annotates.
pub(super) struct Annotation {
    open: u32,
    name: Range,
    flags: u8,
    end: u32,
    /// Whether a fault was given of it, so that what follows is not asked of.
    pub faulty: bool,
}

impl Parser<'_> {
    /// Reads an argument or a property; whether there was space behind it.
    ///
    /// Only an `=` behind it tells a key from an argument, so the space behind it is read here.
    pub(super) fn entry(&mut self, quiet: bool) -> bool {
        let annotation = self.annotation(quiet);
        let first = self.token;
        if let Some(annotation) = annotation.as_ref().filter(|_| !starts_value(first.kind)) {
            let at = self.annotates_nothing(annotation, quiet);
            return self.missing_value(Range::default(), 0, at);
        }
        let spaced = self.bump_space();
        if self.token.kind != TokenKind::Equals {
            let flags = annotation.map_or(0, |a| self.annotate(a, first.start));
            self.value(Range::default(), first, flags, quiet);
            return spaced;
        }
        if let Some(annotation) = annotation.filter(|_| !quiet) {
            self.faults.push(faults::typed_key(self.annotation_span(&annotation)));
        }
        self.property(first, quiet)
    }

    /// Reads a property from its `=` on.
    fn property(&mut self, key: Token, quiet: bool) -> bool {
        let mut flags = self.name(key, Name::Key, quiet);
        if flags & DECODED != 0 {
            flags = flags & !DECODED | KEY_DECODED;
        }
        let range = Range::new(key.start, key.end);
        let equals = self.token;
        self.bump_space();
        let annotation = self.annotation(quiet);
        let value = self.token;
        if !starts_value(value.kind) {
            let at = match &annotation {
                Some(annotation) => self.annotates_nothing(annotation, quiet),
                None => self.no_value(key, equals, quiet),
            };
            return self.missing_value(range, flags, at);
        }
        flags |= annotation.map_or(0, |a| self.annotate(a, value.start));
        let spaced = self.bump_space();
        self.value(range, value, flags, quiet);
        spaced
    }

    /// Puts a value into the table.
    #[inline]
    fn value(&mut self, key: Range, token: Token, flags: u8, quiet: bool) {
        let (kind, more) = self.classify(token, quiet);
        let value = Range::new(token.start, token.end);
        self.tree.entries.push(EntryData { key, value, kind, flags: flags | more });
    }

    /// Puts a broken value at `at`, where one is missing. It counts as followed by space: what follows is no neighbour.
    fn missing_value(&mut self, key: Range, flags: u8, at: u32) -> bool {
        let flags = flags | FAULTY;
        self.tree.entries.push(EntryData { key, value: Range::new(at, at), kind: ValueKind::Str, flags });
        true
    }

    /// Says that a property has no value, and where it is missing.
    fn no_value(&mut self, key: Token, equals: Token, quiet: bool) -> u32 {
        if !quiet {
            let key = self.slice(Range::new(key.start, key.end));
            self.faults.push(faults::no_value(self.at(equals), key));
        }
        equals.end
    }

    /// Says that an annotation has nothing behind it, and where that is missing.
    fn annotates_nothing(&mut self, annotation: &Annotation, quiet: bool) -> u32 {
        if !quiet && !annotation.faulty {
            self.faults.push(faults::type_of_nothing(self.annotation_span(annotation)));
        }
        annotation.end
    }

    fn annotation_span(&self, annotation: &Annotation) -> Span {
        self.faults.range(Range::new(annotation.open, annotation.end))
    }

    /// Reads a type annotation if there is one, with the space behind it.
    #[inline]
    pub(super) fn annotation(&mut self, quiet: bool) -> Option<Annotation> {
        (self.token.kind == TokenKind::OpenParen).then(|| self.type_annotation(quiet))
    }

    #[cold]
    fn type_annotation(&mut self, quiet: bool) -> Annotation {
        let open = self.token;
        self.bump();
        self.space();
        let name = self.token;
        let empty = Range::new(name.start, name.start);
        let mut annotation = Annotation { open: open.start, name: empty, flags: 0, end: open.end, faulty: quiet };
        if is_string(name.kind) {
            (annotation.name.end, annotation.end) = (name.end, name.end);
            self.bump();
            annotation.flags = self.name(name, Name::Type, quiet);
        } else {
            annotation.faulty = true;
            if !quiet {
                self.faults.push(faults::empty_type(self.at(open)));
            }
            self.skip_to_parenthesis();
        }
        self.space();
        if self.token.kind == TokenKind::CloseParen {
            annotation.end = self.token.end;
            self.bump();
        } else if !annotation.faulty {
            self.faults.push(faults::unclosed_type(self.at(open)));
            annotation.faulty = true;
        }
        self.space();
        annotation
    }

    fn skip_to_parenthesis(&mut self) {
        let is_end = |kind| ends_header(kind) || matches!(kind, TokenKind::CloseParen | TokenKind::OpenBrace);
        while !is_end(self.token.kind) {
            self.bump();
        }
    }

    /// Puts an annotation into the table, now that what it annotates starts at `owner`.
    pub(super) fn annotate(&mut self, annotation: Annotation, owner: u32) -> u8 {
        let Annotation { open, name, flags, .. } = annotation;
        self.tree.types.push(TypeData { owner, open, name, flags });
        TYPED
    }
}
