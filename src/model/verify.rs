//! `verify`: what must succeed in an environment after deploying.

use super::command::{ENV, IN, ON_UNKNOWN, RETRIES, RUN, SHELL, TIMEOUT};
use super::decode::{self, Faults};
use super::spec::{Arg, Child, Choice, Names, Prop, Spec, Ty};
use super::{Command, Said, SourcePath, Spanned, Template};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// One check after deploying.
#[derive(Clone, Debug, PartialEq)]
pub struct Verify {
    /// What is checked.
    pub kind: VerifyKind,
    /// The node.
    pub span: Span,
}

/// The kinds of verification.
#[derive(Clone, Debug, PartialEq)]
pub enum VerifyKind {
    /// `verify SOURCE "SCRIPT" ARG…`: a script of a source, run in that source's files.
    Script {
        /// The script.
        script: SourcePath,
        /// Its arguments.
        args: Vec<Template>,
        /// Environment, timeout, retries, image; its program is not used.
        command: Command,
    },
    /// `verify { run … }`.
    Run(Command),
    /// `verify { http "URL" status=200 }`: asked until it answers so, or the timeout is over.
    Http {
        /// The URL.
        url: Template,
        /// The status that is success.
        status: u16,
        /// What must stand in the answer's body.
        contains: Option<Template>,
        /// How long it is tried; 1 minute unless said.
        timeout: Option<Spanned<Duration>>,
    },
    /// `verify { helm-test … }`: the tests that a chart brings, run in the cluster.
    HelmTest {
        /// The releases whose tests are run; all that are deployed there where none is named.
        releases: Vec<Spanned<Said>>,
        /// How long they may take together; 5 minutes unless said, as with Helm.
        timeout: Option<Spanned<Duration>>,
        /// The node that says so.
        span: Span,
    },
}

/// `verify SOURCE "SCRIPT" ARG…` or `verify { … }`
pub static SPEC: Spec = Spec {
    args: &[
        Arg::new("SOURCE", Ty::Name(Names::Source), "The source with the script.").optional(),
        Arg::new("SCRIPT", Ty::Template, "The path of the script in it. It is run in the files of that source.")
            .optional(),
    ],
    more: Some(Arg::new("ARG", Ty::TemplateOrNumber, "An argument of the script, handed over as it is.").optional()),
    props: RUN.props,
    children: &[
        Child::once(&RUN),
        Child::once(&SHELL),
        Child::once(&HTTP),
        Child::once(&HELM_TEST),
        Child::once(&IN),
        Child::any(&ENV),
        Child::once(&TIMEOUT),
        Child::once(&RETRIES),
        Child::once(&ON_UNKNOWN),
    ],
    choices: &[Choice { of: &["run", "shell", "http", "helm-test"], needed: false, about: "what is checked" }],
    also: Some(check),
    example: r#"verify config "tests/smoke.sh" "{environment.namespace}""#,
    ..Spec::new(
        "verify",
        "What must succeed there after deploying. Only a candidate that was verified moves on; one that fails is rolled back.",
    )
};

/// `http "URL" status=200`
pub static HTTP: Spec = Spec {
    args: &[Arg::new("URL", Ty::Template, "The address.")],
    props: &[
        Prop::new(
            "status",
            Ty::Count(100, 599),
            "The status that is success. A redirection is followed, but for one that is success itself.",
        )
        .default("`200`"),
        Prop::new(
            "contains",
            Ty::Template,
            "What must stand in the answer, in its first MiB; the new version, say, where the address tells it.",
        ),
    ],
    example: r#"http "https://{environment}.example.com/health" contains="{app.short}""#,
    ..Spec::new(
        "http",
        "An address that is asked until it answers as it should; for 1 minute unless `timeout` says another.",
    )
};

/// `helm-test [RELEASE…]`
pub static HELM_TEST: Spec = Spec {
    more: Some(Arg::new(
        "RELEASE",
        Ty::Name(Names::Release),
        "A release whose tests are run; all that are deployed there where none is named.",
    )),
    example: "helm-test web",
    ..Spec::new(
        "helm-test",
        "The tests that a chart brings, its hooks for the moment `test`: run in the cluster one after the other, waited for, and deleted as their policy says; for 5 minutes unless `timeout` says another.",
    )
};

/// What is checked is said once: by the arguments or in the block.
fn check(node: Node<'_>, faults: &mut Faults) {
    let program = node.children().find(|c| matches!(c.name(), "run" | "shell" | "http" | "helm-test"));
    match (node.arg(0), node.arg(1), program) {
        (None, _, None) => {
            let fault = Diagnostic::new(&codes::MISSING_NODE, "`verify` does not say what is checked");
            let fault = fault.at(node.header_span(), "nothing in it says so");
            faults.push(
                fault.help("write `verify SOURCE \"SCRIPT\"`, or `run`, `shell`, `http` or `helm-test` in its block"),
            );
        }
        (Some(source), None, None) => {
            let fault = Diagnostic::new(&codes::MISSING_ARGUMENT, "`verify` lacks its SCRIPT");
            faults.push(
                fault.at(source.span(), "a source, and no script of it").help("write `verify SOURCE \"SCRIPT\"`"),
            );
        }
        (Some(source), _, Some(program)) => {
            let message = format!("`verify` runs a script and `{}` as well", program.name());
            let fault = Diagnostic::new(&codes::CONTRADICTION, message);
            let fault = fault.at(program.header_span(), "and this").at(source.span(), "this is checked");
            faults.push(fault.help("write a `verify` for each"));
        }
        _ => {}
    }
}

impl Verify {
    /// Reads the node; nothing when it does not say what is checked.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Verify> {
        let mut command = Command::new(node.header_span());
        let (mut http, mut tests) = (None, None);
        for child in node.children() {
            match child.name() {
                "http" => decode::first(&mut http, decode_http(child, faults)),
                "helm-test" => decode::first(&mut tests, Some((decode::args(child).collect::<Vec<_>>(), child.span()))),
                _ => {
                    command.take(child, faults);
                }
            }
        }
        let script = decode::source_path(node, faults);
        let kind = match (script, http, tests) {
            (Some(script), ..) => {
                command.place(node, faults);
                VerifyKind::Script { script, args: decode::templates(node, 2, faults), command }
            }
            (None, Some((url, status, contains)), _) => {
                VerifyKind::Http { url, status, contains, timeout: command.timeout }
            }
            (None, None, Some((releases, span))) => VerifyKind::HelmTest { releases, timeout: command.timeout, span },
            (None, None, None) if command.is_empty() => return None,
            (None, None, None) => VerifyKind::Run(command),
        };
        Some(Verify { kind, span: node.span() })
    }
}

fn decode_http(node: Node<'_>, faults: &mut Faults) -> Option<(Template, u16, Option<Template>)> {
    let status = node.prop("status").and_then(|p| u16::try_from(p.value().as_i64()?).ok());
    let contains = decode::prop_template(node, "contains", faults);
    Some((decode::arg_template(node, 0, faults)?, status.unwrap_or(200), contains))
}
