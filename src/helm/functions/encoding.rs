//! Encodings. What would hide an unknown asks for a marker of its own.

use super::args::{Outcome, text};
use crate::helm::template::Param::String;
use crate::helm::template::{Context, FuncSpec};
use crate::helm::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("b64enc", &[String], |c, a| hidden(c, "b64enc", a, |s| STANDARD.encode(s).into_bytes())),
    FuncSpec::fixed("b64dec", &[String], |c, a| hidden(c, "b64dec", a, b64dec)),
    FuncSpec::fixed("b32enc", &[String], |c, a| hidden(c, "b32enc", a, b32enc)),
    FuncSpec::fixed("b32dec", &[String], |c, a| hidden(c, "b32dec", a, b32dec)),
];

/// Calls a function of one text, unless the text contains an unknown: then the result is unknown too.
pub(super) fn hidden(
    context: &mut Context<'_>,
    name: &'static str,
    args: &[Value],
    run: impl Fn(&[u8]) -> Vec<u8>,
) -> Outcome {
    let input = text(args, 0);
    Ok(match context.unknowns.derive(name, &input) {
        Some(marker) => Value::Str(marker),
        None => Value::from(run(&input)),
    })
}

/// Go's decoder skips line breaks and does not mind bits that are left over; an error is the result, in its words.
fn b64dec(input: &[u8]) -> Vec<u8> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let packed: Vec<u8> = input.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    match GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(&packed) {
        Ok(bytes) => bytes,
        Err(error) => format!("illegal base64 data at input byte {}", b64_offset(packed.len(), &error)).into_bytes(),
    }
}

/// The byte that is wrong, or the beginning of the four that are too few.
fn b64_offset(length: usize, error: &base64::DecodeError) -> usize {
    match error {
        base64::DecodeError::InvalidByte(at, _) => *at,
        _ => length / 4 * 4,
    }
}

const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn b32enc(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in input.chunks(5) {
        let bits = (0..5).fold(0u64, |bits, i| bits << 8 | u64::from(chunk.get(i).copied().unwrap_or(0)));
        let used = (chunk.len() * 8).div_ceil(5);
        out.extend((0..8).map(|i| match i < used {
            true => BASE_32[(bits >> (35 - 5 * i)) as usize & 31],
            false => b'=',
        }));
    }
    out
}

fn b32dec(input: &[u8]) -> Vec<u8> {
    let packed: Vec<u8> = input.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let illegal = |at: usize| format!("illegal base32 data at input byte {at}").into_bytes();
    let mut out = Vec::new();
    for (n, chunk) in packed.chunks(8).enumerate() {
        let used = chunk.iter().position(|b| *b == b'=').unwrap_or(8);
        let mut bits = 0u64;
        for (i, byte) in chunk.iter().enumerate() {
            let digit = BASE_32.iter().position(|b| b == byte);
            match digit.filter(|_| i < used).or((*byte == b'=' && i >= used).then_some(0)) {
                Some(digit) => bits = bits << 5 | digit as u64,
                None => return illegal(n * 8 + i),
            }
        }
        if chunk.len() < 8 {
            return illegal(n * 8);
        }
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + used * 5 / 8]);
    }
    out
}
