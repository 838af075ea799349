//! Pipelines, commands, fields.

use super::{At, Exec, Run};
use crate::helm::template::TemplateError;
use crate::helm::template::ast::{Command, Expr, ExprKind, Number, Pipe, Variable};
use crate::helm::template::format::quote;
use crate::helm::template::show::written;
use crate::helm::value::{Map, MapType, Member, Str, Value};

/// How the last field of a chain is used: it may be a method.
struct End<'e> {
    /// The whole operand.
    expr: &'e Expr,
    /// The words after it.
    arguments: &'e [Expr],
    /// The value of the command before it in the pipeline.
    last: Option<Value>,
}

impl<'e> Exec<'e, '_> {
    /// The value of a pipeline, which its variables get too. A nil becomes the missing value: that is what makes
    /// parentheses nil-safe.
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'e Pipe) -> Run<Value> {
        self.at = At::Pipe(pipe);
        let mut last = None;
        for command in pipe.commands.iter() {
            last = Some(match self.command(dot, command, last)? {
                Value::Nil => Value::Missing,
                value => value,
            });
        }
        let value = last.unwrap_or(Value::Missing);
        for variable in pipe.variables.iter() {
            self.set(variable, value.clone())?;
        }
        Ok(value)
    }

    pub(super) fn set(&mut self, variable: &Variable, value: Value) -> Run<()> {
        match self.variables.get_mut(variable.slot as usize) {
            Some(slot) => {
                *slot = value;
                Ok(())
            }
            None => Err(self.undefined(variable)),
        }
    }

    fn get(&self, variable: &Variable) -> Run<Value> {
        let value = self.variables.get(variable.slot as usize).cloned();
        value.ok_or_else(|| self.undefined(variable))
    }

    fn undefined(&self, variable: &Variable) -> Box<TemplateError> {
        self.error(format!("undefined variable: {}", written(&self.template.source, variable.name)))
    }

    /// A command; `last` is the value of the one before it in the pipeline.
    fn command(&mut self, dot: &Value, command: &'e Command, last: Option<Value>) -> Run<Value> {
        let Some((first, arguments)) = command.words.split_first() else { return Ok(Value::Missing) };
        match &first.kind {
            ExprKind::Function(spec) => {
                self.at = At::Expr(first);
                return self.call(dot, spec, At::Command(command), arguments, last);
            }
            ExprKind::Pipe(pipe) => {
                self.no_arguments(first, arguments, &last)?;
                return self.pipeline(dot, pipe);
            }
            ExprKind::Field(_) | ExprKind::Variable(..) | ExprKind::Chain(..) => {
                return self.fields(dot, first, arguments, last);
            }
            _ => {}
        }
        self.at = At::Expr(first);
        self.no_arguments(first, arguments, &last)?;
        match &first.kind {
            ExprKind::Dot => Ok(dot.clone()),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Number(number) => self.ideal(first, number),
            ExprKind::String { text, .. } => Ok(Value::Str(text.clone())),
            _ => Err(self.error("nil is not a command")),
        }
    }

    fn no_arguments(&self, first: &Expr, arguments: &[Expr], last: &Option<Value>) -> Run<()> {
        match arguments.is_empty() && last.is_none() {
            true => Ok(()),
            false => {
                let shown = first.show(&self.template.source);
                Err(self.error(format!("can't give argument to non-function {shown}")))
            }
        }
    }

    /// A number where no type is asked for.
    pub(super) fn ideal(&mut self, expr: &'e Expr, number: &Number) -> Run<Value> {
        self.at = At::Expr(expr);
        number.ideal.clone().ok_or_else(|| {
            let shown = expr.show(&self.template.source);
            self.error(format!("{shown} overflows int"))
        })
    }

    /// `.a.b`, `$x.a.b`, `(…).a.b`: the last one may be a method with arguments.
    pub(super) fn fields(
        &mut self,
        dot: &Value,
        expr: &'e Expr,
        arguments: &'e [Expr],
        last: Option<Value>,
    ) -> Run<Value> {
        self.at = At::Expr(expr);
        let end = End { expr, arguments, last };
        match &expr.kind {
            ExprKind::Field(names) => self.chain(dot, dot.clone(), names, end),
            ExprKind::Variable(variable, names) => {
                let value = self.get(variable)?;
                if names.is_empty() {
                    self.no_arguments(expr, arguments, &end.last)?;
                    return Ok(value);
                }
                self.chain(dot, value, names, end)
            }
            ExprKind::Chain(inner, names) => {
                if matches!(inner.kind, ExprKind::Nil) {
                    let shown = expr.show(&self.template.source);
                    return Err(self.error(format!("indirection through explicit nil in {shown}")));
                }
                let value = self.argument(dot, None, inner)?;
                self.chain(dot, value, names, end)
            }
            _ => Ok(Value::Missing),
        }
    }

    fn chain(&mut self, dot: &Value, mut receiver: Value, names: &'e [Str], end: End<'e>) -> Run<Value> {
        let Some((last_name, path)) = names.split_last() else { return Ok(receiver) };
        // What comes out of a map is an interface to Go, and its messages say so.
        let mut inside = false;
        for name in path {
            let plain = End { expr: end.expr, arguments: &[], last: None };
            receiver = self.field(dot, &receiver, name, plain, inside)?;
            inside = true;
        }
        self.field(dot, &receiver, last_name, end, inside)
    }

    fn field(&mut self, dot: &Value, receiver: &Value, name: &Str, end: End<'e>, inside: bool) -> Run<Value> {
        let called = !end.arguments.is_empty() || end.last.is_some();
        match receiver {
            Value::Map(map) => {
                if map.map_type() == MapType::Values && super::methods::is_method(name) {
                    let params = super::methods::params(name);
                    let values = self.evaluate(dot, name, Some(params), end.arguments, end.last)?;
                    return self.values_method(map, name, &values, end.expr);
                }
                if called {
                    return Err(self.error(format!("{name} is not a method but has arguments")));
                }
                self.entry(map, name)
            }
            Value::Missing => match self.ctx.env.strict {
                true => Err(self.error(format!("nil data; no entry for key {}", quote(name)))),
                false => Ok(Value::Missing),
            },
            Value::Nil => Err(self.error(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Object(object) => match object.member(&name.to_text()) {
                Member::Field(_) if called => {
                    Err(self.error(format!("{name} has arguments but cannot be invoked as function")))
                }
                Member::Field(value) => Ok(value),
                Member::Method => {
                    let params = object.params(&name.to_text());
                    let values = self.evaluate(dot, name, params, end.arguments, end.last)?;
                    let result = object.call(&name.to_text(), &values);
                    self.called(At::Expr(end.expr), &name.to_text(), result)
                }
                Member::None => Err(self.no_field(receiver, name, inside)),
            },
            _ => Err(self.no_field(receiver, name, inside)),
        }
    }

    fn entry(&self, map: &Map, name: &Str) -> Run<Value> {
        match map.get(name) {
            Some(value) => Ok(value),
            None if self.ctx.env.strict => Err(self.error(format!("map has no entry for key {}", quote(name)))),
            None if map.map_type() == MapType::Strings => Ok(Value::str("")),
            None => Ok(Value::Nil),
        }
    }

    fn no_field(&self, receiver: &Value, name: &Str, inside: bool) -> Box<TemplateError> {
        let go_type = if inside { "interface {}" } else { receiver.type_name() };
        self.error(format!("can't evaluate field {name} in type {go_type}"))
    }
}
