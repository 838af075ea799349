//! Inside an action: pipelines, commands, operands.

use super::lexer::{Kind, Token};
use super::{Parsed, Parser, behind};
use crate::helm::template::ast::{Command, Expr, ExprKind, Pipe, Variable};
use crate::helm::template::format::quote;
use crate::helm::value::Str;

impl Parser<'_> {
    /// `declarations? command ('|' command)*`, up to the closing token.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let first = self.next_non_space();
        self.pipeline_at(first, context, end)
    }

    /// The same, where its first token was taken.
    pub(super) fn pipeline_at(&mut self, first: Token, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = first.start;
        let declared = self.tree.variables.len();
        let (mut token, assign, variables) = match first.kind {
            Kind::Variable => {
                self.back(first);
                let (assign, variables) = self.declarations(context)?;
                (self.next_non_space(), assign, variables)
            }
            _ => (first, false, Box::default()),
        };
        let mark = self.commands.len();
        while token.kind != end {
            match token.kind {
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    let command = self.command(token)?;
                    self.commands.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
            token = self.next_non_space();
        }
        let commands = behind(&mut self.commands, mark);
        self.check(&commands, context)?;
        for variable in self.tree.variables.iter_mut().skip(declared) {
            variable.alive = true;
        }
        Ok(Pipe { pos, assign, variables, commands })
    }

    /// `$x :=`, `$x =`, and in a `range` `$k, $v :=`. Whether they assign, and the variables.
    fn declarations(&mut self, context: &str) -> Parsed<(bool, Box<[Variable]>)> {
        let mut found = Vec::new();
        let mut assign = false;
        loop {
            let token = self.peek_non_space();
            if token.kind != Kind::Variable {
                break;
            }
            self.next_non_space();
            let after = self.peek();
            let sign = self.next_non_space();
            if matches!(sign.kind, Kind::Assign | Kind::Declare) {
                assign = sign.kind == Kind::Assign;
                found.push(token);
                break;
            }
            if sign.kind == Kind::Char && self.lexer.bytes(sign) == b"," {
                found.push(token);
                let kind = self.peek_non_space().kind;
                match (context, found.len(), kind) {
                    ("range", 1, Kind::Variable | Kind::RightDelim | Kind::RightParen) => continue,
                    ("range", 1, _) => return Err(self.error("range can only initialize variables")),
                    _ => return Err(self.error(format!("too many declarations in {context}"))),
                }
            }
            // Not a declaration: the variable is the first word of a command.
            self.back(sign);
            if after.kind == Kind::Space {
                self.back(after);
            }
            self.back(token);
            break;
        }
        Ok((assign, found.into_iter().map(|token| self.declaration(token, assign)).collect()))
    }

    fn declaration(&mut self, token: Token, assign: bool) -> Variable {
        let name = self.names.get(self.lexer.bytes(token));
        let slot = match assign {
            false => self.tree.declare(&name),
            true => self.tree.slot(&name).unwrap_or(super::NO_SLOT),
        };
        if slot == super::NO_SLOT {
            self.tree.variables.push(super::Declared { name, slot, alive: true });
        }
        Variable { name: token.piece(), slot }
    }

    /// Only the first command may be a plain value.
    fn check(&self, commands: &[Command], context: &str) -> Parsed<()> {
        if commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (n, command) in commands.iter().enumerate().skip(1) {
            use ExprKind::{Bool, Dot, Nil, Number, String};
            let first = command.words.first().map(|word| &word.kind);
            if matches!(first, Some(Bool(_) | Dot | Nil | Number(_) | String { .. })) {
                return Err(self.error(format!("non executable command in pipeline stage {}", n + 1)));
            }
        }
        Ok(())
    }

    /// `operand (space operand)*`, with the pipe character after it, if there is one; its first token was taken.
    fn command(&mut self, first: Token) -> Parsed<Command> {
        let mark = self.words.len();
        let mut next = first;
        loop {
            if let Some(operand) = self.operand(next)? {
                self.words.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => next = self.next_non_space(),
                Kind::RightDelim | Kind::RightParen => {
                    self.back(token);
                    break;
                }
                Kind::Pipe => break,
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        let words = behind(&mut self.words, mark);
        match words.is_empty() {
            true => Err(self.error("empty command")),
            false => Ok(Command { pos: first.start, words }),
        }
    }

    /// `term .field*`; nothing, and the token put back, if it begins no operand.
    fn operand(&mut self, first: Token) -> Parsed<Option<Expr>> {
        let mark = self.fields.len();
        let term = match first.kind {
            Kind::Field => None,
            _ => match self.term(first)? {
                Some(term) => Some(term),
                None => return Ok(None),
            },
        };
        let mut token = if term.is_none() { first } else { self.next() };
        let pos = token.start;
        while token.kind == Kind::Field {
            let name = self.field_name(token);
            self.fields.push(name);
            token = self.next();
        }
        self.back(token);
        let fields = behind(&mut self.fields, mark);
        let Some(term) = term else {
            // The place of several is that of the second: where the fields after a term begin.
            let pos = if fields.len() > 1 { first.end } else { first.start };
            return Ok(Some(Expr { pos, kind: ExprKind::Field(fields) }));
        };
        if fields.is_empty() {
            return Ok(Some(term));
        }
        let kind = match term.kind {
            ExprKind::Variable(variable, _) => ExprKind::Variable(variable, fields),
            ExprKind::Bool(_) | ExprKind::String { .. } | ExprKind::Number(_) | ExprKind::Nil | ExprKind::Dot => {
                let shown = quote(term.show(&self.source).as_bytes());
                return Err(self.error(format!("unexpected . after term {shown}")));
            }
            ExprKind::Field(_) | ExprKind::Chain(..) | ExprKind::Pipe(_) | ExprKind::Function(_) => {
                ExprKind::Chain(Box::new(term), fields)
            }
        };
        Ok(Some(Expr { pos, kind }))
    }

    /// The name of a field, without its dot.
    fn field_name(&mut self, token: Token) -> Str {
        let name = self.lexer.bytes(token).get(1..).unwrap_or_default();
        self.names.get(name)
    }

    /// An operand without fields.
    fn term(&mut self, token: Token) -> Parsed<Option<Expr>> {
        let bytes = self.lexer.bytes(token);
        let kind = match token.kind {
            Kind::Identifier => self.function(bytes)?,
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable => self.variable(token)?,
            Kind::Bool => ExprKind::Bool(bytes == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = super::number::number(token, bytes).map_err(|message| self.error(message))?;
                ExprKind::Number(Box::new(number))
            }
            Kind::LeftParen => {
                let pipe = self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                return Ok(Some(Expr { pos: pipe.pos, kind: ExprKind::Pipe(Box::new(pipe)) }));
            }
            Kind::String | Kind::RawString => ExprKind::String { quoted: token.piece(), text: self.unquoted(token)? },
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: token.start, kind }))
    }

    fn function(&self, name: &[u8]) -> Parsed<ExprKind> {
        match self.registry.lookup(name) {
            Some(spec) => Ok(ExprKind::Function(spec)),
            None => Err(self.error(format!("function {} not defined", quote(name)))),
        }
    }

    fn variable(&self, token: Token) -> Parsed<ExprKind> {
        let name = self.lexer.bytes(token);
        match self.tree.slot(name) {
            Some(slot) => Ok(ExprKind::Variable(Variable { name: token.piece(), slot }, Box::default())),
            None => Err(self.error(format!("undefined variable {}", quote(name)))),
        }
    }
}
