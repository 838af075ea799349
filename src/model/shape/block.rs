//! The nodes in a block: which may stand, how often, and which must.

use super::super::spec::{Child, Choice, Spec, one_of};
use super::{check_node, is};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::source::Span;
use crate::syntax::{Children, Node};

/// More children than any spec has; a test keeps it so.
const MOST: usize = 24;

/// The children that were found: of each in the spec, by its number, the place of the first.
pub(super) struct Found {
    first: [Span; MOST],
    /// One bit for each that was found.
    which: u32,
    /// Whether something stood there that could not be told, so that what is missing may be it.
    doubtful: bool,
}

/// Checks the nodes of a block, and each of them in turn.
pub(super) fn check(children: Children<'_>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) -> Found {
    check_each(children, spec, faults, &mut check_node)
}

/// Checks the nodes of a block; `go` is what becomes of each that is known.
pub(super) fn check_each<'t>(
    children: Children<'t>,
    spec: &'static Spec,
    faults: &mut Vec<Diagnostic>,
    go: &mut dyn FnMut(Node<'t>, &'static Spec, &mut Vec<Diagnostic>),
) -> Found {
    let mut found = Found { first: [Span::default(); MOST], which: 0, doubtful: false };
    for node in children {
        let name = node.name();
        let Some(at) = spec.children.iter().position(|c| is(c.spec.name, name)) else {
            found.doubtful = true;
            if let Some(meant) = misspelt(node, spec) {
                go(node, meant, faults);
            }
            if !node.is_faulty() {
                faults.push(unknown(node, spec));
            }
            continue;
        };
        let (Some(child), Some(first)) = (spec.children.get(at), found.first.get_mut(at)) else { continue };
        if found.which & 1 << at == 0 {
            found.which |= 1 << at;
            *first = node.name_span();
        } else if child.many.single() {
            faults.push(repeated(node, *first));
        }
        go(node, child.spec, faults);
    }
    found
}

/// Says what must stand in the block and does not, and which children exclude one another.
pub(super) fn missing(found: &Found, node: Option<Node<'_>>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) {
    for choice in spec.choices {
        let standing = found.children(spec).filter(|child| choice.of.iter().any(|name| is(name, child.spec.name)));
        match standing.count() {
            0 if choice.needed && !found.doubtful => faults.extend(node.map(|n| no_choice(n, choice))),
            0 | 1 => {}
            _ => faults.extend(contradicting(found, spec, choice)),
        }
    }
    let Some(node) = node.filter(|_| !found.doubtful) else { return };
    for (at, child) in spec.children.iter().enumerate() {
        if child.many.needed() && !found.has(at) {
            faults.push(absent_node(node, child.spec));
        }
    }
}

impl Found {
    fn has(&self, at: usize) -> bool {
        self.which & 1 << at != 0
    }

    /// Those that were found, in the order of the spec.
    fn children(&self, spec: &'static Spec) -> impl Iterator<Item = &'static Child> {
        let mut left = self.which;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros();
            left &= left.checked_sub(1)?;
            spec.children.get(at as usize)
        })
    }
}

/// The fault of two that exclude one another, in the order of the choice.
#[cold]
fn contradicting(found: &Found, spec: &'static Spec, choice: &Choice) -> Option<Diagnostic> {
    let place = |name: &str| {
        let at = spec.children.iter().position(|c| c.spec.name == name).filter(|at| found.has(*at))?;
        found.first.get(at).copied()
    };
    let mut standing = choice.of.iter().filter_map(|name| Some((*name, place(name)?)));
    Some(contradiction(standing.next()?, standing.next()?, choice))
}

/// Says that a node has a block and may have none.
pub(super) fn unexpected(node: Node<'_>, spec: &Spec, faults: &mut Vec<Diagnostic>) {
    if let Some(block) = node.block_span() {
        let message = format!("`{}` has no block", spec.name);
        let fault = Diagnostic::new(&codes::UNEXPECTED_BLOCK, message).at(block, "cannot stand here");
        faults.push(fault.help(format!("it is written `{}`", spec.usage())));
    }
}

/// The spec of the node that was meant by a misspelt one.
pub(in crate::model) fn misspelt(node: Node<'_>, spec: &'static Spec) -> Option<&'static Spec> {
    let near = did_you_mean(node.name(), spec.children.iter().map(|c| c.spec.name))?;
    // A property of the block's own node is no misspelt node of it.
    spec.child(near).map(|c| c.spec).filter(|_| spec.prop(node.name()).is_none())
}

