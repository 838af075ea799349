//! One page: a node with everything in it.

use super::super::fields::{self, Fields};
use super::super::spec::{Arg, Child, Prop, Spec, Ty, one_of};
use super::texts::field_table;
use super::{file_name, has_page};
use std::fmt::Write as _;

/// The page of a node that has one.
pub(super) fn page(spec: &'static Spec) -> String {
    let mut text = section(spec, 1);
    for (title, name, fields) in fields_of(spec) {
        let _ = write!(text, "\n## {title}\n\n{}", field_table(name, fields));
    }
    for child in spec.children.iter().filter(|c| !has_page(c.spec)) {
        let _ = write!(text, "\n{}", section(child.spec, 2));
    }
    text
}

/// A node as a section, with its heading of that depth.
pub(super) fn section(spec: &'static Spec, depth: usize) -> String {
    let name = if spec.name.is_empty() { "file" } else { spec.name };
    let mut text = format!("{} {name}\n\n{}\n", "#".repeat(depth), spec.prose);
    if !spec.name.is_empty() {
        let _ = write!(text, "\n```text\n{}\n```\n", spec.usage());
    }
    if !spec.example.is_empty() {
        let _ = write!(text, "\n```kdl\n{}\n```\n", spec.example.trim_matches('\n'));
    }
    text += &arguments(spec);
    text += &properties(spec);
    text += &children(spec);
    text
}

fn arguments(spec: &Spec) -> String {
    let row = |arg: &Arg, more: bool| {
        let how = if more {
            ", any number"
        } else if arg.required {
            ""
        } else {
            ", may be left out"
        };
        format!("| `{}` | {}{how} | {} |\n", arg.name, ty(&arg.ty), arg.prose)
    };
    let rows: String = spec.args.iter().map(|a| row(a, false)).chain(spec.more.iter().map(|a| row(a, true))).collect();
    if rows.is_empty() { rows } else { format!("\n| Argument | What it is | What for |\n|---|---|---|\n{rows}") }
}

fn properties(spec: &Spec) -> String {
    let row = |prop: &Prop| {
        let default = match (prop.default, prop.required) {
            (Some(default), _) => default,
            (None, true) => "must stand",
            (None, false) => "none",
        };
        format!("| `{}=` | {} | {default} | {} |\n", prop.name, ty(&prop.ty), prop.prose)
    };
    let mut rows: String = spec.props.iter().map(row).collect();
    rows.extend(
        spec.own.iter().map(|own| format!("| `{}=` | {} | names are yours | {} |\n", own.name, ty(&own.ty), own.prose)),
    );
    if rows.is_empty() {
        rows
    } else {
        format!("\n| Property | What it is | Default | What for |\n|---|---|---|---|\n{rows}")
    }
}

fn children(spec: &'static Spec) -> String {
    let row = |child: &Child| {
        let many = match spec.choices.iter().find(|c| c.of.contains(&child.spec.name)) {
            Some(choice) if choice.needed => format!("one of {}", one_of(choice.of.iter().copied())),
            Some(choice) => format!("at most one of {}", one_of(choice.of.iter().copied())),
            None => child.many.words().to_string(),
        };
        let first = child.spec.prose.split_inclusive(". ").next().unwrap_or_default().trim_end();
        format!("| [`{}`]({}) | {many} | {first} |\n", child.spec.name, link(child.spec))
    };
    let rows: String = spec.children.iter().map(row).collect();
    if rows.is_empty() { rows } else { format!("\n| In its block | How often | What it is |\n|---|---|---|\n{rows}") }
}

fn link(spec: &Spec) -> String {
    if has_page(spec) { file_name(spec) } else { format!("#{}", spec.name) }
}

/// A type in a table: a format links to where it is explained.
fn ty(ty: &Ty) -> String {
    match ty {
        Ty::Word(words) => {
            let words: Vec<String> = words.iter().map(|w| format!("`{}` ({})", w.name, w.prose)).collect();
            words.join("; ")
        }
        Ty::Format(format) => format!("[{}](formats.md)", format.is),
        Ty::Template => "a text with [references](references.md)".to_string(),
        Ty::TemplateOrNumber => "a text with [references](references.md), or a number".to_string(),
        Ty::Any => "a text with [references](references.md), a number, `#true`, `#false` or `#null`".to_string(),
        other => other.words(),
    }
}

/// The tables of what can be read of a node, each with its title and a name for such a node.
fn fields_of(spec: &Spec) -> Vec<(&'static str, &'static str, &'static Fields)> {
    match spec.name {
        "source" => vec![
            ("Fields of a git source", "app", &fields::GIT),
            ("Fields of a folder", "app", &fields::FOLDER),
            ("Fields of an image", "base", &fields::IMAGE),
            ("Fields of a chart", "chart", &fields::HELM),
            ("Fields of what a webhook brings", "hook", &fields::WEBHOOK),
        ],
        "build" => vec![("Fields of a build", "image", &fields::BUILD)],
        "secret" => vec![("Fields of a secret", "token", &fields::SECRET)],
        _ => Vec::new(),
    }
}
