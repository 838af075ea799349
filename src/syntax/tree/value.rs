//! Arguments, properties and their values.

use super::{BRACED, DECODED, EntryData, FAULTY, KEY_DECODED, Range, TYPED, Tree};
use crate::source::Span;
use crate::syntax::{number, string};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A string in any of its forms.
    Str,
    /// A number without fraction and exponent, in any base.
    Int,
    /// A number with a fraction or an exponent, `#inf`, `#-inf` or `#nan`.
    Float,
    /// `#true` or `#false`.
    Bool,
    /// `#null`.
    Null,
}

/// An argument or a property.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'t> {
    /// An argument: a value without a key.
    Arg(Value<'t>),
    /// A property: `key=value`.
    Prop(Prop<'t>),
}

impl<'t> Entry<'t> {
    pub(super) fn new(tree: &'t Tree, data: &'t EntryData) -> Entry<'t> {
        if data.is_prop() { Entry::Prop(Prop::new(tree, data)) } else { Entry::Arg(Value { tree, data }) }
    }

    /// The whole entry: key, type annotation and value.
    pub fn span(self) -> Span {
        match self {
            Entry::Arg(value) => value.ty_span().map_or(value.span(), |ty| ty.to(value.span())),
            Entry::Prop(prop) => prop.span(),
        }
    }

    /// Its value.
    pub fn value(self) -> Value<'t> {
        match self {
            Entry::Arg(value) => value,
            Entry::Prop(prop) => prop.value(),
        }
    }
}

/// A property.
#[derive(Clone, Copy, Debug)]
pub struct Prop<'t> {
    tree: &'t Tree,
    data: &'t EntryData,
}

impl<'t> Prop<'t> {
    #[inline]
    pub(super) fn new(tree: &'t Tree, data: &'t EntryData) -> Prop<'t> {
        Prop { tree, data }
    }

    /// The key, decoded.
    #[inline]
    pub fn key(self) -> &'t str {
        self.tree.string(self.data.key, self.data.flags & KEY_DECODED != 0)
    }

    /// The key as written.
    pub fn key_span(self) -> Span {
        self.tree.span(self.data.key)
    }

    /// The value.
    pub fn value(self) -> Value<'t> {
        Value { tree: self.tree, data: self.data }
    }

    /// The whole property.
    pub fn span(self) -> Span {
        self.key_span().to(self.value().span())
    }
}

/// Where in the file stands what a string says.
pub struct InnerPlaces {
    base: Span,
    places: string::Places,
}

impl InnerPlaces {
    /// The place in the file of a byte range of the decoded string.
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        let (start, end) = self.places.locate(range);
        Span::new(self.base.file, self.base.start as usize + start, self.base.start as usize + end)
    }
}

/// The value of an argument or of a property.
#[derive(Clone, Copy, Debug)]
pub struct Value<'t> {
    tree: &'t Tree,
    data: &'t EntryData,
}

impl<'t> Value<'t> {
    /// What it is.
    pub fn kind(self) -> ValueKind {
        self.data.kind
    }

    /// The string it says, with quotes and escapes resolved.
    #[inline]
    pub fn as_str(self) -> Option<&'t str> {
        (self.kind() == ValueKind::Str).then(|| self.tree.string(self.data.value, self.is_decoded()))
    }

    /// The whole number it says, if it is one and fits.
    pub fn as_i64(self) -> Option<i64> {
        if self.kind() == ValueKind::Int { number::integer(self.raw()) } else { None }
    }

    /// The number it says, whole or not.
    pub fn as_f64(self) -> Option<f64> {
        matches!(self.kind(), ValueKind::Int | ValueKind::Float).then(|| number::float(self.raw())).flatten()
    }

    /// The truth value it says.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == ValueKind::Bool).then(|| self.raw().ends_with("true"))
    }

    /// Whether it is `#null`.
    pub fn is_null(self) -> bool {
        self.kind() == ValueKind::Null
    }

    /// The value as written, quotes included, without its type annotation.
    pub fn span(self) -> Span {
        self.tree.span(self.data.value)
    }

    /// The text of [`span`](Value::span).
    pub fn raw(self) -> &'t str {
        self.tree.slice(self.data.value)
    }

    /// The type annotation, decoded.
    pub fn ty(self) -> Option<&'t str> {
        self.annotation().map(|t| self.tree.string(t.name, t.flags & DECODED != 0))
    }

    /// The type annotation with its opening parenthesis.
    pub fn ty_span(self) -> Option<Span> {
        self.annotation().map(|t| self.tree.span(Range::new(t.open, t.name.end)))
    }

    /// Whether it is a string without quotes.
    pub fn is_bare(self) -> bool {
        self.kind() == ValueKind::Str && !self.is_faulty() && !self.raw().starts_with(['"', '#'])
    }

    /// Whether it is missing or broken and a diagnostic says so already; a reader had better be quiet about it.
    pub fn is_faulty(self) -> bool {
        self.data.flags & FAULTY != 0
    }

    /// Whether a brace may stand in the string it says. Where none does, no reference does.
    pub fn may_hold_brace(self) -> bool {
        self.data.flags & BRACED != 0
    }

    /// The place in the file of a byte range of the decoded string: behind quotes, through escapes and indentation.
    pub fn inner_span(self, range: std::ops::Range<usize>) -> Span {
        self.inner_places().span(range)
    }

    /// [`inner_span`](Value::inner_span) for many ranges of one string, which is then read only once.
    pub fn inner_places(self) -> InnerPlaces {
        InnerPlaces { base: self.span(), places: string::Places::new(self.raw(), self.is_decoded()) }
    }

    fn is_decoded(self) -> bool {
        self.data.flags & DECODED != 0
    }

    fn annotation(self) -> Option<&'t super::TypeData> {
        if self.data.flags & TYPED == 0 { None } else { self.tree.type_of(self.data.value.start) }
    }
}