#[cold]
fn unknown(node: Node<'_>, spec: &'static Spec) -> Diagnostic {
    let (name, place) = (node.name(), node.name_span());
    let within = if spec.name.is_empty() { "at the top of a file".to_string() } else { format!("in `{}`", spec.name) };
    let fault = |code| Diagnostic::new(code, format!("`{name}` cannot stand {within}"));
    let homes = homes(name);
    if let Some(near) = misspelt(node, spec).filter(|_| homes.is_empty()) {
        let fault =
            fault(&codes::UNKNOWN_NODE).at(place, "unknown here").help(format!("did you mean `{}`?", near.name));
        return fault.fix(format!("Rename to `{}`", near.name), place, near.name);
    }
    if !homes.is_empty() {
        return fault(&codes::MISPLACED_NODE).at(place, "not here").help(format!("it stands in {}", one_of(homes)));
    }
    let fault = fault(&codes::UNKNOWN_NODE).at(place, "unknown here");
    let with_property =
        std::iter::once(spec).chain(spec.children.iter().map(|c| c.spec)).find(|s| s.prop(name).is_some());
    if let Some(other) = with_property {
        return fault.help(format!("`{name}` is a property of `{}`: `{}`", other.name, other.usage()));
    }
    fault.help(format!("there can be: {}", spec.children.iter().map(|c| c.spec.name).collect::<Vec<_>>().join(", ")))
}

/// The names of the nodes in whose blocks a node of that name may stand.
fn homes(name: &str) -> Vec<&'static str> {
    let mut homes: Vec<&'static str> = Vec::new();
    let mut open = vec![&crate::model::pipeline::FILE];
    while let Some(spec) = open.pop() {
        if spec.child(name).is_some() && !homes.contains(&spec.name) && !spec.name.is_empty() {
            homes.push(spec.name);
        }
        open.extend(spec.children.iter().rev().map(|c| c.spec));
    }
    homes
}

#[cold]
fn repeated(node: Node<'_>, first: Span) -> Diagnostic {
    Diagnostic::new(&codes::REPEATED_NODE, format!("`{}` stands twice", node.name()))
        .at(node.name_span(), "a second time here")
        .at(first, "first here")
        .help("it may stand once; keep the one that is meant")
}

#[cold]
fn contradiction(one: (&str, Span), other: (&str, Span), choice: &Choice) -> Diagnostic {
    let (one, other) = if one.1.start <= other.1.start { (one, other) } else { (other, one) };
    let message = format!("`{}` and `{}` cannot both say {}", one.0, other.0, choice.about);
    Diagnostic::new(&codes::CONTRADICTION, message)
        .at(other.1, "and this")
        .at(one.1, "this")
        .help(format!("one of {} may stand", one_of(choice.of.iter().copied())))
}

#[cold]
fn no_choice(node: Node<'_>, choice: &Choice) -> Diagnostic {
    Diagnostic::new(&codes::MISSING_NODE, format!("`{}` does not say {}", title(node), choice.about))
        .at(node.header_span(), "nothing in it says so")
        .help(format!("write {} in its block", one_of(choice.of.iter().copied())))
}

#[cold]
fn absent_node(node: Node<'_>, child: &Spec) -> Diagnostic {
    Diagnostic::new(&codes::MISSING_NODE, format!("`{}` has no `{}`", title(node), child.name))
        .at(node.header_span(), format!("needs a `{}`", child.name))
        .help(format!("write `{}` in its block", child.usage()))
}

/// The node with its name, as one would speak of it: `release mi`.
fn title(node: Node<'_>) -> String {
    match node.arg(0).and_then(|v| v.as_str()) {
        Some(name) if name.len() <= 40 => format!("{} {name}", node.name()),
        _ => node.name().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spec_has_more_children_than_there_is_room_for() {
        let mut open = vec![&crate::model::pipeline::FILE];
        while let Some(spec) = open.pop() {
            assert!(spec.children.len() <= MOST, "{}", spec.name);
            let names: Vec<&str> = spec.children.iter().map(|c| c.spec.name).collect();
            assert!(names.iter().enumerate().all(|(i, n)| !names[..i].contains(n)), "{}", spec.name);
            let known = |name: &&str| names.contains(name);
            assert!(spec.choices.iter().all(|c| c.of.iter().all(known)), "{}", spec.name);
            open.extend(spec.children.iter().map(|c| c.spec));
        }
    }
}
