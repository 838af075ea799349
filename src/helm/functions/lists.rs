//! Lists. None of these functions changes a list; each makes a new one.

use super::args::is_empty;
use super::args::{Outcome, any, int, items, nil_pointer, slice, to_int};
use super::defaults::{DEPTH, deep_equal};
use crate::helm::template::Param::{Any, Int};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{List, ListType, Value};

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::variadic("list", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    FuncSpec::variadic("tuple", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    FuncSpec::fixed("append", &[Any, Any], append),
    FuncSpec::fixed("mustAppend", &[Any, Any], append),
    FuncSpec::fixed("push", &[Any, Any], append),
    FuncSpec::fixed("mustPush", &[Any, Any], append),
    FuncSpec::fixed("prepend", &[Any, Any], prepend),
    FuncSpec::fixed("mustPrepend", &[Any, Any], prepend),
    FuncSpec::fixed("first", &[Any], first),
    FuncSpec::fixed("mustFirst", &[Any], first),
    FuncSpec::fixed("last", &[Any], last),
    FuncSpec::fixed("mustLast", &[Any], last),
    FuncSpec::fixed("rest", &[Any], rest),
    FuncSpec::fixed("mustRest", &[Any], rest),
    FuncSpec::fixed("initial", &[Any], initial),
    FuncSpec::fixed("mustInitial", &[Any], initial),
    FuncSpec::fixed("reverse", &[Any], reverse),
    FuncSpec::fixed("mustReverse", &[Any], reverse),
    FuncSpec::fixed("compact", &[Any], compact),
    FuncSpec::fixed("mustCompact", &[Any], compact),
    FuncSpec::fixed("uniq", &[Any], uniq).deep(),
    FuncSpec::fixed("mustUniq", &[Any], uniq).deep(),
    FuncSpec::variadic("without", &[Any], Any, without).deep(),
    FuncSpec::variadic("mustWithout", &[Any], Any, without).deep(),
    FuncSpec::fixed("has", &[Any, Any], has).deep(),
    FuncSpec::fixed("mustHas", &[Any, Any], has).deep(),
    // Go's own `slice` takes strings too, but Helm's templates get sprig's.
    FuncSpec::variadic("slice", &[Any], Any, cut),
    FuncSpec::variadic("mustSlice", &[Any], Any, cut),
    FuncSpec::variadic("concat", &[], Any, concat),
    FuncSpec::fixed("chunk", &[Int, Any], chunk),
    FuncSpec::fixed("mustChunk", &[Int, Any], chunk),
];

fn append(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut items = slice(&any(args, 0), "Cannot push on type")?;
    items.push(any(args, 1));
    Ok(Value::list(items))
}

fn prepend(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut items = slice(&any(args, 0), "Cannot prepend on type")?;
    items.insert(0, any(args, 1));
    Ok(Value::list(items))
}

fn first(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    Ok(slice(&any(args, 0), "Cannot find first on type")?.into_iter().next().unwrap_or(Value::Nil))
}

fn last(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    Ok(slice(&any(args, 0), "Cannot find last on type")?.pop().unwrap_or(Value::Nil))
}

fn rest(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let items = slice(&any(args, 0), "Cannot find rest on type")?;
    Ok(Value::list(items.into_iter().skip(1).collect()))
}

fn initial(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut items = slice(&any(args, 0), "Cannot find initial on type")?;
    items.pop();
    Ok(Value::list(items))
}

fn reverse(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut items = slice(&any(args, 0), "Cannot find reverse on type")?;
    items.reverse();
    Ok(Value::list(items))
}

fn compact(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let items = slice(&any(args, 0), "Cannot compact on type")?;
    Ok(Value::list(items.into_iter().filter(|v| !is_empty(v)).collect()))
}

fn contains(items: &[Value], item: &Value) -> bool {
    items.iter().any(|other| deep_equal(item, other, DEPTH))
}

fn uniq(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut out: Vec<Value> = Vec::new();
    for item in slice(&any(args, 0), "Cannot find uniq on type")? {
        if !contains(&out, &item) {
            out.push(item);
        }
    }
    Ok(Value::list(out))
}

fn without(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let left_out = args.get(1..).unwrap_or_default();
    let items = slice(&any(args, 0), "Cannot find without on type")?;
    Ok(Value::list(items.into_iter().filter(|item| !contains(left_out, item)).collect()))
}

fn has(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let haystack = any(args, 1);
    if haystack.is_nil() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(contains(&slice(&haystack, "Cannot find has on type")?, &any(args, 0))))
}

fn cut(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0);
    let items = slice(&value, "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(items.len() as i64, to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(from, to)| items.get(from..to)) {
        Some(part) => Ok(same_type(&value, part.to_vec())),
        None => Err(FuncError::from("reflect.Value.Slice: slice index out of bounds")),
    }
}

fn same_type(value: &Value, items: Vec<Value>) -> Value {
    match value {
        Value::List(list) => Value::List(List::typed(list.list_type(), items)),
        _ => Value::Bytes(items.iter().map(|b| to_int(b) as u8).collect::<Vec<_>>().into()),
    }
}

fn concat(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut out = Vec::new();
    for list in args {
        if list.is_nil() {
            return Err(nil_pointer());
        }
        match items(list) {
            Some(items) => out.extend(items),
            None => return Err(FuncError::Message(format!("Cannot concat type {} as list", list.kind().name()))),
        }
    }
    Ok(Value::list(out))
}

fn chunk(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let items = slice(&any(args, 1), "Cannot chunk type")?;
    let size = usize::try_from(int(args, 0)).ok().filter(|n| *n > 0);
    let size = size.ok_or_else(|| FuncError::from("runtime error: makeslice: len out of range"))?;
    let lists = items.chunks(size).map(|part| Value::list(part.to_vec())).collect();
    Ok(Value::List(List::typed(ListType::Lists, lists)))
}
