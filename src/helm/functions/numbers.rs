//! Numbers. What calculates with integers gives `int64`; `int`, `len`, `until` give `int`.

use super::args::{Outcome, any, int, text, to_float, to_int};
use crate::helm::template::Param::{Any, Float64, Int, String};
use crate::helm::template::{Context, FuncError, FuncSpec, format};
use crate::helm::value::{List, ListType, Value};

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("int", &[Any], |_, a| Ok(Value::Int(to_int(&any(a, 0))))),
    FuncSpec::fixed("int64", &[Any], |_, a| Ok(Value::Int64(to_int(&any(a, 0))))),
    FuncSpec::fixed("float64", &[Any], |_, a| Ok(Value::Float(to_float(&any(a, 0))))),
    FuncSpec::fixed("atoi", &[String], |_, a| Ok(Value::Int(atoi(&text(a, 0))))),
    FuncSpec::fixed("toDecimal", &[Any], |_, a| Ok(Value::Int64(octal(&format::to_bytes(&any(a, 0)))))),
    FuncSpec::fixed("add1", &[Any], |_, a| Ok(Value::Int64(to_int(&any(a, 0)).wrapping_add(1)))),
    FuncSpec::variadic("add", &[], Any, |_, a| Ok(fold(a, i64::wrapping_add))),
    FuncSpec::fixed("sub", &[Any, Any], |_, a| Ok(fold(a, i64::wrapping_sub))),
    FuncSpec::variadic("mul", &[Any], Any, |_, a| Ok(fold(a, i64::wrapping_mul))),
    FuncSpec::fixed("div", &[Any, Any], |_, a| divide(a, i64::wrapping_div)),
    FuncSpec::fixed("mod", &[Any, Any], |_, a| divide(a, i64::wrapping_rem)),
    FuncSpec::variadic("max", &[Any], Any, |_, a| Ok(fold(a, i64::max))),
    FuncSpec::variadic("biggest", &[Any], Any, |_, a| Ok(fold(a, i64::max))),
    FuncSpec::variadic("min", &[Any], Any, |_, a| Ok(fold(a, i64::min))),
    FuncSpec::variadic("maxf", &[Any], Any, |_, a| Ok(fold_float(a, f64::max))),
    FuncSpec::variadic("minf", &[Any], Any, |_, a| Ok(fold_float(a, f64::min))),
    FuncSpec::fixed("add1f", &[Any], |_, a| Ok(fold_decimal(&[any(a, 0), Value::Int(1)], |x, y| Some(x.add(&y))))),
    FuncSpec::variadic("addf", &[], Any, |_, a| {
        let all = [&[Value::Float(0.0)], a].concat();
        Ok(fold_decimal(&all, |x, y| Some(x.add(&y))))
    }),
    FuncSpec::variadic("subf", &[Any], Any, |_, a| Ok(fold_decimal(a, |x, y| Some(x.add(&y.negative()))))),
    FuncSpec::variadic("mulf", &[Any], Any, |_, a| Ok(fold_decimal(a, |x, y| x.multiply(&y)))),
    FuncSpec::variadic("divf", &[Any], Any, divf),
    FuncSpec::fixed("ceil", &[Any], |_, a| Ok(Value::Float(to_float(&any(a, 0)).ceil()))),
    FuncSpec::fixed("floor", &[Any], |_, a| Ok(Value::Float(to_float(&any(a, 0)).floor()))),
    FuncSpec::variadic("round", &[Any, Int], Float64, round),
    FuncSpec::fixed("until", &[Int], |c, a| {
        let count = int(a, 0);
        Ok(ints(steps(c, 0, count, if count < 0 { -1 } else { 1 })?))
    }),
    FuncSpec::fixed("untilStep", &[Int, Int, Int], |c, a| Ok(ints(steps(c, int(a, 0), int(a, 1), int(a, 2))?))),
    FuncSpec::variadic("seq", &[], Int, seq),
];

fn atoi(text: &[u8]) -> i64 {
    std::str::from_utf8(text).ok().and_then(|s| s.parse().ok()).unwrap_or(0)
}

fn octal(text: &[u8]) -> i64 {
    std::str::from_utf8(text).ok().and_then(|s| i64::from_str_radix(s, 8).ok()).unwrap_or(0)
}

