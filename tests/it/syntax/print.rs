//! Documents in the canonical form of the official suite: no comments, four spaces, the last property of a key only, keys in
//! order, numbers in decimal, strings without quotes where they need none.

use lockgate::syntax::{Document, Node, Value, ValueKind};
use std::collections::BTreeMap;

/// The canonical form of a document.
pub fn print(document: &Document) -> String {
    let mut out = String::new();
    let mut stack: Vec<(usize, Step<'_>)> = document.roots().map(|n| (0, Step::Open(n))).collect();
    stack.reverse();
    while let Some((depth, step)) = stack.pop() {
        let indent = "    ".repeat(depth);
        match step {
            Step::Close => out.push_str(&format!("{indent}}}\n")),
            Step::Open(node) => {
                out.push_str(&indent);
                out.push_str(&header(node));
                let children: Vec<_> = node.children().collect();
                if children.is_empty() {
                    out.push('\n');
                    continue;
                }
                out.push_str(" {\n");
                stack.push((depth, Step::Close));
                stack.extend(children.into_iter().rev().map(|n| (depth + 1, Step::Open(n))));
            }
        }
    }
    out
}

enum Step<'t> {
    Open(Node<'t>),
    Close,
}

fn header(node: Node<'_>) -> String {
    let mut out = annotation(node.ty()) + &string(node.name());
    for arg in node.args() {
        out = out + " " + &value(arg);
    }
    let props: BTreeMap<&str, Value<'_>> = node.props().map(|p| (p.key(), p.value())).collect();
    for (key, prop) in props {
        out = out + " " + &string(key) + "=" + &value(prop);
    }
    out
}

fn annotation(ty: Option<&str>) -> String {
    ty.map_or(String::new(), |ty| format!("({})", string(ty)))
}

fn value(value: Value<'_>) -> String {
    let says = match value.kind() {
        ValueKind::Str => string(value.as_str().expect("a string")),
        ValueKind::Bool => format!("#{}", value.as_bool().expect("a truth value")),
        ValueKind::Null => "#null".to_owned(),
        ValueKind::Int => integer(value.raw()),
        ValueKind::Float => float(value.raw()),
    };
    annotation(value.ty()) + &says
}

fn integer(raw: &str) -> String {
    let plain = raw.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.trim_start_matches('+')),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    format!("{sign}{}", u128::from_str_radix(digits, radix).expect("an integer of the suite"))
}

fn float(raw: &str) -> String {
    if raw.starts_with('#') {
        return raw.to_owned();
    }
    let plain = raw.replace('_', "").replace('e', "E");
    let plain = plain.trim_start_matches('+');
    match plain.split_once('E') {
        Some((mantissa, exponent)) if !exponent.starts_with(['-', '+']) => format!("{mantissa}E+{exponent}"),
        _ => plain.to_owned(),
    }
}

fn string(says: &str) -> String {
    let reserved = matches!(says, "true" | "false" | "null" | "inf" | "-inf" | "nan");
    let unsigned = says.strip_prefix(['-', '+']).unwrap_or(says);
    let number = unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit());
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\\/(){};[]\"#=".contains(c);
    if !says.is_empty() && !reserved && !number && !says.contains(odd) {
        return says.to_owned();
    }
    let mut out = String::from("\"");
    for c in says.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{C}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out + "\""
}
