//! `build`: an image made from a Dockerfile.

use super::command::SURROUNDINGS;
use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Names, Own, Prop, Spec, Ty, Word, word};
use super::{Command, Said, SourcePath, Spanned, Template};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// An image made from a Dockerfile.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// The files that it is made of.
    pub context: Option<SourcePath>,
    /// The path of the Dockerfile in the context; `Dockerfile` unless said.
    pub dockerfile: Option<Spanned<Said>>,
    /// The stage to build.
    pub target: Option<Spanned<Said>>,
    /// The platform; `linux/amd64` unless said.
    pub platform: Option<Spanned<Said>>,
    /// Build arguments.
    pub args: Vec<(Spanned<Said>, Template)>,
    /// Labels of the image.
    pub labels: Vec<(Spanned<Said>, Template)>,
    /// Secrets that instructions may mount.
    pub secrets: Vec<BuildSecret>,
    /// How long an engine may take; an hour unless said.
    pub timeout: Option<Spanned<Duration>>,
    /// Programs that must succeed before the image is pushed, run in the context.
    pub tests: Vec<Command>,
    /// Where it goes.
    pub push: Option<Push>,
    /// What makes it.
    pub builder: Spanned<Builder>,
}

/// `secret NAME id="ID"`.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSecret {
    /// The secret.
    pub name: Spanned<Said>,
    /// The id by which the Dockerfile asks for it; the secret's name unless said.
    pub id: Option<Spanned<Said>>,
}

impl BuildSecret {
    /// The id by which the Dockerfile asks for it.
    pub fn id(&self) -> &str {
        self.id.as_ref().unwrap_or(&self.name)
    }
}

/// How long an engine may take to build unless the file says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);

/// `push "REPOSITORY" tag="…"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The repository with its registry; a path is an OCI layout folder.
    pub repository: Spanned<Said>,
    /// The tag; the candidate's short name unless said.
    pub tag: Option<Template>,
    /// The secret that lets us push there; what `docker login` left unless said.
    pub credentials: Option<Spanned<Said>>,
    /// Whether the registry is spoken with unencrypted.
    pub plain_http: bool,
    /// The node.
    pub span: Span,
}

/// What makes an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Builder {
    /// Lockgate itself: copies files into layers, runs nothing.
    #[default]
    Daemonless,
    /// A Docker engine.
    Docker,
}

/// `build NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name, under which the others refer to the image.")],
    children: &[
        Child::needed(&CONTEXT),
        Child::once(&DOCKERFILE),
        Child::once(&TARGET),
        Child::once(&PLATFORM),
        Child::once(&BUILDER),
        Child::any(&ARG),
        Child::any(&LABEL),
        Child::any(&SECRET),
        Child::once(&TIMEOUT),
        Child::any(&TEST),
        Child::once(&PUSH),
    ],
    example: r#"
build image {
    context app
    arg BASE_IMAGE="{base}"
    test "./tests/unit.sh"
    push "registry.example.com/acme/app" tag="{base.tag}-{app.short}"
}"#,
    ..Spec::new(
        "build",
        "An image made from a Dockerfile, tested and pushed. The same files, arguments and base give the same image, which is not built again.",
    )
};

/// `context SOURCE ["PATH"]`
pub static CONTEXT: Spec = Spec {
    args: &[
        Arg::new("SOURCE", Ty::Name(Names::Source), "The source whose files the image is made of."),
        Arg::new("PATH", Ty::Template, "A folder of it.").optional(),
    ],
    example: r#"context app "services/api""#,
    ..Spec::new("context", "The files that the Dockerfile can copy. `.dockerignore` is honoured.")
};

/// `dockerfile "PATH"`
pub static DOCKERFILE: Spec = Spec {
    args: &[Arg::new("PATH", Ty::Format(&format::PATH), "The path in the context; `Dockerfile` when nothing is said.")],
    example: r#"dockerfile "docker/Dockerfile.api""#,
    ..Spec::new("dockerfile", "The Dockerfile.")
};