fn fold(args: &[Value], each: fn(i64, i64) -> i64) -> Value {
    Value::Int64(args.iter().map(to_int).reduce(each).unwrap_or(0))
}

fn fold_float(args: &[Value], each: fn(f64, f64) -> f64) -> Value {
    Value::Float(args.iter().map(to_float).reduce(each).unwrap_or(0.0))
}

fn divide(args: &[Value], each: fn(i64, i64) -> i64) -> Outcome {
    match to_int(&any(args, 1)) {
        0 => Err(FuncError::from("runtime error: integer divide by zero")),
        by => Ok(Value::Int64(each(to_int(&any(args, 0)), by))),
    }
}

fn round(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let on = args.get(2).map_or(0.5, to_float);
    let power = 10f64.powf(int(args, 1) as f64);
    let digit = power * to_float(&any(args, 0));
    let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

fn steps(context: &mut Context<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    if step == 0 || (stop < start) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    context.charge(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size_of::<Value>()))?;
    Ok((0..count as i64).map(|i| start + i * step).collect())
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::typed(ListType::Ints, numbers.into_iter().map(Value::Int).collect()))
}

fn seq(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let at = |i| int(args, i);
    let (start, end, step) = match args.len() {
        1 => (1, at(0), if at(0) < 1 { -1 } else { 1 }),
        2 => (at(0), at(1), if at(1) < at(0) { -1 } else { 1 }),
        3 if at(2) < at(0) && at(1) > 0 => return Ok(Value::from("")),
        3 => (at(0), at(2), at(1)),
        _ => return Ok(Value::from("")),
    };
    let beyond = if end < start { -1 } else { 1 };
    let numbers = steps(context, start, end + beyond, step)?;
    let texts: Vec<_> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::from(texts.join(" ")))
}

/// A decimal number as shopspring/decimal v1.4 calculates with: a coefficient and a power of ten.
struct Decimal {
    coefficient: i128,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal that reads as this number.
    fn of(n: f64) -> Option<Decimal> {
        let text = format!("{n:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len() as i32);
        let coefficient = mantissa.replace('.', "").parse().ok()?;
        Some(Decimal { coefficient, exponent: exponent.parse::<i32>().ok()? - fraction })
    }

    fn negative(&self) -> Decimal {
        Decimal { coefficient: -self.coefficient, exponent: self.exponent }
    }

    fn at(&self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent - exponent).ok()?;
        self.coefficient.checked_mul(10i128.checked_pow(power)?)
    }

    fn add(&self, other: &Decimal) -> Decimal {
        let exponent = self.exponent.min(other.exponent);
        match self.at(exponent).zip(other.at(exponent)).and_then(|(a, b)| a.checked_add(b)) {
            Some(coefficient) => Decimal { coefficient, exponent },
            // Beyond 38 digits the larger one is all that a float64 shows.
            None if self.to_float().abs() >= other.to_float().abs() => Decimal { ..*self },
            None => Decimal { ..*other },
        }
    }

    fn multiply(&self, other: &Decimal) -> Option<Decimal> {
        let coefficient = self.coefficient.checked_mul(other.coefficient)?;
        Some(Decimal { coefficient, exponent: self.exponent + other.exponent })
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.coefficient, self.exponent).parse().unwrap_or(0.0)
    }
}

fn fold_decimal(args: &[Value], each: impl Fn(&Decimal, Decimal) -> Option<Decimal>) -> Value {
    let mut numbers = args.iter().map(|v| Decimal::of(to_float(v)));
    let first = numbers.next().flatten();
    let result = first.and_then(|first| numbers.try_fold(first, |sum, next| each(&sum, next?)));
    Value::Float(result.map_or(0.0, |d| d.to_float()))
}

/// Division to 16 digits behind the point, as shopspring/decimal does by default.
fn divf(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let mut result = to_float(&any(args, 0));
    for by in args.iter().skip(1).map(to_float) {
        if by == 0.0 {
            return Err(FuncError::from("decimal division by 0"));
        }
        let quotient = result / by;
        result = format!("{quotient:.16}").parse().unwrap_or(quotient);
    }
    Ok(Value::Float(result))
}
