//! The order in which go-yaml v2 writes the keys of a mapping: letters bytewise, digits by the number they form.

use std::cmp::Ordering;

/// Compares two keys as go-yaml's `keyList` does.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[i], b[i]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => numbers(&a, &b, i),
    }
}

/// Both have something other than a letter at `i`, where they first differ.
fn numbers(a: &[char], b: &[char], i: usize) -> Ordering {
    let behind_number =
        (a[i] == '0' || b[i] == '0') && a[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
    let start = i64::from(behind_number);
    let (x, x_end) = number(a, i, start);
    let (y, y_end) = number(b, i, start);
    x.cmp(&y).then(x_end.cmp(&y_end)).then(a[i].cmp(&b[i]))
}

fn number(text: &[char], from: usize, start: i64) -> (i64, usize) {
    let digits = text[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let value = text[from..from + digits]
        .iter()
        .fold(start, |n, c| n.wrapping_mul(10).wrapping_add(i64::from(u32::from(*c)) - i64::from(u32::from('0'))));
    (value, from + digits)
}
