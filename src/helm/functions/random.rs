//! Random texts, from the stream of the render's seed: the same in plan and apply, another than Helm's.

use super::args::{Outcome, int};
use crate::helm::template::Param::Int;
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::Value;
use base64::Engine as _;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("randAlphaNum", &[Int], |c, a| of(c, "randAlphaNum", int(a, 0), |b| b.is_ascii_alphanumeric())),
    FuncSpec::fixed("randAlpha", &[Int], |c, a| of(c, "randAlpha", int(a, 0), |b| b.is_ascii_alphabetic())),
    FuncSpec::fixed("randNumeric", &[Int], |c, a| of(c, "randNumeric", int(a, 0), |b| b.is_ascii_digit())),
    FuncSpec::fixed("randAscii", &[Int], |c, a| of(c, "randAscii", int(a, 0), |b| (b' '..=b'~').contains(b))),
    FuncSpec::fixed("randBytes", &[Int], |c, a| {
        let bytes = bytes(c, "randBytes", int(a, 0))?;
        Ok(Value::from(base64::engine::general_purpose::STANDARD.encode(bytes)))
    }),
    FuncSpec::fixed("randInt", &[Int, Int], rand_int),
    FuncSpec::fixed("uuidv4", &[], uuid),
];

/// Texts of random characters longer than this are no secrets any more.
const LONGEST: i64 = 1 << 20;

fn count(function: &str, count: i64) -> Result<usize, FuncError> {
    match usize::try_from(count) {
        Ok(n) if count <= LONGEST => Ok(n),
        Ok(_) => Err(FuncError::Limit(format!("{function} makes at most {LONGEST} characters, not {count}"))),
        // goutils refuses a negative count, and sprig drops the error.
        Err(_) => Ok(0),
    }
}

/// Random bytes that fulfil a condition.
fn of(context: &mut Context<'_>, name: &'static str, n: i64, accept: impl Fn(&u8) -> bool) -> Outcome {
    context.note_irreproducible(name);
    let n = count(name, n)?;
    let mut out = Vec::with_capacity(n);
    while out.len() < n {
        out.extend(Some(context.random.byte() & 0x7f).filter(&accept));
    }
    Ok(Value::from(out))
}

fn bytes(context: &mut Context<'_>, name: &'static str, n: i64) -> Result<Vec<u8>, FuncError> {
    context.note_irreproducible(name);
    let mut out = vec![0; count(name, n)?];
    context.random.fill(&mut out);
    Ok(out)
}

fn rand_int(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    context.note_irreproducible("randInt");
    let (low, high) = (int(args, 0), int(args, 1));
    match u64::try_from(high.saturating_sub(low)) {
        Ok(span) if span > 0 => Ok(Value::Int(low.wrapping_add(context.random.below(span) as i64))),
        _ => Err(FuncError::from("invalid argument to Intn")),
    }
}

fn uuid(context: &mut Context<'_>, _: &[Value]) -> Outcome {
    let mut b = bytes(context, "uuidv4", 16)?;
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(Value::from(parts.join("-")))
}