/// `target STAGE`
pub static TARGET: Spec = Spec {
    args: &[Arg::new("STAGE", Ty::Text, "The name of the stage; the last one when nothing is said.")],
    example: "target runtime",
    ..Spec::new("target", "The stage of the Dockerfile that becomes the image.")
};

/// `platform "OS/ARCH"`
pub static PLATFORM: Spec = Spec {
    args: &[Arg::new("PLATFORM", Ty::Format(&format::PLATFORM), "The platform; `linux/amd64` when nothing is said.")],
    example: r#"platform "linux/arm64""#,
    ..Spec::new("platform", "The platform that the image is for.")
};

static BUILDERS: &[Word] = &[
    word(
        "daemonless",
        "Lockgate itself: copies files into layers and runs nothing; to be had everywhere, and reproducible",
    ),
    word("docker", "a Docker engine, for Dockerfiles with `RUN`"),
];

/// `builder daemonless|docker`
pub static BUILDER: Spec = Spec {
    args: &[Arg::new("BUILDER", Ty::Word(BUILDERS), "Who; `daemonless` when nothing is said.")],
    example: "builder docker",
    ..Spec::new("builder", "Who makes the image.")
};

/// `arg NAME="VALUE"…`
pub static ARG: Spec = Spec {
    own: Some(Own {
        name: "NAME",
        key: Some(&format::VARIABLE),
        ty: Ty::TemplateOrNumber,
        prose: "The argument and its value. It can be read in the image's history, so no secret may stand here.",
    }),
    example: r#"arg BASE_IMAGE="{base}" VERSION="{app.short}""#,
    ..Spec::new("arg", "Build arguments, for the `ARG` of the Dockerfile.")
};

/// `label KEY="VALUE"…`
pub static LABEL: Spec = Spec {
    own: Some(Own { name: "KEY", key: None, ty: Ty::TemplateOrNumber, prose: "The label and its value." }),
    example: r#"label "org.opencontainers.image.revision"="{app.commit}""#,
    ..Spec::new("label", "Labels of the image.")
};

/// `secret NAME id="ID"`
pub static SECRET: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Name(Names::Secret), "The secret.")],
    props: &[Prop::new("id", Ty::Text, "The id by which the Dockerfile asks for it.").default("the secret's name")],
    example: "secret npm-token id=npm",
    ..Spec::new(
        "secret",
        "A secret that an instruction mounts: `RUN --mount=type=secret,id=ID`. It is in no layer, argument or log. Needs `builder docker` and an engine with BuildKit.",
    )
};

/// `timeout "DURATION"`
pub static TIMEOUT: Spec = Spec {
    args: &[Arg::new("DURATION", Ty::Format(&format::DURATION), "How long; an hour when nothing is said.")],
    example: r#"timeout "20m""#,
    ..Spec::new("timeout", "How long an engine may take for the build. What takes longer is ended and has failed.")
};

/// `test PROGRAM ARG…`
pub static TEST: Spec = Spec {
    args: &[Arg::new("PROGRAM", Ty::Template, "The program; looked for in the context when it starts with `./`.")],
    more: Some(Arg::new("ARG", Ty::TemplateOrNumber, "An argument, handed over as it is.").optional()),
    props: super::command::RUN.props,
    children: &SURROUNDINGS,
    example: r#"test "./tests/unit.sh" "--fast""#,
    ..Spec::new(
        "test",
        "A program that must succeed before the image is pushed. It runs in the files of the context, on this machine; with `image=\"{NAME}\"`, where NAME is this very build, in a container of the image that was just made.",
    )
};

