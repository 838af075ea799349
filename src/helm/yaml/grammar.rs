//! From tokens to events: YAML's grammar as a machine with a stack of its own, after libyaml's parser.

use super::node::Mark;
use super::scan::{Kind, Scanned, Scanner, Token};
use super::{MAX_DEPTH, YamlError};

/// A step of a document.
#[derive(Debug)]
pub(super) enum Event {
    Scalar {
        mark: Mark,
        anchor: Option<String>,
        tag: Option<String>,
        value: String,
        plain: bool,
    },
    Alias {
        mark: Mark,
        name: String,
    },
    Sequence {
        mark: Mark,
        anchor: Option<String>,
    },
    Mapping {
        mark: Mark,
        anchor: Option<String>,
    },
    /// A sequence or mapping ends.
    End,
    DocumentEnd,
    StreamEnd,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockEntry,
    IndentlessEntry,
    BlockKey,
    BlockValue,
    /// Whether it is the first entry.
    FlowEntry(bool),
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    /// Whether it is the first key.
    FlowKey(bool),
    FlowValue,
    FlowEmptyValue,
    Done,
}

/// The parser.
pub(super) struct Grammar<'a> {
    scanner: Scanner<'a>,
    state: State,
    states: Vec<State>,
    handles: Vec<(String, String)>,
}

impl<'a> Grammar<'a> {
    pub(super) fn new(text: &'a [u8]) -> Grammar<'a> {
        Grammar { scanner: Scanner::new(text), state: State::DocumentStart, states: Vec::new(), handles: Vec::new() }
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Scanned<Event> {
        if self.states.len() > 2 * MAX_DEPTH {
            return Err(YamlError::new("exceeded max depth"));
        }
        match self.state {
            State::DocumentStart => self.document_start(),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => {
                self.skip_if(&Kind::DocumentEnd)?;
                self.state = State::DocumentStart;
                Ok(Event::DocumentEnd)
            }
            State::BlockEntry => self.block_entry(),
            State::IndentlessEntry => self.indentless_entry(),
            State::BlockKey => self.block_key(),
            State::BlockValue => self.block_value(),
            State::FlowEntry(first) => self.flow_entry(first),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                self.state = State::FlowEntry(false);
                Ok(Event::End)
            }
            State::FlowKey(first) => self.flow_key(first),
            State::FlowValue => self.flow_value(),
            State::FlowEmptyValue => {
                self.state = State::FlowKey(false);
                self.empty_here()
            }
            State::Done => Ok(Event::StreamEnd),
        }
    }

    fn peek(&mut self) -> Scanned<(&Kind, Mark)> {
        self.scanner.peek().map(|token| (&token.kind, token.mark))
    }

    fn is(&mut self, kind: &Kind) -> Scanned<bool> {
        Ok(self.peek()?.0 == kind)
    }

    fn is_one_of(&mut self, kinds: &[Kind]) -> Scanned<bool> {
        let (kind, _) = self.peek()?;
        Ok(kinds.contains(kind))
    }

    fn skip_if(&mut self, kind: &Kind) -> Scanned<bool> {
        let is = self.is(kind)?;
        if is {
            self.scanner.next()?;
        }
        Ok(is)
    }

    fn fail<T>(&mut self, problem: &str) -> Scanned<T> {
        let (_, mark) = self.peek()?;
        Err(YamlError::of_grammar(mark, problem))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::Done);
    }

    /// Goes on with a node, and after it with a state; in a block, `- ` may follow a key without indentation.
    fn descend(&mut self, then: State, block: Option<bool>) -> Scanned<Event> {
        self.states.push(then);
        match block {
            Some(indentless) => self.node(true, indentless),
            None => self.node(false, false),
        }
    }

    /// The null that stands where nothing is written.
    fn empty(&mut self, mark: Mark) -> Event {
        Event::Scalar { mark, anchor: None, tag: None, value: String::new(), plain: true }
    }

    fn empty_here(&mut self) -> Scanned<Event> {
        let (_, mark) = self.peek()?;
        Ok(self.empty(mark))
    }

