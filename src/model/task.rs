//! `task`: any program, run on named inputs.

use super::command::{ENV, IN, ON_UNKNOWN, RETRIES, RUN, SHELL, TIMEOUT};
use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Choice, Names, Spec, Ty};
use super::{Command, Said, Spanned, Template};
use crate::source::Span;
use crate::syntax::Node;

/// Any program, run on named inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// The program.
    pub command: Command,
    /// The files it reads. None given: all files of its working source.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<Output>,
    /// Nodes that must be done before, though nothing of theirs is read.
    pub after: Vec<Spanned<Said>>,
}

/// `input "GLOB"`: files of the working source, or another node's output as `input "{other.name}"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The source the files are of; the working source unless said.
    pub source: Option<Spanned<Said>>,
    /// A glob, or references.
    pub what: Template,
    /// The place.
    pub span: Span,
}

/// `output NAME "PATH"` is a file that the program writes; `output NAME` is a line `NAME=value` that it appends to the file
/// named by `LOCKGATE_OUTPUT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The field under which others refer to it.
    pub name: Spanned<Said>,
    /// The path of the file below the working folder; nothing for a line.
    pub path: Option<Spanned<Said>>,
    /// The place.
    pub span: Span,
}

/// `task NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name, under which the others refer to what it makes.")],
    children: &[
        Child::once(&RUN),
        Child::once(&SHELL),
        Child::once(&IN),
        Child::any(&INPUT),
        Child::any(&OUTPUT),
        Child::any(&ENV),
        Child::once(&TIMEOUT),
        Child::once(&RETRIES),
        Child::once(&ON_UNKNOWN),
        Child::any(&AFTER),
    ],
    choices: &[Choice { of: &["run", "shell"], needed: true, about: "what is run" }],
    example: r#"
task scan {
    run trivy image "{image}"
    timeout "5m"
}"#,
    ..Spec::new(
        "task",
        "Any program, run on inputs that it names. It runs again only when its definition or what it reads is another.",
    )
};

/// `input [SOURCE] "GLOB"`
pub static INPUT: Spec = Spec {
    args: &[
        Arg::new(
            "SOURCE",
            Ty::Name(Names::Source),
            "The source whose files these are; the working source when nothing is said.",
        )
        .optional(),
        Arg::new(
            "GLOB",
            Ty::Template,
            "A glob over its files, or a reference to what another node makes. Braces are those of references; for either of two, write two `input`.",
        ),
    ],
    example: r#"input "src/**/*.rs""#,
    ..Spec::new(
        "input",
        "What it reads. Only a change of these makes it run again. Without `input`, all files of its working source count.",
    )
};

/// `output NAME ["PATH"]`
pub static OUTPUT: Spec = Spec {
    args: &[
        Arg::new("NAME", Ty::Format(&format::NAME), "The field under which others refer to it: `{task.name}`."),
        Arg::new("PATH", Ty::Format(&format::OUTPUT), "The file that the program writes.").optional(),
    ],
    example: r#"output report "out/report.json""#,
    ..Spec::new(
        "output",
        "What it makes. Without a path it is a line `NAME=value` that the program appends to the file that `LOCKGATE_OUTPUT` names. One that holds a secret of the program fails the step: outputs are kept and shown.",
    )
};

/// `after NAME…`
pub static AFTER: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Name(Names::Step), "What must be done before.")],
    more: Some(Arg::new("NAME", Ty::Name(Names::Step), "More of them.").optional()),
    example: "after dev scan",
    ..Spec::new("after", "What must be done before, though nothing of it is read. The only order that a person writes.")
};

impl Task {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Task> {
        let mut command = Command::new(node.header_span());
        let (mut inputs, mut outputs, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for child in node.children() {
            match child.name() {
                "input" => decode::push(&mut inputs, Input::decode(child, faults)),
                "output" => decode::push(&mut outputs, Output::decode(child)),
                "after" => decode::texts(child, &mut after),
                _ => {
                    command.take(child, faults);
                }
            }
        }
        Some(Task { name: decode::arg(node, 0)?, span: node.span(), command, inputs, outputs, after })
    }
}

impl Input {
    fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Input> {
        let (source, what) = match node.arg(1) {
            Some(what) => (decode::arg(node, 0), what),
            None => (None, node.arg(0)?),
        };
        Some(Input { source, what: decode::template(what, faults), span: node.span() })
    }
}

impl Output {
    fn decode(node: Node<'_>) -> Option<Output> {
        Some(Output { name: decode::arg(node, 0)?, path: decode::arg(node, 1), span: node.span() })
    }
}