/// `push "REPOSITORY" tag="TAG"`
pub static PUSH: Spec = Spec {
    args: &[Arg::new("REPOSITORY", Ty::Format(&format::IMAGE), "The repository, or a path of an OCI layout folder.")],
    props: &[
        Prop::new("tag", Ty::Template, "The tag. What is deployed is the digest; the tag is for people. One with something exact in it, as `{app.short}`, names one image for ever: where it names another one, as after a new base image, this one gets the first digits of its digest behind it.")
            .default("the candidate's short name"),
        Prop::new(
            "credentials",
            Ty::Name(Names::Secret),
            "The secret that lets us push: a token, or a user name and a password with `:` between. Bases in the same registry are pulled with it, too.",
        )
        .default("what `docker login` left"),
        super::source::PLAIN_HTTP,
    ],
    example: r#"push "registry.example.com/acme/app" tag="{app.short}""#,
    ..Spec::new("push", "Where the image goes. Without it, the image stays here.")
};

impl Build {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Build> {
        let name = decode::arg(node, 0).unwrap_or_else(|| Spanned::new(Said::default(), node.name_span()));
        let mut build = Build::empty(name, node.span());
        for child in node.children() {
            match child.name() {
                "context" => decode::first(&mut build.context, decode::source_path(child, faults)),
                "dockerfile" => decode::first(&mut build.dockerfile, decode::arg(child, 0)),
                "target" => decode::first(&mut build.target, decode::arg(child, 0)),
                "platform" => decode::first(&mut build.platform, decode::arg(child, 0)),
                "builder" => build.builder = Builder::decode(child).unwrap_or(build.builder),
                "arg" => decode::pairs(child, faults, &mut build.args),
                "label" => decode::pairs(child, faults, &mut build.labels),
                "secret" => decode::push(&mut build.secrets, BuildSecret::decode(child)),
                "timeout" => decode::first(&mut build.timeout, decode::duration(child)),
                "test" => build.tests.push(decode_test(child, faults)),
                "push" => decode::first(&mut build.push, Push::decode(child, faults)),
                _ => {}
            }
        }
        Some(build).filter(|b| !b.name.is_empty())
    }

    fn empty(name: Spanned<Said>, span: Span) -> Build {
        let builder = Spanned::new(Builder::default(), name.span);
        let (args, labels, tests) = (Vec::new(), Vec::new(), Vec::new());
        let (context, dockerfile, target, platform, push) = (None, None, None, None, None);
        let (secrets, timeout) = (Vec::new(), None);
        Build {
            name,
            span,
            context,
            dockerfile,
            target,
            platform,
            args,
            labels,
            secrets,
            timeout,
            tests,
            push,
            builder,
        }
    }

    /// How long an engine may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(DEFAULT_TIMEOUT, |t| t.value)
    }
}

impl BuildSecret {
    fn decode(node: Node<'_>) -> Option<BuildSecret> {
        Some(BuildSecret { name: decode::arg(node, 0)?, id: decode::prop(node, "id") })
    }
}

impl Builder {
    fn decode(node: Node<'_>) -> Option<Spanned<Builder>> {
        let word = node.arg(0)?;
        let builder = match word.as_str()? {
            "daemonless" => Builder::Daemonless,
            "docker" => Builder::Docker,
            _ => return None,
        };
        Some(Spanned::new(builder, word.span()))
    }
}

impl Push {
    fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Push> {
        let tag = decode::prop_template(node, "tag", faults);
        Some(Push {
            repository: decode::arg(node, 0)?,
            tag,
            credentials: decode::prop(node, "credentials"),
            plain_http: decode::flag(node, "plain-http", false),
            span: node.span(),
        })
    }
}

fn decode_test(node: Node<'_>, faults: &mut Faults) -> Command {
    let mut command = Command::new(node.span());
    command.run(node, faults);
    for child in node.children() {
        // A block of a test has no `run` of its own; whatever else stands there has been told.
        if !matches!(child.name(), "run" | "shell" | "in") {
            command.take(child, faults);
        }
    }
    command
}
