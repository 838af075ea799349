//! Bodies: text, actions, branches, loops.

use super::{At, Exec, Run, run};
use crate::helm::template::Reason;
use crate::helm::template::ast::{Action, Branch, Invocation, Node};
use crate::helm::template::format::{NO_VALUE, print_value};
use crate::helm::value::{Map, Value};

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// At its end.
    Next,
    /// At a `break`.
    Break,
    /// At a `continue`.
    Continue,
}

impl<'e> Exec<'e, '_> {
    pub(super) fn walk(&mut self, dot: &Value, nodes: &'e [Node]) -> Run<Flow> {
        for node in nodes {
            self.step()?;
            let flow = match node {
                Node::Text(piece) => {
                    let text = self.template.source.get(*piece);
                    self.out.extend_from_slice(text);
                    self.charge(text.len())?;
                    Flow::Next
                }
                Node::Literal(text) => {
                    self.out.extend_from_slice(text);
                    self.charge(text.len())?;
                    Flow::Next
                }
                Node::Action(action) => self.action(dot, action)?,
                Node::If(branch) => self.if_or_with(dot, branch, false)?,
                Node::With(branch) => self.if_or_with(dot, branch, true)?,
                Node::Range(branch) => self.range(dot, branch)?,
                Node::Template(invocation) => self.invoke(dot, invocation)?,
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn action(&mut self, dot: &Value, action: &'e Action) -> Run<Flow> {
        self.at = At::Action(action);
        let value = self.pipeline(dot, &action.pipe)?;
        if action.pipe.variables.is_empty() {
            self.at = At::Action(action);
            let before = self.out.len();
            match value {
                Value::Missing => self.out.extend_from_slice(NO_VALUE),
                value => print_value(self.out, &value),
            }
            self.charge(self.out.len() - before)?;
        }
        Ok(Flow::Next)
    }

    fn if_or_with(&mut self, dot: &Value, branch: &'e Branch, with: bool) -> Run<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        match value.is_true() {
            true => self.walk(if with { &value } else { dot }, &branch.body),
            false => self.walk(dot, &branch.otherwise),
        }
    }

    fn range(&mut self, dot: &Value, branch: &'e Branch) -> Run<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        let ran = match &value {
            Value::List(list) => self.each(branch, list.iter().cloned().enumerate().map(numbered))?,
            Value::Bytes(bytes) => {
                let bytes = bytes.iter().map(|byte| Value::Uint64(u64::from(*byte)));
                self.each(branch, bytes.enumerate().map(numbered))?
            }
            Value::Map(map) => self.each(branch, entries(map))?,
            Value::Int(n) => self.each_number(branch, *n, Value::Int, &value)?,
            Value::Int64(n) => self.each_number(branch, *n, Value::Int64, &value)?,
            Value::Uint64(n) => {
                let end = i64::try_from(*n).unwrap_or(i64::MAX);
                self.each_number(branch, end, |n| Value::Uint64(n.unsigned_abs()), &value)?
            }
            Value::Missing | Value::Nil => false,
            Value::Object(object) => match object.range() {
                Some(items) => self.each(branch, items.into_iter())?,
                None => return Err(self.cannot_range(&value)),
            },
            Value::Bool(_) | Value::Float(_) | Value::Str(_) => return Err(self.cannot_range(&value)),
        };
        match ran {
            true => Ok(Flow::Next),
            false => self.walk(dot, &branch.otherwise),
        }
    }

    fn cannot_range(&self, value: &Value) -> Box<crate::helm::template::TemplateError> {
        let mut text = Vec::new();
        print_value(&mut text, value);
        self.error(format!("range can't iterate over {}", String::from_utf8_lossy(&text)))
    }

    fn each_number(&mut self, branch: &'e Branch, end: i64, make: fn(i64) -> Value, value: &Value) -> Run<bool> {
        if branch.pipe.variables.len() > 1 {
            let mut text = Vec::new();
            print_value(&mut text, value);
            let text = String::from_utf8_lossy(&text);
            return Err(self.error(format!("can't use {text} to iterate over more than one variable")));
        }
        self.each(branch, (0..end).map(|n| (make(n), make(n))))
    }

    /// Runs the body for each pair of key and element; whether there was one.
    fn each(&mut self, branch: &'e Branch, items: impl Iterator<Item = (Value, Value)>) -> Run<bool> {
        let mut ran = false;
        for (key, element) in items {
            ran = true;
            self.step()?;
            match &*branch.pipe.variables {
                [] => {}
                [only] => self.set(only, element.clone())?,
                [first, second, ..] => {
                    self.set(first, key)?;
                    self.set(second, element.clone())?;
                }
            }
            if self.walk(&element, &branch.body)? == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    fn invoke(&mut self, dot: &Value, invocation: &'e Invocation) -> Run<Flow> {
        self.at = At::Invocation(invocation);
        let Some(template) = self.ctx.scope.get(&invocation.name).cloned() else {
            let name = crate::helm::template::format::quote(&invocation.name);
            return Err(self.error(format!("template {name} not defined")));
        };
        let data = match &invocation.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Missing,
        };
        match run(self.ctx, &template, data, self.out) {
            Ok(()) => Ok(Flow::Next),
            Err(inner) => {
                self.at = At::Invocation(invocation);
                Err(self.fail(Reason::Inner(inner)))
            }
        }
    }
}

fn numbered((index, element): (usize, Value)) -> (Value, Value) {
    (Value::Int(i64::try_from(index).unwrap_or(i64::MAX)), element)
}

fn entries(map: &Map) -> impl Iterator<Item = (Value, Value)> + use<> {
    map.entries().into_iter().map(|(key, value)| (Value::Str(key), value))
}
