//! Splitting an instruction's text into words, flags, pairs and JSON lists, the way Docker does: by white space alone
//! for paths, with quotes for `name=value`.

use super::lines::Line;
use super::{Pos, Word};

/// What is left of a line to be read.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    line: &'a Line,
    offset: usize,
}

impl<'a> Rest<'a> {
    /// The whole line.
    pub(super) fn of(line: &'a Line) -> Rest<'a> {
        Rest { line, offset: 0 }
    }

    /// What is left, without the white space before it.
    pub(super) fn text(&self) -> &'a str {
        self.line.text.get(self.start()..).unwrap_or_default()
    }

    /// Where it starts.
    pub(super) fn pos(&self) -> Pos {
        self.line.pos(self.start())
    }

    fn start(&self) -> usize {
        let left = self.line.text.get(self.offset..).unwrap_or_default();
        self.offset + left.len() - left.trim_start().len()
    }

    /// All that is left as one word.
    pub(super) fn whole(&self) -> Word {
        Word { text: self.text().to_string(), pos: self.pos() }
    }

    /// The next word up to white space.
    pub(super) fn next(&mut self) -> Option<Word> {
        let text = self.text();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        self.cut(end)
    }

    /// The next word, in which quotes and escapes keep white space together.
    pub(super) fn next_quoted(&mut self, escape: char) -> Option<Word> {
        let end = quoted_end(self.text(), escape);
        self.cut(end)
    }

    /// Cuts off that many bytes.
    fn cut(&mut self, bytes: usize) -> Option<Word> {
        let text = self.text().get(..bytes).filter(|text| !text.is_empty())?;
        let word = Word { text: text.to_string(), pos: self.pos() };
        self.offset = self.start() + bytes;
        Some(word)
    }

    /// The words up to the end.
    pub(super) fn words(mut self) -> Vec<Word> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// The `--name` and `--name=value` words that come next.
    pub(super) fn flags(&mut self) -> Vec<(Word, Option<Word>)> {
        let mut flags = Vec::new();
        while self.text().starts_with("--") {
            let Some(word) = self.next() else { break };
            flags.push(pair(&word));
        }
        flags
    }

    /// A JSON list of texts, where it is one.
    pub(super) fn json(&self) -> Option<Vec<String>> {
        self.text().starts_with('[').then(|| serde_json::from_str(self.text()).ok()).flatten()
    }

    /// A JSON list as words, or else the words up to the end.
    pub(super) fn json_or_words(self) -> Vec<Word> {
        let pos = self.pos();
        match self.json() {
            Some(texts) => texts.into_iter().map(|text| Word { text, pos }).collect(),
            None => self.words(),
        }
    }
}

/// A word split at its first `=`.
pub(super) fn pair(word: &Word) -> (Word, Option<Word>) {
    let Some((name, value)) = word.text.split_once('=') else { return (word.clone(), None) };
    let column = word.pos.column + name.chars().count() + 1;
    let value = Word { text: value.to_string(), pos: Pos { column, ..word.pos } };
    (Word { text: name.to_string(), pos: word.pos }, Some(value))
}

/// Where a word with quotes and escapes ends.
fn quoted_end(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return at,
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            // Single quotes know no escape.
            None | Some('"') if c == escape => {
                chars.next();
            }
            _ => {}
        }
    }
    text.len()
}
