//! Inside an action: pipelines, commands, operands.

use super::lexer::{Kind, Token};
use super::{Parsed, Parser};
use crate::helm::template::ast::{Command, Expr, ExprKind, Pipe, Variable};
use crate::helm::template::format::quote;
use crate::helm::value::Str;

impl Parser<'_> {
    /// `declarations? command ('|' command)*`, up to the closing token.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().start;
        let declared = self.tree.variables.len();
        let (assign, variables) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
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
                    self.back(token);
                    commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
        self.check(&commands, context)?;
        for variable in self.tree.variables.iter_mut().skip(declared) {
            variable.alive = true;
        }
        Ok(Pipe { pos, assign, variables, commands })
    }

    /// `$x :=`, `$x =`, and in a `range` `$k, $v :=`. Whether they assign, and the variables.
    fn declarations(&mut self, context: &str) -> Parsed<(bool, Vec<Variable>)> {
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
        let mut variables = Vec::with_capacity(found.len());
        for token in found {
            variables.push(self.declaration(token, assign));
        }
        Ok((assign, variables))
    }

    fn declaration(&mut self, token: Token, assign: bool) -> Variable {
        let name = self.names.get(self.lexer.bytes(token));
        let slot = match assign {
            false => self.tree.declare(&name),
            true => self.tree.slot(&name).unwrap_or(super::NO_SLOT),
        };
        if slot == super::NO_SLOT {
            self.tree.variables.push(super::Declared { name: name.clone(), slot, alive: true });
        }
        Variable { name, slot }
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

    /// `operand (space operand)*`, with the pipe character after it, if there is one.
    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().start;
        let mut words = Vec::new();
        loop {
            self.peek_non_space();
            words.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(token),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(token, "operand")),
            }
            break;
        }
        match words.is_empty() {
            true => Err(self.error("empty command")),
            false => Ok(Command { pos, words }),
        }
    }

    /// `term .field*`; nothing if the next token begins no operand.
    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let pos = self.peek().start;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            fields.push(self.field_name(token));
        }
        if fields.is_empty() {
            return Ok(Some(term));
        }
        let kind = match term.kind {
            ExprKind::Field(mut names) => {
                names.append(&mut fields);
                ExprKind::Field(names)
            }
            ExprKind::Variable(variable, mut names) => {
                names.append(&mut fields);
                ExprKind::Variable(variable, names)
            }
            ExprKind::Bool(_) | ExprKind::String { .. } | ExprKind::Number(_) | ExprKind::Nil | ExprKind::Dot => {
                let shown = quote(term.show(self.source).as_bytes());
                return Err(self.error(format!("unexpected . after term {shown}")));
            }
            ExprKind::Chain(..) | ExprKind::Pipe(_) | ExprKind::Function(_) => ExprKind::Chain(Box::new(term), fields),
        };
        Ok(Some(Expr { pos, kind }))
    }

    /// The name of a field, without its dot.
    fn field_name(&mut self, token: Token) -> Str {
        let name = self.lexer.bytes(token).get(1..).unwrap_or_default();
        self.names.get(name)
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let bytes = self.lexer.bytes(token);
        let kind = match token.kind {
            Kind::Identifier => self.function(bytes)?,
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable => self.variable(bytes)?,
            Kind::Field => ExprKind::Field(vec![self.field_name(token)]),
            Kind::Bool => ExprKind::Bool(bytes == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = super::number::number(token, bytes).map_err(|message| self.error(message))?;
                ExprKind::Number(Box::new(number))
            }
            Kind::LeftParen => {
                let pipe = self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                return Ok(Some(Expr { pos: pipe.pos, kind: ExprKind::Pipe(Box::new(pipe)) }));
            }
            Kind::String | Kind::RawString => {
                ExprKind::String { quoted: token.start..token.end, text: self.unquoted(token)? }
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: token.start, kind }))
    }

    fn function(&self, name: &[u8]) -> Parsed<ExprKind> {
        let spec = std::str::from_utf8(name).ok().and_then(|name| self.registry.lookup(name));
        match spec {
            Some(spec) => Ok(ExprKind::Function(spec)),
            None => Err(self.error(format!("function {} not defined", quote(name)))),
        }
    }

    fn variable(&mut self, name: &[u8]) -> Parsed<ExprKind> {
        match self.tree.slot(name) {
            Some(slot) => Ok(ExprKind::Variable(Variable { name: self.names.get(name), slot }, Vec::new())),
            None => Err(self.error(format!("undefined variable {}", quote(name)))),
        }
    }
}