    fn document_start(&mut self) -> Scanned<Event> {
        while self.skip_if(&Kind::DocumentEnd)? {}
        self.handles.clear();
        let mut directives = false;
        loop {
            match self.peek()?.0 {
                Kind::Version => {
                    self.scanner.next()?;
                }
                Kind::TagDirective { .. } => {
                    if let Token { kind: Kind::TagDirective { handle, prefix }, mark } = self.scanner.next()? {
                        if self.handles.iter().any(|(other, _)| *other == handle) {
                            return Err(YamlError::of_grammar(mark, "found duplicate %TAG directive"));
                        }
                        self.handles.push((handle, prefix));
                    }
                }
                _ => break,
            }
            directives = true;
        }
        if self.skip_if(&Kind::DocumentStart)? {
            self.states.push(State::DocumentEnd);
            self.state = State::DocumentContent;
            return self.document_content();
        }
        if directives {
            return self.fail("did not find expected <document start>");
        }
        if self.is(&Kind::StreamEnd)? {
            self.state = State::Done;
            return Ok(Event::StreamEnd);
        }
        self.descend(State::DocumentEnd, Some(false))
    }

    fn document_content(&mut self) -> Scanned<Event> {
        let empty = matches!(
            self.peek()?.0,
            Kind::Version | Kind::TagDirective { .. } | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd
        );
        if empty {
            self.pop();
            return self.empty_here();
        }
        self.node(true, false)
    }

    fn node(&mut self, block: bool, indentless: bool) -> Scanned<Event> {
        if let Kind::Alias(_) = self.peek()?.0 {
            self.pop();
            return match self.scanner.next()? {
                Token { kind: Kind::Alias(name), mark } => Ok(Event::Alias { mark, name }),
                Token { mark, .. } => Ok(self.empty(mark)),
            };
        }
        let (_, mark) = self.peek()?;
        let (anchor, tag) = self.properties()?;
        let (kind, at) = self.peek()?;
        match kind {
            Kind::BlockEntry if indentless => self.state = State::IndentlessEntry,
            Kind::FlowSequenceStart => self.state = State::FlowEntry(true),
            Kind::BlockSequenceStart if block => self.state = State::BlockEntry,
            Kind::FlowMappingStart => self.state = State::FlowKey(true),
            Kind::BlockMappingStart if block => self.state = State::BlockKey,
            Kind::Scalar { .. } => return self.scalar(mark, anchor, tag),
            _ if anchor.is_some() || tag.is_some() => {
                self.pop();
                return Ok(Event::Scalar { mark, anchor, plain: tag.is_none(), tag, value: String::new() });
            }
            _ => return Err(YamlError::of_grammar(at, "did not find expected node content")),
        }
        match self.state {
            // Its first `-` is a token of the sequence itself.
            State::IndentlessEntry => return Ok(Event::Sequence { mark, anchor }),
            State::FlowKey(_) | State::BlockKey => {
                self.scanner.next()?;
                return Ok(Event::Mapping { mark, anchor });
            }
            _ => {}
        }
        self.scanner.next()?;
        Ok(Event::Sequence { mark, anchor })
    }

    fn scalar(&mut self, mark: Mark, anchor: Option<String>, tag: Option<String>) -> Scanned<Event> {
        self.pop();
        match self.scanner.next()?.kind {
            Kind::Scalar { value, plain } => {
                let plain = plain && tag.is_none();
                Ok(Event::Scalar { mark, anchor, tag, value, plain })
            }
            _ => Ok(self.empty(mark)),
        }
    }

