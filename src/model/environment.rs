//! `environment`: where a candidate goes, and what must be true there.

use super::command::TIMEOUT;
use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Choice, Names, Prop, Spec, Ty};
use super::task::AFTER;
use super::verify::Verify;
use super::{Gate, Said, Spanned};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// Where a candidate goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// Environments that must have the candidate before, and tasks and builds that must have succeeded for it.
    pub after: Vec<Spanned<Said>>,
    /// The place deployed to; nothing when it is missing.
    pub target: Option<Target>,
    /// The releases that are deployed, in this order.
    pub deploys: Vec<Spanned<Said>>,
    /// What must succeed there after deploying.
    pub verifies: Vec<Verify>,
    /// Who must say yes.
    pub gate: GateRule,
    /// Whether a failed deploy is rolled back; it is unless said.
    pub rollback: bool,
    /// How long a deploy may take until it counts as failed; 10 minutes unless said.
    pub timeout: Option<Spanned<Duration>>,
}

/// The place deployed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `cluster CONTEXT namespace=NAME`.
    Cluster {
        /// The context of the kubeconfig.
        context: Spanned<Said>,
        /// The namespace; `default` unless said.
        namespace: Spanned<Said>,
        /// Whether the namespace is made when it is not there; it is unless said.
        create_namespace: bool,
        /// The secret with which the cluster pulls images.
        pull_secret: Option<Spanned<Said>>,
        /// Whether objects and fields that others made are taken over.
        adopt: bool,
        /// The node.
        span: Span,
    },
    /// `folder "PATH" namespace=NAME`: the manifests as files.
    Folder {
        /// Relative to the pipeline file.
        path: Spanned<Said>,
        /// The namespace that is rendered for; the environment's name unless said.
        namespace: Option<Spanned<Said>>,
        /// The node.
        span: Span,
    },
    /// `git "URL" branch=NAME folder="PATH"`: the manifests as files of a branch.
    Branch {
        /// A URL, or a path relative to the pipeline file.
        url: Spanned<Said>,
        /// The branch; `main` unless said.
        branch: Spanned<Said>,
        /// The folder in the repository; the environment's name unless said.
        folder: Option<Spanned<Said>>,
        /// The namespace that is rendered for; the environment's name unless said.
        namespace: Option<Spanned<Said>>,
        /// The secret that lets us push there.
        credentials: Option<Spanned<Said>>,
        /// Whether rendered Secrets may stand in the repository as they are.
        plain_secrets: bool,
        /// Who the commits are by; Lockgate unless said.
        author: Option<Spanned<Said>>,
        /// The node.
        span: Span,
    },
}

impl Target {
    /// The node.
    pub fn span(&self) -> Span {
        match self {
            Target::Cluster { span, .. } | Target::Folder { span, .. } | Target::Branch { span, .. } => *span,
        }
    }

    /// The secret that opens the place, or with which it fetches images.
    pub fn secret(&self) -> Option<&Spanned<Said>> {
        match self {
            Target::Cluster { pull_secret: secret, .. } | Target::Branch { credentials: secret, .. } => secret.as_ref(),
            Target::Folder { .. } => None,
        }
    }
}

/// What an environment says of its gate.
#[derive(Clone, Debug, PartialEq)]
pub enum GateRule {
    /// Nothing.
    Silent,
    /// `gate none`.
    None(Span),
    /// A gate.
    Gate(Gate),
}

/// `environment NAME after=… { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::DNS_LABEL), "Its name.")],
    props: &[Prop::new("after", Ty::Name(Names::Step), "What must be done before; more than one in a node `after`.")
        .default("nothing: it takes every candidate at once")],
    children: &[
        Child::any(&AFTER),
        Child::once(&super::gate::SPEC),
        Child::once(&CLUSTER),
        Child::once(&FOLDER),
        Child::once(&GIT),
        Child::some(&DEPLOY),
        Child::any(&super::verify::SPEC),
        Child::once(&ROLLBACK),
        Child::once(&TIMEOUT),
    ],
    choices: &[Choice { of: &["cluster", "folder", "git"], needed: true, about: "where it deploys to" }],
    example: r#"
environment staging after=dev {
    gate {
        approve 1 from=release-managers
    }
    cluster staging namespace=mi-staging
    deploy mi
    verify config "tests/smoke.sh"
}"#,
    ..Spec::new(
        "environment",
        "Where a candidate goes. It may enter when every environment before has it, and when its gate is open.",
    )
};

/// `cluster CONTEXT namespace=NAME`
pub static CLUSTER: Spec = Spec {
    args: &[Arg::new("CONTEXT", Ty::Text, "The context of the kubeconfig.")],
    props: &[
        Prop::new("namespace", Ty::Format(&format::DNS_LABEL), "The namespace.").default("`default`"),
        Prop::new("create-namespace", Ty::Bool, "Whether the namespace is made when it is not there.")
            .default("`#true`"),
        Prop::new(
            "pull-secret",
            Ty::Name(Names::Secret),
            "The secret with which the cluster pulls images: `user:password` for the registries of the pipeline, or a \
             Docker configuration. It becomes `lockgate-pull-RELEASE`, which all pods of the release name.",
        )
        .default("none"),
        Prop::new(
            "adopt",
            Ty::Bool,
            "Whether objects that are there already are taken over from Helm, `kubectl` or others, with all their fields.",
        )
        .default("`#false`: that they are there is an error which says whose they are"),
    ],
    example: "cluster staging namespace=mi-staging",
    ..Spec::new("cluster", "A namespace of a Kubernetes cluster. What is applied is waited for.")
};

