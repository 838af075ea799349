//! Template text → [`Template`]s. Follows `text/template/parse`, whose tokens, positions and messages it keeps.

mod control;
mod lexer;
mod number;
mod pipeline;

use super::TemplateError;
use super::ast::{Command, Expr, Node, Source, Template};
use super::func::Registry;
use crate::helm::value::Str;
use lexer::{Kind, Lexer, Token};
use std::rc::Rc;

/// How deep parentheses and blocks may be nested. Charts stay below thirty.
const MAX_DEPTH: usize = 1_000;

/// The slot of a variable that is assigned but was never declared: using it is an error of execution.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// Parses a text.
///
/// Yields the templates that it defines, in order of appearance, the text's own one last. Of two definitions of one name the
/// later one stands; that both are not empty is an error.
pub(crate) fn parse<'s>(name: &Str, text: &'s Str, registry: &'s Registry, names: &'s mut Names) -> Parsed<File> {
    let source = Rc::new(Source { name: name.clone(), text: text.clone() });
    if text.len() > lexer::MAX_BYTES {
        let message = format!("longer than {} bytes", lexer::MAX_BYTES);
        return Err(Box::new(TemplateError::syntax(&name.to_text(), 1, message)));
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        source: source.clone(),
        registry,
        pushed: Vec::with_capacity(8),
        latest: 0,
        depth: 0,
        tree: Tree::default(),
        templates: Vec::new(),
        names,
        nodes: Vec::new(),
        words: Vec::new(),
        commands: Vec::new(),
        fields: Vec::new(),
    };
    let is_namesake = parser.file(name)?;
    Ok(File { templates: parser.templates, is_namesake })
}

/// What a text parses to.
pub(crate) struct File {
    /// The templates that it defines, its own among them.
    pub templates: Vec<Template>,
    /// Whether a definition in it has the name of the text: which of the two stands then depends on that name.
    pub is_namesake: bool,
}

/// Boxed: an error is rare and large.
type Parsed<T> = Result<T, Box<TemplateError>>;

struct Parser<'s> {
    lexer: Lexer<'s>,
    source: Rc<Source>,
    registry: &'s Registry,
    /// Tokens read and put back; the next one last.
    pushed: Vec<Token>,
    /// Where the token begins that was last read from the lexer: errors are reported there.
    latest: u32,
    depth: usize,
    tree: Tree,
    templates: Vec<Template>,
    names: &'s mut Names,
    /// The nodes of the bodies that are being read, those of the innermost last: how many there are is known at the end of each.
    nodes: Vec<Node>,
    /// The same for the words of commands, the commands of pipelines and the fields of operands.
    words: Vec<Expr>,
    commands: Vec<Command>,
    fields: Vec<Str>,
}

/// Takes what stands behind a mark.
fn behind<T>(all: &mut Vec<T>, mark: usize) -> Box<[T]> {
    match all.len() > mark {
        true => all.split_off(mark).into_boxed_slice(),
        false => Box::default(),
    }
}

/// Names seen lately, so that the many uses of one share it, also those in other texts.
pub(crate) struct Names {
    seen: Vec<Str>,
}

/// The longest name that is remembered.
const MAX_NAME: usize = 64;

impl Default for Names {
    fn default() -> Names {
        Names { seen: vec![Str::default(); 256] }
    }
}

impl Names {
    fn get(&mut self, name: &[u8]) -> Str {
        // What is long is no name.
        if name.len() > MAX_NAME {
            return Str::from(name);
        }
        let sum = name.iter().fold(name.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        let size = self.seen.len().max(1);
        let Some(seen) = self.seen.get_mut(sum % size) else { return Str::from(name) };
        if &**seen != name {
            *seen = Str::from(name);
        }
        seen.clone()
    }
}

/// What is known while parsing one template.
struct Tree {
    variables: Vec<Declared>,
    next_slot: u32,
    slots: u32,
    /// How many `range`s are around.
    ranges: usize,
    /// Where the current action began.
    action: Option<u32>,
}

impl Default for Tree {
    fn default() -> Tree {
        let dollar = Declared { name: Str::from("$"), slot: 0, alive: true };
        Tree { variables: vec![dollar], next_slot: 1, slots: 1, ranges: 0, action: None }
    }
}

struct Declared {
    name: Str,
    slot: u32,
    /// Its pipeline is behind; until then the name means an outer variable.
    alive: bool,
}

impl Tree {
    /// The slot a name stands for now; nothing if it was never mentioned.
    fn slot(&self, name: &[u8]) -> Option<u32> {
        let mentioned = || self.variables.iter().rev().filter(|variable| &*variable.name == name);
        let alive = mentioned().find(|variable| variable.alive && variable.slot != NO_SLOT);
        alive.map(|variable| variable.slot).or_else(|| mentioned().next().map(|_| NO_SLOT))
    }

    /// A new variable, not alive yet.
    fn declare(&mut self, name: &Str) -> u32 {
        let slot = self.next_slot;
        self.next_slot += 1;
        self.slots = self.slots.max(self.next_slot);
        self.variables.push(Declared { name: name.clone(), slot, alive: false });
        slot
    }

    /// What to [`Tree::leave`] with.
    fn enter(&self) -> (usize, u32) {
        (self.variables.len(), self.next_slot)
    }

    /// Forgets the variables of a block.
    fn leave(&mut self, (variables, next_slot): (usize, u32)) {
        self.variables.truncate(variables);
        self.next_slot = next_slot;
    }
}

impl<'s> Parser<'s> {
    #[inline]
    fn next(&mut self) -> Token {
        match self.pushed.pop() {
            Some(token) => token,
            None => self.fresh(),
        }
    }

    fn fresh(&mut self) -> Token {
        let token = self.lexer.next();
        self.latest = token.start;
        token
    }

    fn back(&mut self, token: Token) {
        self.pushed.push(token);
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.back(token);
        token
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.back(token);
        token
    }

    fn is_keyword(&self, token: Token, word: &[u8]) -> bool {
        token.kind == Kind::Keyword && self.lexer.bytes(token) == word
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        match token.kind == kind {
            true => Ok(token),
            false => Err(self.unexpected(token, context)),
        }
    }

    fn error(&self, message: impl Into<String>) -> Box<TemplateError> {
        let (line, _) = self.source.line_column(self.latest);
        Box::new(TemplateError::syntax(&self.source.name.to_text(), line, message))
    }

    fn unexpected(&self, token: Token, context: &str) -> Box<TemplateError> {
        let shown = self.lexer.show(token);
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {shown} in {context}"));
        }
        let line = |offset| self.source.line_column(offset).0;
        let started = self.tree.action.map(line).filter(|started| *started != line(token.start));
        match started {
            Some(started) => {
                let word = if self.lexer.error().ends_with(" action") { "" } else { " in action" };
                self.error(format!("{shown}{word} started at {}:{started}", self.source.name))
            }
            None => self.error(shown),
        }
    }

    /// Runs a nested part with enough stack, up to the bound.
    fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let result = super::with_stack(|| part(self));
        self.depth -= 1;
        result
    }

    /// Adds a finished template; an empty one never replaces another.
    fn add(&mut self, template: Template) -> Parsed<()> {
        match self.templates.iter_mut().find(|other| other.name == template.name) {
            None => self.templates.push(template),
            Some(other) if other.is_empty() => *other = template,
            Some(_) if template.is_empty() => {}
            Some(_) => {
                let name = super::format::quote(&template.name);
                return Err(self.error(format!("template: multiple definition of template {name}")));
            }
        }
        Ok(())
    }
}