    /// Anchor and tag, in any order.
    fn properties(&mut self) -> Scanned<(Option<String>, Option<String>)> {
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.peek()?.0 {
                Kind::Anchor(_) if anchor.is_none() => {
                    if let Kind::Anchor(name) = self.scanner.next()?.kind {
                        anchor = Some(name);
                    }
                }
                Kind::Tag { .. } if tag.is_none() => {
                    if let Token { kind: Kind::Tag { handle, suffix }, mark } = self.scanner.next()? {
                        tag = Some(self.full_tag(&handle, suffix, mark)?);
                    }
                }
                _ => return Ok((anchor, tag)),
            }
        }
    }

    fn full_tag(&self, handle: &str, suffix: String, mark: Mark) -> Scanned<String> {
        if let Some((_, prefix)) = self.handles.iter().find(|(other, _)| other == handle) {
            return Ok(format!("{prefix}{suffix}"));
        }
        match handle {
            "" => Ok(suffix),
            "!" => Ok(format!("!{suffix}")),
            "!!" => Ok(format!("tag:yaml.org,2002:{suffix}")),
            _ => Err(YamlError::of_grammar(mark, "found undefined tag handle")),
        }
    }

    fn block_entry(&mut self) -> Scanned<Event> {
        if self.is(&Kind::BlockEntry)? {
            let mark = self.scanner.next()?.mark;
            if self.is_one_of(&[Kind::BlockEntry, Kind::BlockEnd])? {
                self.state = State::BlockEntry;
                return Ok(self.empty(mark));
            }
            return self.descend(State::BlockEntry, Some(false));
        }
        if self.skip_if(&Kind::BlockEnd)? {
            self.pop();
            return Ok(Event::End);
        }
        self.fail("did not find expected '-' indicator")
    }

    fn indentless_entry(&mut self) -> Scanned<Event> {
        if !self.is(&Kind::BlockEntry)? {
            self.pop();
            return Ok(Event::End);
        }
        let mark = self.scanner.next()?.mark;
        if self.is_one_of(&[Kind::BlockEntry, Kind::Key, Kind::Value, Kind::BlockEnd])? {
            self.state = State::IndentlessEntry;
            return Ok(self.empty(mark));
        }
        self.descend(State::IndentlessEntry, Some(false))
    }

    fn block_key(&mut self) -> Scanned<Event> {
        if self.is(&Kind::Key)? {
            let mark = self.scanner.next()?.mark;
            if self.is_one_of(&[Kind::Key, Kind::Value, Kind::BlockEnd])? {
                self.state = State::BlockValue;
                return Ok(self.empty(mark));
            }
            return self.descend(State::BlockValue, Some(true));
        }
        if self.skip_if(&Kind::BlockEnd)? {
            self.pop();
            return Ok(Event::End);
        }
        self.fail("did not find expected key")
    }

    fn block_value(&mut self) -> Scanned<Event> {
        self.state = State::BlockKey;
        if !self.is(&Kind::Value)? {
            return self.empty_here();
        }
        let mark = self.scanner.next()?.mark;
        if self.is_one_of(&[Kind::Key, Kind::Value, Kind::BlockEnd])? {
            return Ok(self.empty(mark));
        }
        self.descend(State::BlockKey, Some(true))
    }

    fn flow_entry(&mut self, first: bool) -> Scanned<Event> {
        if !self.is(&Kind::FlowSequenceEnd)? {
            if !first && !self.skip_if(&Kind::FlowEntry)? {
                return self.fail("did not find expected ',' or ']'");
            }
            if self.is(&Kind::Key)? {
                let mark = self.scanner.next()?.mark;
                self.state = State::FlowPairKey;
                return Ok(Event::Mapping { mark, anchor: None });
            }
            if !self.is(&Kind::FlowSequenceEnd)? {
                return self.descend(State::FlowEntry(false), None);
            }
        }
        self.scanner.next()?;
        self.pop();
        Ok(Event::End)
    }

    fn flow_pair_key(&mut self) -> Scanned<Event> {
        if self.is_one_of(&[Kind::Value, Kind::FlowEntry, Kind::FlowSequenceEnd])? {
            self.state = State::FlowPairValue;
            return self.empty_here();
        }
        self.descend(State::FlowPairValue, None)
    }

    fn flow_pair_value(&mut self) -> Scanned<Event> {
        if self.skip_if(&Kind::Value)? && !self.is_one_of(&[Kind::FlowEntry, Kind::FlowSequenceEnd])? {
            return self.descend(State::FlowPairEnd, None);
        }
        self.state = State::FlowPairEnd;
        self.empty_here()
    }

    fn flow_key(&mut self, first: bool) -> Scanned<Event> {
        if !self.is(&Kind::FlowMappingEnd)? {
            if !first && !self.skip_if(&Kind::FlowEntry)? {
                return self.fail("did not find expected ',' or '}'");
            }
            if self.skip_if(&Kind::Key)? {
                if self.is_one_of(&[Kind::Value, Kind::FlowEntry, Kind::FlowMappingEnd])? {
                    self.state = State::FlowValue;
                    return self.empty_here();
                }
                return self.descend(State::FlowValue, None);
            }
            if !self.is(&Kind::FlowMappingEnd)? {
                return self.descend(State::FlowEmptyValue, None);
            }
        }
        self.scanner.next()?;
        self.pop();
        Ok(Event::End)
    }

    fn flow_value(&mut self) -> Scanned<Event> {
        if self.skip_if(&Kind::Value)? && !self.is_one_of(&[Kind::FlowEntry, Kind::FlowMappingEnd])? {
            return self.descend(State::FlowKey(false), None);
        }
        self.state = State::FlowKey(false);
        self.empty_here()
    }
}
