//! `source`: a thing that is watched.

use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Choice, Names, Prop, Spec, Ty, Word, word};
use super::{Said, Spanned};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// A thing that is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// What it is.
    pub kind: SourceKind,
    /// Globs that select the files that count; empty: all.
    pub paths: Vec<Spanned<Said>>,
    /// Globs of files that do not count.
    pub ignore: Vec<Spanned<Said>>,
    /// What makes us look.
    pub triggers: Vec<Trigger>,
    /// The secret that opens it.
    pub credentials: Option<Spanned<Said>>,
}

/// What a source is.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// `git "URL" branch=main`.
    Git {
        /// A URL, or a path relative to the pipeline file.
        url: Spanned<Said>,
        /// The branch; `main` unless said.
        branch: Spanned<Said>,
    },
    /// `folder "PATH"`.
    Folder {
        /// Relative to the pipeline file.
        path: Spanned<Said>,
    },
    /// `image "REPOSITORY" tag="1.2.*"`.
    Image {
        /// The repository; a path (`./…`, `../…`, `/…`) is an OCI layout folder.
        repository: Spanned<Said>,
        /// A tag, a glob, or a range; `latest` unless said.
        tag: Spanned<Said>,
        /// Which of several tags is the newest.
        newest: Newest,
        /// Whether the registry is spoken with unencrypted.
        plain_http: bool,
    },
    /// `helm NAME repo="URL" version="~1.2"`, or `helm "./PATH"`.
    Helm {
        /// The chart's name, or a path (`./…`, `../…`, `/…`) of a folder or `.tgz`.
        chart: Spanned<Said>,
        /// The repository of charts.
        repo: Option<Spanned<Said>>,
        /// The range of versions.
        version: Option<Spanned<Said>>,
    },
    /// `webhook`: what is sent to us under this source's name.
    Webhook,
    /// Not said; there is a diagnostic.
    Unknown,
}

/// By what the newest of several tags is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Newest {
    /// By the version in the tag.
    #[default]
    Version,
    /// By when the image was made, as it says itself.
    Date,
}

impl SourceKind {
    /// The kind as the language names it.
    pub fn word(&self) -> &'static str {
        match self {
            SourceKind::Git { .. } => "git",
            SourceKind::Folder { .. } => "folder",
            SourceKind::Image { .. } => "image",
            SourceKind::Helm { .. } => "helm",
            SourceKind::Webhook => "webhook",
            SourceKind::Unknown => "source",
        }
    }

    /// The path on this machine that is watched, if it is one and not a name in a registry or repository.
    pub fn local_path(&self) -> Option<&Spanned<Said>> {
        match self {
            SourceKind::Folder { path } => Some(path),
            SourceKind::Git { url, .. } if is_path(url) => Some(url),
            SourceKind::Helm { chart, .. } if is_path(chart) => Some(chart),
            SourceKind::Image { repository, .. } if is_path(repository) => Some(repository),
            _ => None,
        }
    }

    /// Whether it has files: a git branch, a folder, a chart, or what is sent.
    pub fn has_files(&self) -> bool {
        !matches!(self, SourceKind::Image { .. })
    }
}

/// Whether a text names a path of this machine and not a name in a registry or repository.
pub fn is_path(text: &str) -> bool {
    text == "." || text == ".." || text.starts_with("./") || text.starts_with("../") || text.starts_with('/')
}

/// What names a git repository, however its URL is written: with or without a slash or `.git` at its end.
pub fn repository(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).trim_end_matches('/')
}

/// What makes us look.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The node.
    pub span: Span,
    /// What it is.
    pub kind: TriggerKind,
}

/// The kinds of trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerKind {
    /// `poll="1m"`.
    Poll(Spanned<Duration>),
    /// `cron="H 3 * * *" tz="Asia/Colombo"`.
    Cron {
        /// Five fields; `H` stands for a value derived from the source's name.
        expression: Spanned<Said>,
        /// The IANA time zone; UTC unless said.
        tz: Option<Spanned<Said>>,
    },
    /// `webhook=SECRET`: a hint to poll now, signed with that secret.
    Webhook(Spanned<Said>),
}

/// `source NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name, under which the others refer to it.")],
    children: &[
        Child::once(&GIT),
        Child::once(&FOLDER),
        Child::once(&IMAGE),
        Child::once(&HELM),
        Child::once(&WEBHOOK),
        Child::any(&PATHS),
        Child::any(&IGNORE),
        Child::any(&TRIGGER),
        Child::once(&CREDENTIALS),
    ],
    choices: &[Choice { of: &["git", "folder", "image", "helm", "webhook"], needed: true, about: "what is watched" }],
    example: r#"
source app {
    git "https://git.example.com/acme/app.git" branch=main
    paths "src/**" "Dockerfile"
    trigger poll="1m"
}"#,
    ..Spec::new(
        "source",
        "A thing that is watched. Its newest version that counts is its head; a head that moves makes a new candidate.",
    )
};

