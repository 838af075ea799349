//! The first line of a node: its arguments and properties.

use super::super::spec::{Own, Spec};
use super::{is, value};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::source::Span;
use crate::syntax::{Entry, Node, Prop, Value};
use std::collections::HashMap;

/// Checks arguments and properties.
pub(super) fn check(node: Node<'_>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) {
    let before = faults.len();
    value::annotation(node.ty_span(), faults);
    let (mut args, mut props) = (left_out(node, spec), 0);
    let mut surplus: Option<Span> = None;
    let mut doubtful = false;
    for entry in node.entries() {
        match entry {
            Entry::Arg(arg) => {
                match spec.arg(args) {
                    Some(wanted) => value::check(arg, &wanted.ty, called(wanted.name, spec), faults),
                    None => surplus = Some(surplus.map_or(arg.span(), |s| s.to(arg.span()))),
                }
                args += 1;
            }
            Entry::Prop(prop) => {
                doubtful |= !property(node, prop, spec, faults);
                props += 1;
            }
        }
    }
    if let Some(span) = surplus {
        faults.push(too_many(node, span, spec));
    }
    if props > 1 {
        repeated(node, faults);
    }
    missing_args(node, args, spec, before, faults);
    if !doubtful {
        missing_props(node, spec, faults);
    }
    if let Some(own) = spec.own.as_ref().filter(|_| props == 0) {
        faults.push(nothing(node, spec, own));
    }
}

