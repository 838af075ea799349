//! `secret`: a value that is used and never shown.

use super::decode;
use super::format;
use super::spec::{Arg, Child, Choice, Names, Prop, Spec, Ty};
use super::{Said, Spanned, Template};
use crate::source::Span;
use crate::syntax::Node;

/// A value that is used and never shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// Where its value is; nothing when that is missing.
    pub from: Option<SecretFrom>,
    /// The environments that may use it; all when there is none.
    pub environments: Vec<Spanned<Said>>,
}

/// Where a secret's value is.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretFrom {
    /// `env VARIABLE`.
    Env(Spanned<Said>),
    /// `file "PATH"`, relative to the pipeline file.
    File(Spanned<Said>),
    /// `command ARGV…`: what the program prints, without the last line end.
    Command(Vec<Template>),
    /// `kubernetes CONTEXT namespace=… name=… key=…`.
    Kubernetes {
        /// The context of the kubeconfig.
        context: Spanned<Said>,
        /// The namespace.
        namespace: Spanned<Said>,
        /// The Secret object.
        name: Spanned<Said>,
        /// The key in it.
        key: Spanned<Said>,
    },
}

/// `secret NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name, under which the others refer to its value.")],
    children: &[
        Child::once(&ENV),
        Child::once(&FILE),
        Child::once(&COMMAND),
        Child::once(&KUBERNETES),
        Child::any(&ENVIRONMENTS),
    ],
    choices: &[Choice { of: &["env", "file", "command", "kubernetes"], needed: true, about: "where its value is" }],
    example: r#"
secret registry-token {
    env REGISTRY_TOKEN
    environments staging prod
}"#,
    ..Spec::new(
        "secret",
        "A value that is used and never shown: it is in no plan, no log, no image and no manifest. It may stand in the `env` of a command, in `credentials` and in the address of a `notify`.",
    )
};

/// `env VARIABLE`
pub static ENV: Spec = Spec {
    args: &[Arg::new("VARIABLE", Ty::Format(&format::VARIABLE), "The variable.")],
    example: "env REGISTRY_TOKEN",
    ..Spec::new("env", "A variable of the environment in which Lockgate runs.")
};

/// `file "PATH"`
pub static FILE: Spec = Spec {
    args: &[Arg::new("PATH", Ty::Format(&format::LOCAL_PATH), "The file, relative to the pipeline file.")],
    example: r#"file "/run/secrets/registry-token""#,
    ..Spec::new("file", "A file; its last line end does not count.")
};

/// `command PROGRAM ARG…`
pub static COMMAND: Spec = Spec {
    args: &[Arg::new("PROGRAM", Ty::Text, "The program.")],
    more: Some(Arg::new("ARG", Ty::Text, "An argument, handed over as it is.").optional()),
    example: r#"command vault kv get "-field=token" "secret/registry""#,
    ..Spec::new("command", "What a program prints; its last line end does not count.")
};

/// `kubernetes CONTEXT namespace=… name=… key=…`
pub static KUBERNETES: Spec = Spec {
    args: &[Arg::new("CONTEXT", Ty::Text, "The context of the kubeconfig.")],
    props: &[
        Prop::new("namespace", Ty::Format(&format::DNS_LABEL), "The namespace.").required(),
        Prop::new("name", Ty::Text, "The Secret object.").required(),
        Prop::new("key", Ty::Text, "The key in it.").required(),
    ],
    example: "kubernetes dev namespace=ci name=registry key=token",
    ..Spec::new("kubernetes", "A key of a Secret object in a cluster.")
};

/// `environments NAME…`
pub static ENVIRONMENTS: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Name(Names::Environment), "An environment.")],
    more: Some(Arg::new("NAME", Ty::Name(Names::Environment), "More of them.").optional()),
    example: "environments staging prod",
    ..Spec::new("environments", "The environments that may use it; all when nothing is said.")
};

impl Secret {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>) -> Option<Secret> {
        let (mut from, mut environments) = (None, Vec::new());
        for child in node.children() {
            match child.name() {
                "environments" => decode::texts(child, &mut environments),
                _ => decode::first(&mut from, SecretFrom::decode(child)),
            }
        }
        Some(Secret { name: decode::arg(node, 0)?, span: node.span(), from, environments })
    }
}

impl SecretFrom {
    fn decode(node: Node<'_>) -> Option<SecretFrom> {
        Some(match node.name() {
            "env" => SecretFrom::Env(decode::arg(node, 0)?),
            "file" => SecretFrom::File(decode::arg(node, 0)?),
            "command" => SecretFrom::Command(node.args().map(decode::plain).collect()),
            "kubernetes" => SecretFrom::Kubernetes {
                context: decode::arg(node, 0)?,
                namespace: decode::prop(node, "namespace")?,
                name: decode::prop(node, "name")?,
                key: decode::prop(node, "key")?,
            },
            _ => return None,
        })
    }
}