/// `git "URL" branch=NAME`
pub static GIT: Spec = Spec {
    args: &[Arg::new("URL", Ty::Format(&format::GIT_URL), "Where the repository is.")],
    props: &[Prop::new("branch", Ty::Format(&format::BRANCH), "The branch that is followed.").default("`main`")],
    example: r#"git "https://git.example.com/acme/app.git" branch=main"#,
    ..Spec::new("git", "A branch of a git repository; its versions are commits.")
};

/// `folder "PATH"`
pub static FOLDER: Spec = Spec {
    args: &[Arg::new("PATH", Ty::Format(&format::LOCAL_PATH), "The folder, relative to the pipeline file.")],
    example: r#"folder "./app""#,
    ..Spec::new(
        "folder",
        "A folder of this machine; its versions are the hashes of what is in it. What git ignores is left out.",
    )
};

static NEWEST: &[Word] = &[
    word("version", "the highest version in the tags, numbers as numbers"),
    word("date", "the image that was made last, as it says itself; each new tag is fetched once to know it"),
];

/// `plain-http=#true`, wherever a registry is named.
pub(super) const PLAIN_HTTP: Prop = Prop::new(
    "plain-http",
    Ty::Bool,
    "Speaks with the registry unencrypted. A registry of this machine (`localhost`, `127.0.0.1`) needs no saying.",
)
.default("`#false`");

/// `image "REPOSITORY" tag="RULE"`
pub static IMAGE: Spec = Spec {
    args: &[Arg::new("REPOSITORY", Ty::Format(&format::IMAGE), "The repository, or a path of an OCI layout folder.")],
    props: &[
        Prop::new("tag", Ty::Format(&format::TAG), "Which tags count; the newest among them is the head.")
            .default("`latest`"),
        Prop::new("newest", Ty::Word(NEWEST), "By what the newest of several tags is found.").default("`version`"),
        PLAIN_HTTP,
    ],
    example: r#"image "registry.example.com/wso2/wso2mi" tag="1.2.*""#,
    ..Spec::new(
        "image",
        "An image that somebody else makes; its versions are digests, so a tag that moves is a change.",
    )
};

/// `helm CHART repo="URL" version="RANGE"`
pub static HELM: Spec = Spec {
    args: &[Arg::new("CHART", Ty::Text, "The name of the chart, or a path (`./…`) of a folder or `.tgz`.")],
    props: &[
        Prop::new(
            "repo",
            Ty::Format(&format::REPO_URL),
            "The repository of charts; needed unless the chart is a path.",
        ),
        Prop::new("version", Ty::Format(&format::VERSION_RANGE), "Which versions count; the highest is the head.")
            .default("any without a pre-release"),
    ],
    also: Some(check_helm),
    example: r#"helm micro-integrator repo="https://helm.example.com" version="~1.2""#,
    ..Spec::new("helm", "A chart; its versions are chart versions with their digests.")
};

/// `webhook`
pub static WEBHOOK: Spec = Spec {
    example: "webhook",
    ..Spec::new("webhook", "What another program sends under this source's name. What is sent is the version.")
};

/// `paths "GLOB"…`
pub static PATHS: Spec = Spec {
    args: &[Arg::new("GLOB", Ty::Format(&format::GLOB), "Files that count.")],
    more: Some(Arg::new("GLOB", Ty::Format(&format::GLOB), "More of them.").optional()),
    example: r#"paths "src/**" "Dockerfile""#,
    ..Spec::new(
        "paths",
        "The files that count. A version that changes none of them is not new. Without `paths`, all files count.",
    )
};

/// `ignore "GLOB"…`
pub static IGNORE: Spec = Spec {
    args: &[Arg::new("GLOB", Ty::Format(&format::GLOB), "Files that do not count.")],
    more: Some(Arg::new("GLOB", Ty::Format(&format::GLOB), "More of them.").optional()),
    example: r#"ignore "docs/**" "*.md""#,
    ..Spec::new("ignore", "Files that do not count, though `paths` has them.")
};

/// `trigger poll=… | cron=… tz=… | webhook=…`
pub static TRIGGER: Spec = Spec {
    props: &[
        Prop::new("poll", Ty::Format(&format::DURATION), "How often it is looked at."),
        Prop::new("cron", Ty::Format(&format::CRON), "At which times it is looked at."),
        Prop::new("tz", Ty::Format(&format::TIME_ZONE), "The time zone of `cron`.").default("`UTC`"),
        Prop::new(
            "webhook",
            Ty::Name(Names::Secret),
            "The secret that signs a hint to look now. The hint carries no content and no authority.",
        ),
    ],
    also: Some(check_trigger),
    example: r#"trigger cron="H 3 * * *" tz="Asia/Colombo""#,
    ..Spec::new("trigger", "What makes us look. Several may stand; any of them does.")
};

