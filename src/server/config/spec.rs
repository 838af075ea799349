//! What may stand in `server.kdl`.

use crate::model::format;
use crate::model::spec::{Arg, Child, Prop, Spec, Ty, Word, word};

/// The whole file.
pub(super) static FILE: Spec = Spec {
    children: &[
        Child::once(&LISTEN),
        Child::once(&URL),
        Child::any(&PIPELINE),
        Child::any(&USER),
        Child::any(&GRANT),
        Child::once(&READ),
        Child::once(&METRICS),
        Child::once(&OIDC),
        Child::once(&MAIL),
        Child::once(&KEEP),
        Child::once(&LIMITS),
    ],
    ..Spec::new("", "The configuration of a server.")
};

static LISTEN: Spec = Spec {
    args: &[Arg::new("ADDRESS", Ty::Text, "Address and port.")],
    example: r#"listen "127.0.0.1:8080""#,
    ..Spec::new("listen", "Where the server listens; `--listen` goes before.")
};

static URL: Spec = Spec {
    args: &[Arg::new("URL", Ty::Text, "The URL.")],
    example: r#"url "https://lockgate.example.com""#,
    ..Spec::new("url", "Under which URL people reach it: in links, and where a login comes back to.")
};

static PIPELINE: Spec = Spec {
    args: &[Arg::new("PATH", Ty::Text, "The pipeline file or its folder; in a repository, the path in it.")],
    props: &[
        Prop::new("git", Ty::Text, "The repository that the file is taken from."),
        Prop::new("branch", Ty::Text, "The branch that is trusted.").default("`main`"),
        Prop::new("credentials", Ty::Format(&format::VARIABLE), "A variable with a token, or `user:password`."),
        Prop::new("poll", Ty::Format(&format::DURATION), "How often the branch is looked at.").default("`1m`"),
    ],
    example: r#"pipeline "deploy/lockgate.kdl" git="https://git.example.com/shop.git" branch=main"#,
    ..Spec::new("pipeline", "A pipeline that is kept going, besides those named on the command line.")
};

static ROLES: &[Word] = &[
    word("viewer", "sees everything, and approves what asks for one of their groups"),
    word("developer", "may also start runs, hold, release, pin, ban and roll back"),
    word("admin", "may also see who did what to the server, and its tokens"),
];

static USER: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Text, "Who.")],
    props: &[Prop::new("role", Ty::Word(ROLES), "What they may do.").default("`viewer`")],
    children: &[Child::any(&GROUPS), Child::any(&ALSO), Child::any(&TOKEN)],
    example: r#"
user ann role=developer {
    groups release-managers
    also "ann@example.com"
}"#,
    ..Spec::new("user", "Somebody who may log in.")
};

static GROUPS: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Text, "A group.")],
    more: Some(Arg::new("NAME", Ty::Text, "More of them.").optional()),
    example: "groups release-managers sre",
    ..Spec::new("groups", "The groups they are of, as gates name them.")
};

static ALSO: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Text, "A name or an address.")],
    more: Some(Arg::new("NAME", Ty::Text, "More of them.").optional()),
    example: r#"also "ann@example.com" "Ann Author""#,
    ..Spec::new("also", "Other names of theirs, as the author of commits: nobody approves their own change.")
};

static TOKEN: Spec = Spec {
    args: &[Arg::new("HASH", Ty::Text, "What `lockgate token new NAME --print` says.")],
    props: &[
        Prop::new(
            "scope",
            Ty::Text,
            "What it may be used for: of `read`, `approve`, `operate`, `admin`, `metrics`, with commas.",
        )
        .default("all of it"),
        Prop::new("expires", Ty::Text, "When it stops counting, as `2027-01-01T00:00:00Z`.").default("never"),
    ],
    example: r#"token "k3j9x2ab:$argon2id$v=19$…" scope="read,approve" expires="2027-01-01T00:00:00Z""#,
    ..Spec::new("token", "A token of theirs, by its hash.")
};

static GRANT: Spec = Spec {
    args: &[Arg::new("ROLE", Ty::Word(ROLES), "What they may do.")],
    more: Some(Arg::new("GROUP", Ty::Text, "A group.").optional()),
    example: "grant developer integration-team",
    ..Spec::new("grant", "A role for everyone of a group, wherever the group comes from.")
};

static READERS: &[Word] = &[
    word("users", "whoever is logged in"),
    word("anyone", "whoever reaches the server; for networks in which that is all right"),
];

static READ: Spec = Spec {
    args: &[Arg::new("WHO", Ty::Word(READERS), "Who.")],
    example: "read users",
    ..Spec::new("read", "Who may look; `users` unless said. Changing anything takes a login always.")
};

static MEASURERS: &[Word] = &[
    word("users", "whoever is logged in with a token of the scope `metrics`"),
    word("anyone", "whoever reaches the server; for networks in which that is all right"),
];

