//! A program with all that running it needs; a task, a build's test and a verification have one.

use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Names, Own, Prop, Spec, Ty, Word, word};
use super::{Said, SourcePath, Spanned, Template};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// A program with all that running it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What is run.
    pub program: Program,
    /// The place that says it.
    pub span: Span,
    /// The container image to run in; a process of this machine without one.
    pub image: Option<Template>,
    /// The cluster to run in as a Job; needs `image`.
    pub cluster: Option<Spanned<Said>>,
    /// The namespace of that cluster.
    pub namespace: Option<Spanned<Said>>,
    /// The files it works in.
    pub workdir: Option<SourcePath>,
    /// Variables of its environment.
    pub env: Vec<(Spanned<Said>, Template)>,
    /// How long it may take; 10 minutes unless said.
    pub timeout: Option<Spanned<Duration>>,
    /// How often it is tried again after a failure; 0 unless said.
    pub retries: Option<Spanned<u32>>,
    /// What happens when a crash leaves it unknown whether it ran.
    pub on_unknown: OnUnknown,
}

/// How long a program may take unless the file says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// A program and its arguments, without a shell.
    Argv(Vec<Template>),
    /// A line for `sh -c`.
    Shell(Template),
}

/// What happens when a crash leaves it unknown whether a program ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Somebody is asked.
    #[default]
    Ask,
    /// It is run again.
    Retry,
    /// It counts as failed.
    Fail,
}

const IMAGE: Prop = Prop::new(
    "image",
    Ty::Template,
    "The container image to run in: a container of this machine's engine, or a Job where there is a `cluster`.",
)
.default("a process of this machine");
const CLUSTER: Prop =
    Prop::new("cluster", Ty::Text, "The context of the kubeconfig of the cluster to run in, as a Job; needs `image`.")
        .default("no cluster; for a verification with an `image`, the environment's");
const NAMESPACE: Prop =
    Prop::new("namespace", Ty::Format(&format::DNS_LABEL), "The namespace of that cluster in which the Job is made.")
        .default("the environment's where it is the same cluster, or else the context's own");

/// `run PROGRAM ARG…`
pub static RUN: Spec = Spec {
    args: &[Arg::new(
        "PROGRAM",
        Ty::Template,
        "The program; looked for in the working folder when it starts with `./`.",
    )],
    more: Some(Arg::new("ARG", Ty::TemplateOrNumber, "An argument, handed over as it is.").optional()),
    props: &[IMAGE, CLUSTER, NAMESPACE],
    example: r#"run trivy image "{image}""#,
    ..Spec::new(
        "run",
        "A program and its arguments. No shell reads them, so nothing in them needs quoting and nothing can break out.",
    )
};

/// `shell "LINE"`
pub static SHELL: Spec = Spec {
    args: &[Arg::new("LINE", Ty::Template, "The line, as a shell reads it.")],
    props: &[IMAGE, CLUSTER, NAMESPACE],
    example: r#"shell "make check | tee report.txt""#,
    ..Spec::new(
        "shell",
        "A line for `sh -c`. What comes from outside belongs in `env`, where the shell cannot take it for code.",
    )
};

/// `in SOURCE ["PATH"]`
pub static IN: Spec = Spec {
    args: &[
        Arg::new("SOURCE", Ty::Name(Names::Source), "The source whose files it works in."),
        Arg::new("PATH", Ty::Template, "A folder of it.").optional(),
    ],
    example: r#"in app "services/api""#,
    ..Spec::new(
        "in",
        "The files that the program works in. A task works in a folder source itself, so that its outputs stay there; everything else gets a copy of its own version.",
    )
};

/// `env NAME="VALUE"…`
pub static ENV: Spec = Spec {
    own: Some(Own {
        name: "NAME",
        key: Some(&format::VARIABLE),
        ty: Ty::TemplateOrNumber,
        prose: "The variable and its value. The only place of a command where a secret may stand.",
    }),
    example: r#"env STAGE="{environment}" TOKEN="{token}""#,
    ..Spec::new("env", "Variables of the program's environment.")
};

/// `timeout "DURATION"`
pub static TIMEOUT: Spec = Spec {
    args: &[Arg::new("DURATION", Ty::Format(&format::DURATION), "How long; 10 minutes when nothing is said.")],
    example: r#"timeout "5m""#,
    ..Spec::new("timeout", "How long it may take. What takes longer is ended and has failed.")
};

/// `retries N`
pub static RETRIES: Spec = Spec {
    args: &[Arg::new("N", Ty::Count(0, 100), "How often; 0 when nothing is said.")],
    example: "retries 2",
    ..Spec::new("retries", "How often it is tried again after a failure.")
};

static ON_UNKNOWN_WORDS: &[Word] = &[
    word("ask", "somebody is asked; this is so when nothing is said"),
    word("retry", "it is run again: say so when running it twice does no harm"),
    word("fail", "it counts as failed"),
];

/// `on-unknown ask|retry|fail`
pub static ON_UNKNOWN: Spec = Spec {
    args: &[Arg::new("WHAT", Ty::Word(ON_UNKNOWN_WORDS), "What happens.")],
    example: "on-unknown retry",
    ..Spec::new("on-unknown", "What happens when a crash leaves it unknown whether the program ran.")
};

/// What every command may have in its block.
pub(super) const SURROUNDINGS: [Child; 4] =
    [Child::any(&ENV), Child::once(&TIMEOUT), Child::once(&RETRIES), Child::once(&ON_UNKNOWN)];

impl Command {
    /// A command that runs nothing yet.
    pub(super) fn new(span: Span) -> Command {
        Command {
            program: Program::Argv(Vec::new()),
            span,
            image: None,
            cluster: None,
            namespace: None,
            workdir: None,
            env: Vec::new(),
            timeout: None,
            retries: None,
            on_unknown: OnUnknown::default(),
        }
    }

    /// Takes program and place from a `run` or a node written like it.
    pub(super) fn run(&mut self, node: Node<'_>, faults: &mut Faults) {
        self.program = Program::Argv(decode::templates(node, 0, faults));
        self.place(node, faults);
    }

    /// Takes one node of the block it is described in; false when it is none that describes a command.
    pub(super) fn take(&mut self, node: Node<'_>, faults: &mut Faults) -> bool {
        match node.name() {
            "run" => self.run(node, faults),
            "shell" => {
                if let Some(line) = decode::arg_template(node, 0, faults) {
                    self.program = Program::Shell(line);
                }
                self.place(node, faults);
            }
            "in" => decode::first(&mut self.workdir, decode::source_path(node, faults)),
            "env" => decode::pairs(node, faults, &mut self.env),
            "timeout" => decode::first(&mut self.timeout, decode::duration(node)),
            "retries" => decode::first(&mut self.retries, node.arg(0).and_then(decode::count)),
            "on-unknown" => {
                self.on_unknown = match node.arg(0).and_then(|v| v.as_str()) {
                    Some("retry") => OnUnknown::Retry,
                    Some("fail") => OnUnknown::Fail,
                    _ => OnUnknown::Ask,
                }
            }
            _ => return false,
        }
        true
    }

    /// Whether it does not say what is run.
    pub fn is_empty(&self) -> bool {
        matches!(&self.program, Program::Argv(argv) if argv.is_empty())
    }

    /// Where it runs, and the place in the text.
    pub(super) fn place(&mut self, node: Node<'_>, faults: &mut Faults) {
        self.span = node.header_span();
        self.image = decode::prop_template(node, "image", faults);
        self.cluster = decode::prop(node, "cluster");
        self.namespace = decode::prop(node, "namespace");
    }
}
