//! The file and its pipelines.

use super::decode::{self, Faults};
use super::format;
use super::shape::misspelt;
use super::spec::{Arg, Child, Names, Prop, Spec, Ty};
use super::{Build, Environment, Notify, Release, Said, Secret, Source, Spanned, Task, Test};
use super::{build, environment, notify, release, secret, source, task, test};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::{Document, Node};

/// All that one pipeline file and its includes say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// The version of the language, from `lockgate 1`; nothing when it is missing.
    pub version: Option<Spanned<i64>>,
    /// The pipelines in the order of the text.
    pub pipelines: Vec<Pipeline>,
    /// Changes of rules' levels, from `allow`, `warn` and `deny`.
    pub levels: Vec<LevelChange>,
    /// Tests of the pipelines, in the order of the text.
    pub tests: Vec<Test>,
}

/// One pipeline: what is watched, made and deployed, where, and who must say yes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// What is watched.
    pub sources: Vec<Source>,
    /// Images that are made.
    pub builds: Vec<Build>,
    /// Programs that are run.
    pub tasks: Vec<Task>,
    /// What is deployed.
    pub releases: Vec<Release>,
    /// Where, in the order of the text.
    pub environments: Vec<Environment>,
    /// Secrets by name.
    pub secrets: Vec<Secret>,
    /// Who is told of what.
    pub notifies: Vec<Notify>,
}

/// `allow CODE reason="…"`, `warn CODE` or `deny CODE`.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelChange {
    /// What becomes of the rule.
    pub level: Level,
    /// The code or the name of the rule.
    pub rule: Spanned<Said>,
    /// Why; an `allow` must say.
    pub reason: Option<Spanned<Said>>,
    /// The node.
    pub span: Span,
}

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not reported.
    Allow,
    /// Reported as a warning.
    Warn,
    /// Reported as an error.
    Deny,
}

/// The version of the language that this program reads.
pub const VERSION: i64 = 1;

/// A whole file.
pub static FILE: Spec = Spec {
    children: &[
        Child::any(&LOCKGATE),
        Child::any(&PIPELINE),
        Child::any(&INCLUDE),
        Child::any(&ALLOW),
        Child::any(&WARN),
        Child::any(&DENY),
        Child::any(&test::SPEC),
    ],
    ..Spec::new("", "A pipeline file.")
};

/// `lockgate 1`
pub static LOCKGATE: Spec = Spec {
    args: &[Arg::new("VERSION", Ty::Count(1, i64::MAX), "The version.")],
    example: "lockgate 1",
    ..Spec::new("lockgate", "The version of the language that the file is in. Stands first in every file.")
};

/// `pipeline NAME { … }`
pub static PIPELINE: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name.")],
    children: &[
        Child::any(&source::SPEC),
        Child::any(&build::SPEC),
        Child::any(&task::SPEC),
        Child::any(&release::SPEC),
        Child::any(&environment::SPEC),
        Child::any(&secret::SPEC),
        Child::any(&notify::SPEC),
        Child::any(&INCLUDE),
    ],
    example: r#"
pipeline shop {
    source app {
        folder "./app"
    }
    // …
}"#,
    ..Spec::new(
        "pipeline",
        "What is watched, what is made of it, what is deployed, where, and who must say yes. Order in the file has no meaning but that of `deploy`, `values` and `set`; top to bottom is the way the data flows.",
    )
};

/// `include "PATH"`
pub static INCLUDE: Spec = Spec {
    args: &[Arg::new(
        "PATH",
        Ty::Format(&format::LOCAL_PATH),
        "The file, relative to this one and not out of the repository.",
    )],
    example: r#"include "shared/notify.kdl""#,
    ..Spec::new("include", "The nodes of another file, as if they stood here.")
};

const RULE: Arg = Arg::new("RULE", Ty::Name(Names::Rule), "The rule, by its code or its name.");

/// `allow RULE reason="…"`
pub static ALLOW: Spec = Spec {
    args: &[RULE],
    props: &[Prop::new("reason", Ty::Text, "Why; must be said.")],
    also: Some(check_allow),
    example: r#"allow mutable-tag reason="the scanner needs a fixed name""#,
    ..Spec::new(
        "allow",
        "What the rule finds is not reported. Only rules that are a matter of judgement can be allowed.",
    )
};

/// `warn RULE`
pub static WARN: Spec = Spec {
    args: &[RULE],
    props: &[Prop::new("reason", Ty::Text, "Why.")],
    example: "warn unverified-promotion",
    ..Spec::new("warn", "What the rule finds is reported as a warning.")
};

/// `deny RULE`
pub static DENY: Spec = Spec {
    args: &[RULE],
    props: &[Prop::new("reason", Ty::Text, "Why.")],
    example: "deny latest-tag",
    ..Spec::new("deny", "What the rule finds is reported as an error.")
};

fn check_allow(node: Node<'_>, faults: &mut Faults) {
    if node.prop("reason").is_none() {
        let fault =
            Diagnostic::new(&codes::MISSING_REASON, "`allow` does not say why").at(node.header_span(), "no reason");
        faults.push(fault.help("whoever reads it later has to know whether it still holds: write `reason=\"…\"`"));
    }
}