static METRICS: Spec = Spec {
    args: &[Arg::new("WHO", Ty::Word(MEASURERS), "Who.")],
    example: "metrics anyone",
    ..Spec::new("metrics", "Who may read `/metrics`; `users` unless said, whatever `read` says.")
};

static OIDC: Spec = Spec {
    props: &[
        Prop::new("issuer", Ty::Text, "The URL of the provider.").required(),
        Prop::new("client", Ty::Text, "The id under which it knows this server.").required(),
        Prop::new("groups", Ty::Text, "The claim with the groups.").default("`groups`"),
        Prop::new("name", Ty::Text, "The claim with the name.").default("`preferred_username`"),
        Prop::new("scopes", Ty::Text, "What else is asked for, with spaces.").default("`profile email groups`"),
    ],
    children: &[Child::once(&SECRET)],
    example: r#"
oidc issuer="https://id.example.com" client=lockgate {
    secret env=OIDC_SECRET
}"#,
    ..Spec::new(
        "oidc",
        "A login with OpenID Connect. Who comes from there is a user, of the groups that the claim says.",
    )
};

static SECRET: Spec = Spec {
    props: &[
        Prop::new("env", Ty::Format(&format::VARIABLE), "A variable of the environment."),
        Prop::new("file", Ty::Text, "A file; its last line end does not count."),
    ],
    example: "secret env=OIDC_SECRET",
    ..Spec::new("secret", "Where the secret is that the provider gave to this server; none for a public client.")
};

static WAYS: &[Word] = &[
    word("whole", "encrypted from the first byte, on port 465"),
    word("starttls", "encrypted after asking for it, and not without, on port 587"),
    word("none", "not encrypted, on port 25; for a server of this machine"),
];

static MAIL: Spec = Spec {
    args: &[Arg::new("HOST", Ty::Text, "Its host.")],
    props: &[
        Prop::new("from", Ty::Format(&format::EMAIL), "Who the mails are from.").required(),
        Prop::new("tls", Ty::Word(WAYS), "Whether the way to it is encrypted.").default("`starttls`"),
        Prop::new("port", Ty::Count(1, 65_535), "Its port.").default("the usual one"),
        Prop::new("user", Ty::Text, "Who we are to it."),
    ],
    children: &[Child::once(&PASSWORD)],
    example: r#"
mail "smtp.example.com" from="lockgate@example.com" user=lockgate {
    password env=SMTP_PASSWORD
}"#,
    ..Spec::new("mail", "The server that takes mails for those whom a `notify` names with `email`.")
};

static PASSWORD: Spec = Spec {
    props: &[
        Prop::new("env", Ty::Format(&format::VARIABLE), "A variable of the environment."),
        Prop::new("file", Ty::Text, "A file; its last line end does not count."),
    ],
    example: "password env=SMTP_PASSWORD",
    ..Spec::new("password", "Where the password of `user` is.")
};

static KEEP: Spec = Spec {
    props: &[
        Prop::new("logs", Ty::Format(&format::DURATION), "Logs of steps.").default("for ever"),
        Prop::new("runs", Ty::Format(&format::DURATION), "Events of runs that ended, with what only they refer to.")
            .default("for ever"),
        Prop::new("cache", Ty::Count(1, 1 << 20), "How much of what can be made again, in MiB.").default("`20480`"),
        Prop::new("audit", Ty::Format(&format::DURATION), "Who did what to the server itself.").default("`365d`"),
    ],
    example: r#"keep logs="30d" runs="365d" cache=20480"#,
    ..Spec::new(
        "keep",
        "For how long what is kept. What environments have and can go back to, what waits and what is under way always stays.",
    )
};

static LIMITS: Spec = Spec {
    props: &[
        Prop::new("body", Ty::Count(1, 1 << 20), "The largest body of a request, in KiB.").default("`1024`"),
        Prop::new("artifacts", Ty::Count(1, 1 << 20), "The largest body with artifacts, in KiB.").default("`32768`"),
        Prop::new("connections", Ty::Count(1, 100_000), "Connections at once.").default("`1024`"),
        Prop::new("requests", Ty::Count(1, 1_000_000), "Requests a minute of one person.").default("`1200`"),
        Prop::new("timeout", Ty::Format(&format::DURATION), "How long a request may take.").default("`30s`"),
        Prop::new(
            "grace",
            Ty::Format(&format::DURATION),
            "How long running steps may take to their end when the server stops.",
        )
        .default("`20s`"),
        Prop::new("parallel", Ty::Count(1, 1000), "Steps of a pipeline at once.").default("`4`"),
    ],
    example: r#"limits body=1024 connections=1024 timeout="30s""#,
    ..Spec::new("limits", "Bounds, each with a default that does for most.")
};