/// What an argument is called in a message: where it is the only one, as the node.
fn called(arg: &'static str, spec: &Spec) -> &'static str {
    if spec.args.len() == 1 && spec.more.is_none() { spec.name } else { arg }
}

/// How many arguments at the front are left out: optional ones may stand before those that must.
fn left_out(node: Node<'_>, spec: &Spec) -> usize {
    if spec.args.first().is_none_or(|a| a.required) {
        return 0;
    }
    let optional = spec.args.iter().take_while(|a| !a.required).count();
    let fits = optional > 0 && optional < spec.args.len() && node.args().count() + optional <= spec.args.len();
    if fits { optional } else { 0 }
}

/// Checks one property; false when the node has none of that name.
fn property(node: Node<'_>, prop: Prop<'_>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) -> bool {
    let key = prop.key();
    if let Some(wanted) = spec.props.iter().find(|p| is(p.name, key)) {
        value::check(prop.value(), &wanted.ty, wanted.name, faults);
        return true;
    }
    if let Some(own) = &spec.own {
        if let Some(format) = own.key {
            value::check_key(prop, format, faults);
        }
        value::check(prop.value(), &own.ty, prop.key(), faults);
        return true;
    }
    if !prop.value().is_faulty() {
        faults.push(unknown(node, prop, spec));
    }
    false
}

#[cold]
fn unknown(node: Node<'_>, prop: Prop<'_>, spec: &'static Spec) -> Diagnostic {
    let (key, place) = (prop.key(), prop.key_span());
    let fault = Diagnostic::new(&codes::UNKNOWN_PROPERTY, format!("`{}` has no property `{key}`", spec.name));
    let fault = fault.at(place, "unknown here");
    if spec.child(key).is_some() {
        return fault.help(format!("`{key}` is a node: write it in the block of `{}`", spec.name));
    }
    let free = spec.props.iter().map(|p| p.name).filter(|name| node.prop(name).is_none());
    if let Some(near) = did_you_mean(key, free) {
        return fault.help(format!("did you mean `{near}`?")).fix(format!("Rename to `{near}`"), place, near);
    }
    let neighbour = node.parent().and_then(|p| crate::model::spec_of(p)?.child(key));
    match neighbour {
        Some(_) => fault.help(format!("`{key}` is a node of its own, beside `{}`", spec.name)),
        None => fault.help(format!("it is written `{}`", spec.usage())),
    }
}

#[cold]
fn too_many(node: Node<'_>, span: Span, spec: &Spec) -> Diagnostic {
    let message = match spec.args.len() {
        0 => format!("`{}` takes no argument", spec.name),
        1 => format!("`{}` takes one argument", spec.name),
        n => format!("`{}` takes {n} arguments", spec.name),
    };
    let fault = Diagnostic::new(&codes::SURPLUS_ARGUMENT, message).at(span, "too many");
    let property = spec.props.iter().find(|p| node.prop(p.name).is_none());
    match property {
        Some(p) => fault.help(format!("it is written `{}`; was `{}=` meant?", spec.usage(), p.name)),
        None => fault.help(format!("it is written `{}`", spec.usage())),
    }
}

/// A key that stands twice in one node. KDL takes the last; we ask.
fn repeated(node: Node<'_>, faults: &mut Vec<Diagnostic>) {
    // Most nodes have few properties, for which looking at all before is quicker than a map.
    let few = node.props().nth(12).is_none();
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for (i, prop) in node.props().enumerate() {
        let first = if few {
            node.props().take(i).find(|p| p.key() == prop.key()).map(|p| p.key_span())
        } else {
            let first = seen.get(prop.key()).copied();
            seen.entry(prop.key()).or_insert(prop.key_span());
            first
        };
        if let Some(first) = first {
            let fault = Diagnostic::new(&codes::REPEATED_PROPERTY, format!("`{}` stands twice", prop.key()));
            let fault = fault.at(prop.key_span(), "a second time here").at(first, "first here");
            faults.push(fault.help("keep the one that is meant"));
        }
    }
}

/// Says which arguments are missing; the faults of this node are those from number `from` on.
fn missing_args(node: Node<'_>, there: usize, spec: &Spec, from: usize, faults: &mut Vec<Diagnostic>) {
    if spec.args.iter().skip(there).any(|a| a.required) {
        lacks_args(node, there, spec, from, faults);
    }
}

#[cold]
fn lacks_args(node: Node<'_>, there: usize, spec: &Spec, from: usize, faults: &mut Vec<Diagnostic>) {
    let missing: Vec<&str> = spec.args.iter().skip(there).filter(|a| a.required).map(|a| a.name).collect();
    let message = format!("`{}` lacks its {}", spec.name, missing.join(" and its "));
    let mut fault = Diagnostic::new(&codes::MISSING_ARGUMENT, message).at(node.header_span(), "not complete");
    // In `git url="…"` the property is the argument, and one fault is enough.
    let slip = |f: &Diagnostic| f.code == &codes::UNKNOWN_PROPERTY && f.fix.is_none();
    if let Some(at) = faults.iter().skip(from).position(slip) {
        let place = faults.remove(from + at).span().unwrap_or_default();
        fault = fault.at(place, "an argument stands without a name");
    }
    faults.push(fault.help(format!("it is written `{}`", spec.usage())));
}

fn missing_props(node: Node<'_>, spec: &Spec, faults: &mut Vec<Diagnostic>) {
    for wanted in spec.props.iter().filter(|p| p.required && node.prop(p.name).is_none()) {
        faults.push(no_prop(node, spec, wanted.name));
    }
}

#[cold]
fn no_prop(node: Node<'_>, spec: &Spec, name: &str) -> Diagnostic {
    let message = format!("`{}` lacks `{name}=`", spec.name);
    let fault = Diagnostic::new(&codes::MISSING_PROPERTY, message).at(node.header_span(), "not complete");
    fault.help(format!("it is written `{}`", spec.usage()))
}

#[cold]
fn nothing(node: Node<'_>, spec: &Spec, own: &Own) -> Diagnostic {
    let fault = Diagnostic::new(&codes::EMPTY_NODE, format!("`{}` says nothing", spec.name));
    let fault = fault.at(node.header_span(), "no property");
    let argument: Option<Value<'_>> = node.arg(0);
    match argument.and_then(|a| a.as_str()) {
        Some(text) if text.contains('=') => fault.help("the quotes go around the value only: `NAME=\"value\"`"),
        _ => fault.help(format!("write `{} {}=\"…\"`", spec.name, own.name)),
    }
}