/// `credentials SECRET`
pub static CREDENTIALS: Spec = Spec {
    args: &[Arg::new(
        "SECRET",
        Ty::Name(Names::Secret),
        "The secret: a token, a user name and a password with `:` between, or the private key for `ssh:`, whole and without a passphrase.",
    )],
    example: "credentials git-token",
    ..Spec::new("credentials", "What opens the source where it is not public.")
};

/// A chart by name needs a repository, and one by path has none.
fn check_helm(node: Node<'_>, faults: &mut Faults) {
    let Some(chart) = decode::arg(node, 0) else { return };
    match (is_path(&chart), node.prop("repo")) {
        (false, None) => {
            let message = format!("nothing says in which repository the chart `{}` is", chart.value);
            let fault = Diagnostic::new(&codes::MISSING_PROPERTY, message).at(node.header_span(), "lacks `repo=`");
            faults.push(fault.help(format!("write `repo=\"https://…\"`, or `\"./{}\"` for a folder", chart.value)));
        }
        (true, Some(repo)) => {
            let fault = Diagnostic::new(&codes::CONTRADICTION, "a chart at a path is in no repository");
            let fault = fault.at(repo.span(), "and this").at(chart.span, "this is a path");
            faults.push(fault.help("leave one of them out"));
        }
        _ => {}
    }
}

/// A trigger is one thing.
fn check_trigger(node: Node<'_>, faults: &mut Faults) {
    let mut kinds = node.props().filter(|p| p.key() != "tz");
    match (kinds.next(), kinds.next()) {
        (None, _) => {
            let fault = Diagnostic::new(&codes::EMPTY_NODE, "`trigger` does not say what makes us look");
            faults.push(
                fault
                    .at(node.header_span(), "no `poll`, `cron` or `webhook`")
                    .help(format!("it is written `{}`", "trigger poll=\"1m\"")),
            );
        }
        (Some(one), Some(other)) => {
            let message = format!("`{}` and `{}` are two triggers", one.key(), other.key());
            let fault =
                Diagnostic::new(&codes::CONTRADICTION, message).at(other.span(), "and this").at(one.span(), "this");
            faults.push(fault.help("write a `trigger` for each"));
        }
        (Some(only), None) => {
            if let Some(tz) = node.prop("tz").filter(|_| only.key() != "cron") {
                let message = format!("`{}` has no time zone", only.key());
                let fault = Diagnostic::new(&codes::CONTRADICTION, message).at(tz.span(), "means nothing here");
                faults.push(fault.at(only.span(), "").help("`tz` belongs to `cron`"));
            }
        }
    }
}

impl Source {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>) -> Option<Source> {
        let mut kind = None;
        let (mut paths, mut ignore, mut triggers, mut credentials) = (Vec::new(), Vec::new(), Vec::new(), None);
        for child in node.children() {
            match child.name() {
                "paths" => decode::texts(child, &mut paths),
                "ignore" => decode::texts(child, &mut ignore),
                "trigger" => decode::push(&mut triggers, Trigger::decode(child)),
                "credentials" => decode::first(&mut credentials, decode::arg(child, 0)),
                _ => decode::first(&mut kind, SourceKind::decode(child)),
            }
        }
        let kind = kind.unwrap_or(SourceKind::Unknown);
        Some(Source { name: decode::arg(node, 0)?, span: node.span(), kind, paths, ignore, triggers, credentials })
    }
}

impl SourceKind {
    fn decode(node: Node<'_>) -> Option<SourceKind> {
        let said = |key: &str, default: &str| {
            decode::prop(node, key).unwrap_or_else(|| Spanned::new(default.into(), node.header_span()))
        };
        Some(match node.name() {
            "git" => SourceKind::Git { url: decode::arg(node, 0)?, branch: said("branch", "main") },
            "folder" => SourceKind::Folder { path: decode::arg(node, 0)? },
            "image" => SourceKind::Image {
                repository: decode::arg(node, 0)?,
                tag: said("tag", "latest"),
                newest: if node.prop("newest").is_some_and(|p| p.value().as_str() == Some("date")) {
                    Newest::Date
                } else {
                    Newest::Version
                },
                plain_http: decode::flag(node, "plain-http", false),
            },
            "helm" => SourceKind::Helm {
                chart: decode::arg(node, 0)?,
                repo: decode::prop(node, "repo"),
                version: decode::prop(node, "version"),
            },
            "webhook" => SourceKind::Webhook,
            _ => return None,
        })
    }
}

impl Trigger {
    fn decode(node: Node<'_>) -> Option<Trigger> {
        let kind = if let Some(poll) = node.prop("poll") {
            TriggerKind::Poll(decode::duration_of(poll.value())?)
        } else if let Some(expression) = decode::prop(node, "cron") {
            TriggerKind::Cron { expression, tz: decode::prop(node, "tz") }
        } else {
            TriggerKind::Webhook(decode::prop(node, "webhook")?)
        };
        Some(Trigger { span: node.span(), kind })
    }
}
