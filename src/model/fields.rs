//! What a reference can name: the fields of each kind of node, for checking, completion and hover.

use super::SourceKind;

/// What can be read of a kind of node.
#[derive(Debug)]
pub struct Fields {
    /// What `{name}` alone is; nothing when a field must be named.
    pub own: Option<Field>,
    /// The fields, as in `{name.field}`.
    pub fields: &'static [Field],
}

impl Fields {
    /// The field of that name.
    pub fn find(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// One thing that can be read.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name; empty for what stands without one.
    pub name: &'static str,
    /// What of it must be kept in mind.
    pub nature: Nature,
    /// What it is.
    pub prose: &'static str,
}

/// What must be kept in mind of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It is another whenever the content is another: a digest, a commit.
    Exact,
    /// It may stay the same while the content changes, or is said in the file anyway.
    Plain,
    /// It is written by whoever can propose a change, and may hold anything.
    Foreign,
    /// It must not be seen.
    Secret,
}

const fn exact(name: &'static str, prose: &'static str) -> Field {
    Field { name, nature: Nature::Exact, prose }
}

const fn plain(name: &'static str, prose: &'static str) -> Field {
    Field { name, nature: Nature::Plain, prose }
}

const fn foreign(name: &'static str, prose: &'static str) -> Field {
    Field { name, nature: Nature::Foreign, prose }
}

/// Of a git source.
pub static GIT: Fields = Fields {
    own: Some(exact("", "the commit, 40 hexadecimal digits")),
    fields: &[
        exact("commit", "the commit, 40 hexadecimal digits"),
        exact("short", "the first seven digits of the commit"),
        plain("branch", "the branch that is followed"),
        foreign("author", "who wrote the commit, as `Name <address>`"),
        foreign("subject", "the first line of the commit's message"),
    ],
};

/// Of a folder.
pub static FOLDER: Fields = Fields {
    own: None,
    fields: &[
        exact("digest", "the digest of all that is in it"),
        exact("short", "the first twelve digits of the digest"),
    ],
};

/// Of an image that somebody else makes.
pub static IMAGE: Fields = Fields {
    own: Some(exact("", "the image with its digest, as `repository@sha256:…`")),
    fields: &[
        exact("digest", "the digest, as `sha256:…`"),
        plain("tag", "the tag under which it was found"),
        plain("repository", "the repository"),
    ],
};

/// Of a chart.
pub static HELM: Fields = Fields {
    own: Some(plain("", "the version of the chart")),
    fields: &[plain("version", "the version of the chart"), exact("digest", "the digest of the chart, as `sha256:…`")],
};

/// Of what a webhook brought.
pub static WEBHOOK: Fields = Fields {
    own: None,
    fields: &[exact("digest", "the digest of what was sent"), exact("short", "the first twelve digits of the digest")],
};

/// Of an image that the pipeline makes.
pub static BUILD: Fields = Fields {
    own: Some(exact("", "the image with its digest, as `repository@sha256:…`")),
    fields: &[
        exact("digest", "the digest, as `sha256:…`"),
        plain("tag", "the tag under which it is pushed"),
        plain("repository", "the repository with its registry"),
        plain("registry", "the registry alone"),
        plain("name", "the repository without its registry"),
    ],
};

/// Of a secret.
pub static SECRET: Fields = Fields {
    own: Some(Field { name: "", nature: Nature::Secret, prose: "its value, which is never shown" }),
    fields: &[],
};

/// A name that means something of its own in a reference, without a node.
#[derive(Debug)]
pub struct ContextName {
    /// The name.
    pub name: &'static str,
    /// What can be read of it.
    pub fields: &'static Fields,
    /// Whether it is known only where something is deployed or verified.
    pub in_environment: bool,
}

/// The names that mean something of their own in a reference.
pub static CONTEXT: &[ContextName] = &[
    ContextName {
        name: "environment",
        in_environment: true,
        fields: &Fields {
            own: Some(plain("", "the name of the environment that is deployed to")),
            fields: &[
                plain("name", "the name of the environment"),
                plain("namespace", "its namespace"),
                plain("cluster", "its cluster, or its folder"),
            ],
        },
    },
    ContextName {
        name: "candidate",
        in_environment: false,
        fields: &Fields {
            own: Some(exact("", "its name that people can say, as `calm-otter-3f2`")),
            fields: &[
                exact("name", "its name that people can say, as `calm-otter-3f2`"),
                exact("id", "its id, as `sha256:…`"),
                exact("short", "the first twelve digits of its id"),
            ],
        },
    },
    ContextName {
        name: "pipeline",
        in_environment: false,
        fields: &Fields {
            own: Some(plain("", "the name of the pipeline")),
            fields: &[plain("name", "the name of the pipeline")],
        },
    },
];

/// The context name of that name.
pub fn context(name: &str) -> Option<&'static ContextName> {
    CONTEXT.iter().find(|c| c.name == name)
}

/// What can be read of a source.
pub fn of_source(kind: &SourceKind) -> Option<&'static Fields> {
    Some(match kind {
        SourceKind::Git { .. } => &GIT,
        SourceKind::Folder { .. } => &FOLDER,
        SourceKind::Image { .. } => &IMAGE,
        SourceKind::Helm { .. } => &HELM,
        SourceKind::Webhook => &WEBHOOK,
        SourceKind::Unknown => return None,
    })
}
