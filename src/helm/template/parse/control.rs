//! Bodies: text, actions, and what is between `if` and `end`.

use super::lexer::{Kind, Token};
use super::{Parsed, Parser, behind};
use crate::helm::template::ast::{Action, Branch, Invocation, Node, Template};
use crate::helm::template::format;
use crate::helm::value::Str;

/// What one action turned out to be.
enum Item {
    Node(Node),
    End,
    Else,
}

/// How a list of items ended.
#[derive(PartialEq, Eq)]
enum Closing {
    End,
    Else,
}

impl Closing {
    fn show(&self) -> &'static str {
        match self {
            Closing::End => "{{end}}",
            Closing::Else => "{{else}}",
        }
    }
}

impl Parser<'_> {
    /// A whole text: like a body, but with definitions, to the end. Whether one of them has its name.
    pub(super) fn file(&mut self, name: &Str) -> Parsed<bool> {
        while self.peek().kind != Kind::Eof {
            let token = self.next();
            if token.kind == Kind::LeftDelim {
                let word = self.next_non_space();
                if self.is_keyword(word, b"define") {
                    self.definition()?;
                    continue;
                }
                self.back(word);
            }
            self.back(token);
            match self.text_or_action()? {
                Item::Node(node) => self.nodes.push(node),
                Item::End => return Err(self.error("unexpected {{end}}")),
                Item::Else => return Err(self.error("unexpected {{else}}")),
            }
        }
        let body = behind(&mut self.nodes, 0);
        let template = self.template(name.clone(), body);
        let is_namesake = self.templates.iter().any(|other| other.name == *name);
        self.add(template)?;
        Ok(is_namesake)
    }

    fn template(&self, name: Str, body: Box<[Node]>) -> Template {
        Template { name, source: self.source.clone(), body: body.into(), slots: self.tree.slots }
    }

    /// `define`; the word is behind.
    fn definition(&mut self) -> Parsed<()> {
        let context = "define clause";
        let outer = std::mem::take(&mut self.tree);
        let name = self.next_non_space();
        if !matches!(name.kind, Kind::String | Kind::RawString) {
            return Err(self.unexpected(name, context));
        }
        let name = self.unquoted(name)?;
        self.expect(Kind::RightDelim, context)?;
        self.named_body(name, context)?;
        self.tree = outer;
        Ok(())
    }

    /// The body of a `define` or `block`, to its `end`, in the tree that was made for it.
    fn named_body(&mut self, name: Str, context: &str) -> Parsed<()> {
        let (body, closing) = self.nested(Self::items)?;
        if closing != Closing::End {
            return Err(self.error(format!("unexpected {} in {context}", closing.show())));
        }
        let template = self.template(name, body);
        self.add(template)
    }

    pub(super) fn unquoted(&mut self, token: Token) -> Parsed<Str> {
        match format::unquote(self.lexer.bytes(token)) {
            Some(text) => Ok(self.names.get(&text)),
            None => Err(self.error("invalid syntax")),
        }
    }

    fn items(&mut self) -> Parsed<(Box<[Node]>, Closing)> {
        let mark = self.nodes.len();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => self.nodes.push(node),
                Item::End => return Ok((behind(&mut self.nodes, mark), Closing::End)),
                Item::Else => return Ok((behind(&mut self.nodes, mark), Closing::Else)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.piece()))),
            Kind::LeftDelim => {
                self.tree.action = Some(token.start);
                let item = self.action();
                if item.is_ok() {
                    self.tree.action = None;
                }
                item
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        let word = if token.kind == Kind::Keyword { self.lexer.bytes(token) } else { b"" };
        match word {
            b"block" => self.block().map(Item::Node),
            b"break" => self.leave_range("{{break}}", Node::Break).map(Item::Node),
            b"continue" => self.leave_range("{{continue}}", Node::Continue).map(Item::Node),
            b"else" => self.else_control(),
            b"end" => self.expect(Kind::RightDelim, "end").map(|_| Item::End),
            b"if" => self.nested(|parser| parser.branch("if")).map(|branch| Item::Node(Node::If(Box::new(branch)))),
            b"range" => {
                self.nested(|parser| parser.branch("range")).map(|branch| Item::Node(Node::Range(Box::new(branch))))
            }
            b"with" => {
                self.nested(|parser| parser.branch("with")).map(|branch| Item::Node(Node::With(Box::new(branch))))
            }
            b"template" => self.invocation().map(Item::Node),
            _ => {
                if matches!(token.kind, Kind::String | Kind::RawString) && self.at_right_delimiter() {
                    return Ok(Item::Node(Node::Literal(self.unquoted(token)?)));
                }
                let pipe = self.pipeline_at(token, "command", Kind::RightDelim)?;
                Ok(Item::Node(Node::Action(Action { pos: token.start, pipe })))
            }
        }
    }

    /// Takes the right delimiter, if it is next.
    fn at_right_delimiter(&mut self) -> bool {
        let space = Some(self.peek()).filter(|token| token.kind == Kind::Space);
        let token = self.next_non_space();
        if token.kind == Kind::RightDelim {
            return true;
        }
        self.back(token);
        space.into_iter().for_each(|space| self.back(space));
        false
    }

    fn leave_range(&mut self, what: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(token, what));
        }
        match self.tree.ranges {
            0 => Err(self.error(format!("{what} outside {{{{range}}}}"))),
            _ => Ok(node),
        }
    }

    /// `else`; an `if` or `with` right after it is left for [`Parser::branch`].
    fn else_control(&mut self) -> Parsed<Item> {
        let next = self.peek_non_space();
        if !self.is_keyword(next, b"if") && !self.is_keyword(next, b"with") {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Item::Else)
    }

    /// `if`, `with` or `range`, to its `end`; the word is behind.
    fn branch(&mut self, word: &str) -> Parsed<Branch> {
        let scope = self.tree.enter();
        let pipe = self.pipeline(word, Kind::RightDelim)?;
        self.tree.ranges += usize::from(word == "range");
        let (body, closing) = self.items()?;
        self.tree.ranges -= usize::from(word == "range");
        let otherwise = match closing {
            Closing::End => Box::default(),
            Closing::Else => self.otherwise(word)?,
        };
        self.tree.leave(scope);
        Ok(Branch { pos: pipe.pos, pipe, body, otherwise })
    }

    fn otherwise(&mut self, word: &str) -> Parsed<Box<[Node]>> {
        let next = self.peek();
        if matches!(word, "if" | "with") && self.is_keyword(next, word.as_bytes()) {
            self.next();
            let branch = Box::new(self.nested(|parser| parser.branch(word))?);
            return Ok(Box::new([if word == "if" { Node::If(branch) } else { Node::With(branch) }]));
        }
        let (nodes, closing) = self.items()?;
        match closing {
            Closing::End => Ok(nodes),
            Closing::Else => Err(self.error(format!("expected end; found {}", closing.show()))),
        }
    }

    fn template_name(&mut self, context: &str) -> Parsed<(Token, Str)> {
        let token = self.next_non_space();
        match token.kind {
            Kind::String | Kind::RawString => Ok((token, self.unquoted(token)?)),
            _ => Err(self.unexpected(token, context)),
        }
    }

    /// `block`: a definition and a call of it; the word is behind.
    fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let (token, name) = self.template_name(context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let outer = std::mem::take(&mut self.tree);
        self.named_body(name.clone(), context)?;
        self.tree = outer;
        Ok(Node::Template(Box::new(Invocation { pos: token.start, name, pipe: Some(pipe) })))
    }

    /// `template`; the word is behind.
    fn invocation(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let (token, name) = self.template_name(context)?;
        let next = self.next_non_space();
        let pipe = match next.kind {
            Kind::RightDelim => None,
            _ => {
                self.back(next);
                Some(self.pipeline(context, Kind::RightDelim)?)
            }
        };
        Ok(Node::Template(Box::new(Invocation { pos: token.start, name, pipe })))
    }
}