/// Whether a top-level node is a pipeline, or would be one if it were not misspelt.
pub(super) fn is_pipeline(node: Node<'_>) -> bool {
    let is_meant = || misspelt(node, &FILE).is_some_and(|meant| std::ptr::eq(meant, &PIPELINE));
    node.name() == PIPELINE.name || FILE.child(node.name()).is_none() && is_meant()
}

impl File {
    /// All but the pipelines.
    pub(super) fn decode(document: &Document, faults: &mut Faults) -> File {
        let mut file = File::default();
        let mut versions: Vec<Span> = Vec::new();
        for node in document.roots() {
            file.take(node, node.name(), faults);
            if node.name() == "lockgate" {
                // Each file that is included says it for itself.
                match versions.iter().find(|v| v.file == node.file()) {
                    Some(first) => faults.push(repeated_version(node, *first)),
                    None => versions.push(node.name_span()),
                }
            }
        }
        if versions.is_empty() {
            faults.push(no_version(document));
        }
        file
    }

    /// Takes one node in. One that is misspelt is taken as what was meant: that is told, and all that refers to it is right.
    fn take(&mut self, node: Node<'_>, name: &str, faults: &mut Faults) {
        match name {
            "lockgate" => {
                let version = decode_version(node, faults);
                decode::first(&mut self.version, version);
            }
            "allow" => self.levels.extend(LevelChange::decode(node, Level::Allow)),
            "warn" => self.levels.extend(LevelChange::decode(node, Level::Warn)),
            "test" => self.tests.extend(Test::decode(node)),
            "deny" => self.levels.extend(LevelChange::decode(node, Level::Deny)),
            _ if FILE.child(name).is_some() => {}
            _ => misspelt(node, &FILE).into_iter().for_each(|meant| self.take(node, meant.name, faults)),
        }
    }
}

fn decode_version(node: Node<'_>, faults: &mut Faults) -> Option<Spanned<i64>> {
    let value = node.arg(0)?;
    let version = Spanned::new(value.as_i64()?, value.span());
    if version.value > VERSION {
        let message = format!("the file is in version {} of the language", version.value);
        let fault = Diagnostic::new(&codes::UNKNOWN_VERSION, message)
            .at(version.span, format!("this program reads version {VERSION}"));
        faults.push(fault.help("a newer `lockgate` reads it"));
    }
    Some(version)
}

fn repeated_version(node: Node<'_>, first: Span) -> Diagnostic {
    Diagnostic::new(&codes::REPEATED_NODE, "`lockgate` stands twice in one file")
        .at(node.name_span(), "a second time here")
        .at(first, "first here")
        .help("keep the one that is meant")
}

fn no_version(document: &Document) -> Diagnostic {
    let file = document.trees().next().map(|t| t.file()).unwrap_or_default();
    let start = Span::new(file, 0, 0);
    Diagnostic::new(&codes::MISSING_VERSION, "the file does not say which language it is in")
        .at(start, "starts with something else")
        .help(format!("write `lockgate {VERSION}` in the first line"))
        .fix(format!("Add `lockgate {VERSION}`"), start, format!("lockgate {VERSION}\n\n"))
}

impl LevelChange {
    fn decode(node: Node<'_>, level: Level) -> Option<LevelChange> {
        Some(LevelChange {
            level,
            rule: decode::arg(node, 0)?,
            reason: decode::prop(node, "reason"),
            span: node.span(),
        })
    }
}

impl Pipeline {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Pipeline> {
        let mut pipeline = Pipeline::empty(decode::arg(node, 0), node);
        for child in node.children() {
            pipeline.take(child, child.name(), faults);
        }
        Some(pipeline).filter(|p| !p.name.is_empty())
    }

    /// Takes one node in; a misspelt one as what was meant.
    fn take(&mut self, node: Node<'_>, name: &str, faults: &mut Faults) {
        match name {
            "source" => decode::add(&mut self.sources, Source::decode(node)),
            "build" => decode::add(&mut self.builds, Build::decode(node, faults)),
            "task" => decode::add(&mut self.tasks, Task::decode(node, faults)),
            "release" => decode::add(&mut self.releases, Release::decode(node, faults)),
            "environment" => decode::add(&mut self.environments, Environment::decode(node, faults)),
            "secret" => decode::add(&mut self.secrets, Secret::decode(node)),
            "notify" => decode::add(&mut self.notifies, Notify::decode(node, faults)),
            _ if PIPELINE.child(name).is_some() => {}
            _ => misspelt(node, &PIPELINE).into_iter().for_each(|meant| self.take(node, meant.name, faults)),
        }
    }

    fn empty(name: Option<Spanned<Said>>, node: Node<'_>) -> Pipeline {
        let name = name.unwrap_or_else(|| Spanned::new(Said::default(), node.name_span()));
        let (sources, builds, tasks, releases) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (environments, secrets, notifies) = (Vec::new(), Vec::new(), Vec::new());
        Pipeline { name, span: node.span(), sources, builds, tasks, releases, environments, secrets, notifies }
    }
}
