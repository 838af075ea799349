//! Arguments against parameters, and the call.

use super::{At, Exec, Run};
use crate::helm::template::ast::{Expr, ExprKind};
use crate::helm::template::func::{FuncSpec, Param};
use crate::helm::template::{FuncError, Reason};
use crate::helm::value::{ListType, MapType, Str, Value};

impl<'e> Exec<'e, '_> {
    /// Calls a function; `node` is where its errors are reported.
    pub(super) fn call(
        &mut self,
        dot: &Value,
        spec: &'static FuncSpec,
        node: At<'e>,
        arguments: &'e [Expr],
        last: Option<Value>,
    ) -> Run<Value> {
        self.step()?;
        self.check_count(spec, arguments.len(), last.is_some())?;
        if spec.lazy {
            return self.first_decisive(dot, spec.name == "or", arguments, last);
        }
        let base = self.arguments.len();
        for (n, expr) in arguments.iter().enumerate() {
            let value = self.argument(dot, param(spec, n), expr)?;
            self.arguments.push(value);
        }
        if let Some(last) = last {
            let value = self.validate(last, param(spec, arguments.len()))?;
            self.arguments.push(value);
        }
        let arguments = self.arguments.get(base..).unwrap_or_default();
        let limit = self.ctx.env.limits.values;
        let result = match spec.deep && arguments.iter().any(|value| value.exceeds(limit)) {
            true => Err(FuncError::Limit(format!("a value contains more than {limit} values, the bound of a render"))),
            false => (spec.run)(self.ctx, arguments),
        };
        self.arguments.truncate(base);
        let value = self.called(node, spec.name, result)?;
        self.charge(weight(&value))?;
        Ok(value)
    }

    /// The result of a call, or its error at the node of the call.
    pub(super) fn called(&mut self, node: At<'e>, name: &str, result: Result<Value, FuncError>) -> Run<Value> {
        result.map_err(|error| {
            self.at = node;
            self.fail(match error {
                FuncError::Arguments(text) => Reason::Exec(text),
                error => Reason::Call { function: name.to_string(), error },
            })
        })
    }

    fn check_count(&self, spec: &FuncSpec, given: usize, piped: bool) -> Run<()> {
        let got = given + usize::from(piped);
        let want = spec.params.len();
        let name = spec.name;
        match spec.rest {
            Some(_) if got < want => {
                Err(self.error(format!("wrong number of args for {name}: want at least {want} got {given}")))
            }
            None if got != want => Err(self.error(format!("wrong number of args for {name}: want {want} got {got}"))),
            _ => Ok(()),
        }
    }

    /// `and`, `or`: the first argument that decides, or the last one.
    fn first_decisive(
        &mut self,
        dot: &Value,
        decisive: bool,
        arguments: &'e [Expr],
        last: Option<Value>,
    ) -> Run<Value> {
        let mut value = Value::Missing;
        for expr in arguments {
            value = self.argument(dot, Some(Param::Reflect), expr)?;
            if value.is_true() == decisive {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// The arguments of a method; without parameters, it checks them itself.
    pub(super) fn evaluate(
        &mut self,
        dot: &Value,
        name: &Str,
        params: Option<&'static [Param]>,
        arguments: &'e [Expr],
        last: Option<Value>,
    ) -> Run<Vec<Value>> {
        let got = arguments.len() + usize::from(last.is_some());
        if let Some(want) = params.map(<[Param]>::len).filter(|want| *want != got) {
            return Err(self.error(format!("wrong number of args for {name}: want {want} got {got}")));
        }
        let param = |n: usize| params.and_then(|params| params.get(n)).copied().or(Some(Param::Any));
        let mut values = Vec::with_capacity(got);
        for (n, expr) in arguments.iter().enumerate() {
            values.push(self.argument(dot, param(n), expr)?);
        }
        if let Some(last) = last {
            values.push(self.validate(last, param(arguments.len()))?);
        }
        Ok(values)
    }

    /// An operand as an argument; without a parameter, as the receiver of fields.
    pub(super) fn argument(&mut self, dot: &Value, param: Option<Param>, expr: &'e Expr) -> Run<Value> {
        self.at = At::Expr(expr);
        let value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil => return self.explicit_nil(param),
            ExprKind::Field(_) | ExprKind::Variable(..) | ExprKind::Chain(..) => self.fields(dot, expr, &[], None)?,
            ExprKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            ExprKind::Function(spec) => self.call(dot, spec, At::Expr(expr), &[], None)?,
            ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String { .. } => return self.literal(param, expr),
        };
        self.validate(value, param)
    }

    fn explicit_nil(&self, param: Option<Param>) -> Run<Value> {
        match param {
            Some(Param::Reflect) | None => Ok(Value::Missing),
            Some(param) if param.takes_nil() => Ok(Value::Nil),
            Some(param) => Err(self.error(format!("cannot assign nil to {}", param.name()))),
        }
    }

    /// A constant takes the type of the parameter, if it can.
    fn literal(&mut self, param: Option<Param>, expr: &'e Expr) -> Run<Value> {
        let param = param.unwrap_or(Param::Any);
        let (value, wanted) = match (param, &expr.kind) {
            (Param::Any | Param::Reflect, ExprKind::Bool(b)) | (Param::Bool, ExprKind::Bool(b)) => {
                return Ok(Value::Bool(*b));
            }
            (Param::Any | Param::Reflect | Param::String, ExprKind::String { text, .. }) => {
                return Ok(Value::Str(text.clone()));
            }
            (Param::Any | Param::Reflect, ExprKind::Number(number)) => return self.ideal(expr, number),
            (Param::Int, ExprKind::Number(number)) => (number.int.map(Value::Int), "integer"),
            (Param::Int64, ExprKind::Number(number)) => (number.int.map(Value::Int64), "integer"),
            (Param::Float64, ExprKind::Number(number)) => (number.float.map(Value::Float), "float"),
            (Param::Bool, _) => (None, "bool"),
            (Param::Int | Param::Int64, _) => (None, "integer"),
            (Param::Float64, _) => (None, "float"),
            (Param::String, _) => (None, "string"),
            (param, _) => {
                let shown = expr.show(&self.template.source);
                return Err(self.error(format!("can't handle {shown} for arg of type {}", param.name())));
            }
        };
        value.ok_or_else(|| {
            let shown = expr.show(&self.template.source);
            self.error(format!("expected {wanted}; found {shown}"))
        })
    }

    /// A value as the type of a parameter.
    fn validate(&self, value: Value, param: Option<Param>) -> Run<Value> {
        let Some(param) = param else { return Ok(if value.is_nil() { Value::Missing } else { value }) };
        match (param, value) {
            (Param::Reflect, value) => Ok(value),
            (Param::Any, Value::Missing) => Ok(Value::Nil),
            (Param::Any, value) => Ok(value),
            (param, Value::Missing) if param.takes_nil() => Ok(Value::Nil),
            (param, Value::Missing) => Err(self.error(format!("invalid value; expected {}", param.name()))),
            // Go passes a named map type as the plain one.
            (Param::Map, Value::Map(map)) if map.map_type() == MapType::Values => {
                Ok(Value::Map(map.as_type(MapType::Any)))
            }
            (param, value) if assignable(param, &value) => Ok(value),
            (param, value) => {
                let got = if value.is_nil() { "interface {}" } else { value.type_name() };
                Err(self.error(format!("wrong type for value; expected {}; got {got}", param.name())))
            }
        }
    }
}

/// The bytes that a result takes, without what it contains.
fn weight(value: &Value) -> usize {
    match value {
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
        _ => 0,
    }
}

/// The parameter of the nth argument.
fn param(spec: &FuncSpec, n: usize) -> Option<Param> {
    spec.params.get(n).copied().or(spec.rest)
}

fn assignable(param: Param, value: &Value) -> bool {
    match (param, value) {
        (Param::Any | Param::Reflect, _)
        | (Param::Bool, Value::Bool(_))
        | (Param::Int, Value::Int(_))
        | (Param::Int64, Value::Int64(_))
        | (Param::Float64, Value::Float(_))
        | (Param::String, Value::Str(_))
        | (Param::Bytes, Value::Bytes(_)) => true,
        (Param::Map, Value::Map(map)) => map.map_type() != MapType::Strings,
        (Param::List, Value::List(list)) => list.list_type() == ListType::Any,
        (Param::Strings, Value::List(list)) => list.list_type() == ListType::Strings,
        // A pointer is dereferenced once, if need be.
        (Param::Object(name) | Param::Pointer(name), Value::Object(object)) => {
            object.type_name() == name || object.type_name().strip_prefix('*') == Some(name)
        }
        _ => false,
    }
}