/// `folder "PATH" namespace=NAME`
pub static FOLDER: Spec = Spec {
    args: &[Arg::new("PATH", Ty::Format(&format::LOCAL_PATH), "The folder, relative to the pipeline file.")],
    props: &[Prop::new("namespace", Ty::Format(&format::DNS_LABEL), "The namespace that is rendered for.")
        .default("the environment's name")],
    example: r#"folder "./deployed/dev""#,
    ..Spec::new("folder", "The rendered manifests as files, one an object, for a cluster that follows a folder.")
};

/// `git "URL" branch=NAME folder="PATH"`
pub static GIT: Spec = Spec {
    args: &[Arg::new("URL", Ty::Format(&format::GIT_URL), "Where the repository is.")],
    props: &[
        Prop::new("branch", Ty::Format(&format::BRANCH), "The branch that is committed to. It is made if it is not there.")
            .default("`main`"),
        Prop::new(
            "folder",
            Ty::Format(&format::BRANCH_FOLDER),
            "The folder in the repository, in which each release has one of its own; `.` is the root. Nothing outside of \
             it is touched.",
        )
        .default("the environment's name"),
        Prop::new("namespace", Ty::Format(&format::DNS_LABEL), "The namespace that is rendered for.")
            .default("the environment's name"),
        Prop::new(
            "credentials",
            Ty::Name(Names::Secret),
            "The secret that lets us push there: a token, `user:password`, or a private key for `ssh:`.",
        )
        .default("none; with `ssh:` the agent and the keys of whoever runs Lockgate"),
        Prop::new(
            "plain-secrets",
            Ty::Bool,
            "Whether a Secret that the chart renders may be committed as it is, for everyone to read who reads the \
             repository, now and in its history.",
        )
        .default("`#false`: that one is rendered is an error which says which"),
        Prop::new(
            "author",
            Ty::Format(&format::PERSON),
            "Who the commits are by, as author and as committer, for a server that takes only those of people it knows.",
        )
        .default("`Lockgate <lockgate@localhost>`"),
    ],
    example: r#"git "https://git.example.com/acme/manifests.git" branch=main folder="staging""#,
    ..Spec::new(
        "git",
        "The rendered manifests as files of a branch, one an object, for a cluster that follows it. A deploy is a commit, \
         pushed on top of what is there.",
    )
};

/// `deploy RELEASE…`
pub static DEPLOY: Spec = Spec {
    args: &[Arg::new("RELEASE", Ty::Name(Names::Release), "The release.")],
    more: Some(Arg::new("RELEASE", Ty::Name(Names::Release), "More of them.").optional()),
    example: "deploy database mi",
    ..Spec::new("deploy", "What is deployed there, in this order.")
};

/// `rollback #false`
pub static ROLLBACK: Spec = Spec {
    args: &[Arg::new("WHETHER", Ty::Bool, "Whether; `#true` when nothing is said.")],
    example: "rollback #false",
    ..Spec::new("rollback", "Whether a deploy or verification that fails goes back to what the environment had.")
};

impl Environment {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Environment> {
        let mut after: Vec<_> = decode::prop(node, "after").into_iter().collect();
        let (mut target, mut gate, mut rollback, mut timeout) = (None, None, None, None);
        let (mut deploys, mut verifies) = (Vec::new(), Vec::new());
        for child in node.children() {
            match child.name() {
                "after" => decode::texts(child, &mut after),
                "gate" => decode::first(&mut gate, Some(GateRule::decode(child))),
                "deploy" => decode::texts(child, &mut deploys),
                "verify" => decode::push(&mut verifies, Verify::decode(child, faults)),
                "rollback" => decode::first(&mut rollback, child.arg(0).and_then(|v| v.as_bool())),
                "timeout" => decode::first(&mut timeout, decode::duration(child)),
                _ => decode::first(&mut target, Target::decode(child)),
            }
        }
        let (gate, rollback) = (gate.unwrap_or(GateRule::Silent), rollback.unwrap_or(true));
        let name = decode::arg(node, 0)?;
        Some(Environment { name, span: node.span(), after, target, deploys, verifies, gate, rollback, timeout })
    }
}

impl Target {
    fn decode(node: Node<'_>) -> Option<Target> {
        let span = node.span();
        let namespace = decode::prop(node, "namespace");
        match node.name() {
            "cluster" => Some(Target::Cluster {
                context: decode::arg(node, 0)?,
                namespace: namespace.unwrap_or_else(|| Spanned::new(Said::const_new("default"), node.header_span())),
                create_namespace: decode::flag(node, "create-namespace", true),
                pull_secret: decode::prop(node, "pull-secret"),
                adopt: decode::flag(node, "adopt", false),
                span,
            }),
            "folder" => Some(Target::Folder { path: decode::arg(node, 0)?, namespace, span }),
            "git" => Some(Target::Branch {
                url: decode::arg(node, 0)?,
                branch: decode::prop(node, "branch")
                    .unwrap_or_else(|| Spanned::new(Said::const_new("main"), node.header_span())),
                folder: decode::prop(node, "folder"),
                namespace,
                credentials: decode::prop(node, "credentials"),
                plain_secrets: decode::flag(node, "plain-secrets", false),
                author: decode::prop(node, "author"),
                span,
            }),
            _ => None,
        }
    }
}
