//! Flow collections that end on the line on which they begin.

use super::super::entries::Entries;
use super::super::node::{Data, Entry, Node, Text};
use super::{DEPTH, IN_KEY, Quick, plain, plain_key};

impl<'a> Quick<'a> {
    /// A flow collection that ends on its line.
    pub(super) fn flow(&mut self) -> Option<Node> {
        if self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let mark = self.mark(self.at);
        let is_mapping = self.byte(self.at) == b'{';
        let end = if is_mapping { b'}' } else { b']' };
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        self.at += 1;
        self.over_spaces();
        while self.byte(self.at) != end {
            if is_mapping {
                let key = self.mark(self.at);
                let name = self.flow_key()?;
                entries.push((name, Entry { key, value: self.flow_value()? }));
            } else {
                items.push(self.flow_value()?);
            }
            self.over_spaces();
            match self.byte(self.at) {
                b',' => self.at += 1,
                byte if byte == end => {}
                _ => return None,
            }
            self.over_spaces();
        }
        self.at += 1;
        self.depth -= 1;
        let data = if is_mapping { Data::Map(Entries::from(entries)) } else { Data::Seq(items) };
        Some(Node { mark, data })
    }

    fn flow_key(&mut self) -> Option<Text> {
        let name = match self.byte(self.at) {
            quote @ (b'"' | b'\'') => self.simply_quoted(quote)?.into(),
            _ => plain_key(self.flow_plain()?)?,
        };
        if self.byte(self.at) != b':' || self.byte(self.at + 1) != b' ' {
            return None;
        }
        self.at += 2;
        self.over_spaces();
        Some(name)
    }

    fn flow_value(&mut self) -> Option<Node> {
        let mark = self.mark(self.at);
        let data = match self.byte(self.at) {
            b'[' | b'{' => return self.flow(),
            quote @ (b'"' | b'\'') => Data::Str(self.simply_quoted(quote)?.into()),
            _ => plain(self.flow_plain()?)?,
        };
        Some(Node { mark, data })
    }

    fn flow_plain(&mut self) -> Option<&'a str> {
        let from = self.at;
        while IN_KEY[usize::from(self.byte(self.at))] {
            self.at += 1;
        }
        let text = self.piece(from, self.at)?;
        let is_clear =
            !text.is_empty() && text != "-" && matches!(self.byte(self.at), b' ' | b',' | b']' | b'}' | b':');
        is_clear.then_some(text)
    }
}
