//! References inside strings: `{app.` and what may follow.

use super::{Item, ItemKind, List};
use crate::ide::index::{Kind, Symbol, fields_of};
use crate::model::fields::{self, Field};
use crate::source::Span;

impl List<'_> {
    /// What can be written in a string in which references are read: nothing but where one is open.
    pub(super) fn references(&self) -> Vec<Item> {
        let Some(open) = open_reference(&self.place.written) else { return Vec::new() };
        match open.split_once('.') {
            Some((name, field)) => self.fields(name, field),
            None => self.names(open),
        }
    }

    /// What is written since the brace is replaced, and not what stands behind the cursor.
    fn replaced(&self, written: &str) -> Span {
        let whole = self.place.replaces;
        let end = whole.start as usize + self.place.written.len();
        Span::new(whole.file, end.saturating_sub(written.len()), end)
    }

    fn names(&self, written: &str) -> Vec<Item> {
        let replaces = self.replaced(written);
        let symbols = self.analysis.index().of_pipeline(self.pipeline()).filter(|s| s.kind.is_readable());
        let named = symbols.map(|s| {
            let own = fields_of(s, &self.analysis.document).and_then(|f| f.own.as_ref());
            let prose = own.map_or_else(|| "a field of it has to be named".to_string(), |f| f.prose.to_string());
            Item { detail: s.kind.word().to_string(), prose, replaces, ..self.item(&s.name, ItemKind::Name) }
        });
        let context = fields::CONTEXT.iter().map(|c| {
            let prose = c.fields.own.as_ref().map_or("", |f| f.prose).to_string();
            Item { detail: "known everywhere".to_string(), prose, replaces, ..self.item(c.name, ItemKind::Word) }
        });
        named.chain(context).collect()
    }

    fn fields(&self, name: &str, written: &str) -> Vec<Item> {
        let replaces = self.replaced(written);
        let field = |f: &Field| Item {
            detail: self.value_of(name, f.name).unwrap_or_default(),
            prose: f.prose.to_string(),
            replaces,
            ..self.item(f.name, ItemKind::Field)
        };
        if let Some(context) = fields::context(name) {
            return context.fields.fields.iter().map(field).collect();
        }
        let index = self.analysis.index();
        let Some(symbol) = index.of_pipeline(self.pipeline()).find(|s| s.kind.is_readable() && s.name == name) else {
            return Vec::new();
        };
        if symbol.kind == Kind::Task {
            let output =
                |o: &Symbol| Item { detail: "output".to_string(), replaces, ..self.item(&o.name, ItemKind::Field) };
            return index.symbols.iter().filter(|o| o.within == Some(symbol.node)).map(output).collect();
        }
        fields_of(symbol, &self.analysis.document).into_iter().flat_map(|f| f.fields).map(field).collect()
    }

    fn value_of(&self, name: &str, field: &str) -> Option<String> {
        let pipeline = self.analysis.document.node(self.pipeline()?)?.arg(0)?.as_str()?;
        self.analysis.facts.value(pipeline, name, field).map(str::to_string)
    }
}

/// What stands behind the last brace that is open; a doubled one stands for itself.
fn open_reference(written: &str) -> Option<&str> {
    let mut open = None;
    let mut rest = written.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '{' if rest.peek().is_some_and(|(_, next)| *next == '{') => {
                rest.next();
                open = None;
            }
            '{' => open = Some(at + 1),
            '}' => open = None,
            _ => {}
        }
    }
    written.get(open?..)
}

#[cfg(test)]
mod tests {
    use super::open_reference;

    #[test]
    fn a_reference_is_open_behind_a_single_brace() {
        assert_eq!(open_reference("a{b.c"), Some("b.c"));
        assert_eq!(open_reference("{a}-{"), Some(""));
        assert_eq!(open_reference("{a}-"), None);
        assert_eq!(open_reference("{{a"), None);
    }
}
