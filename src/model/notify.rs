//! `notify`: who is told of what.

use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Choice, Names, Prop, Spec, Ty, Word, word};
use super::{Said, Spanned, Template};
use crate::source::Span;
use crate::syntax::Node;

/// Who is told of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// The name.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// Where it goes; nothing when that is missing.
    pub to: Option<NotifyTo>,
    /// Of which events; see [`EVENTS`].
    pub on: Vec<Spanned<Said>>,
}

/// The events that someone can be told of.
pub const EVENTS: &[&str] = &["waiting", "deployed", "verified", "failed", "rolled-back", "approved", "rejected"];

/// Where a notification goes.
#[derive(Clone, Debug, PartialEq)]
pub enum NotifyTo {
    /// `slack "{secret}"`: a webhook of Slack's shape.
    Slack(Template),
    /// `webhook "URL" sign=SECRET`: a JSON object is posted there.
    Webhook {
        /// The address.
        url: Template,
        /// The secret that signs what is posted.
        sign: Option<Spanned<Said>>,
    },
    /// `email "ADDRESS"`.
    Email(Spanned<Said>),
}

/// `notify NAME { … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Format(&format::NAME), "Its name.")],
    children: &[Child::once(&SLACK), Child::once(&WEBHOOK), Child::once(&EMAIL), Child::some(&ON)],
    choices: &[Choice { of: &["slack", "webhook", "email"], needed: true, about: "who is told" }],
    example: r#"
notify team {
    slack "{slack-url}"
    on waiting failed
}"#,
    ..Spec::new(
        "notify",
        "Who is told of what. Each event is told once, with an id that stays the same when it has to be sent again.",
    )
};

/// `slack "URL"`
pub static SLACK: Spec = Spec {
    args: &[Arg::new("URL", Ty::Template, "The address, best from a secret.")],
    example: r#"slack "{slack-url}""#,
    ..Spec::new("slack", "A message to a webhook of Slack's shape.")
};

/// `webhook "URL"`
pub static WEBHOOK: Spec = Spec {
    args: &[Arg::new("URL", Ty::Template, "The address.")],
    props: &[Prop::new(
        "sign",
        Ty::Name(Names::Secret),
        "The secret that signs the body: `X-Lockgate-Signature: sha256=HEX` is its HMAC.",
    )
    .default("not signed")],
    example: r#"webhook "https://hooks.example.com/lockgate" sign=hook-key"#,
    ..Spec::new(
        "webhook",
        "A JSON object that is posted. `X-Lockgate-Notice` has the id of the notice, by which one that comes twice is known.",
    )
};

/// `email "ADDRESS"`
pub static EMAIL: Spec = Spec {
    args: &[Arg::new("ADDRESS", Ty::Format(&format::EMAIL), "The address.")],
    example: r#"email "releases@example.com""#,
    ..Spec::new(
        "email",
        "A mail, over the mail server of `server.kdl`, or of `LOCKGATE_SMTP` and `LOCKGATE_MAIL_FROM`.",
    )
};

/// The events with what they mean; the same as [`EVENTS`].
static EVENT_WORDS: &[Word] = &[
    word(
        "waiting",
        "somebody must say something: a candidate stands at a gate, an edit makes gates weaker, or a program was cut off",
    ),
    word("deployed", "a candidate was deployed, and is being verified"),
    word("verified", "an environment has a candidate"),
    word(
        "failed",
        "a build, a task, a deploy or a verification failed, or what an environment had could not be brought back",
    ),
    word("rolled-back", "an environment went back to what it had"),
    word("approved", "somebody said yes"),
    word("rejected", "somebody said no"),
];

/// `on EVENT…`
pub static ON: Spec = Spec {
    args: &[Arg::new("EVENT", Ty::Word(EVENT_WORDS), "An event.")],
    more: Some(Arg::new("EVENT", Ty::Word(EVENT_WORDS), "More of them.").optional()),
    example: "on waiting failed rolled-back",
    ..Spec::new("on", "The events that are told.")
};

impl Notify {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>, faults: &mut Faults) -> Option<Notify> {
        let (mut to, mut on) = (None, Vec::new());
        for child in node.children() {
            match child.name() {
                "on" => on.extend(decode::args(child).filter(|e| EVENTS.contains(&e.as_str()))),
                _ => decode::first(&mut to, NotifyTo::decode(child, faults)),
            }
        }
        Some(Notify { name: decode::arg(node, 0)?, span: node.span(), to, on })
    }
}

impl NotifyTo {
    /// The address, where it is one of the web.
    pub fn url(&self) -> Option<&Template> {
        match self {
            NotifyTo::Slack(url) | NotifyTo::Webhook { url, .. } => Some(url),
            NotifyTo::Email(_) => None,
        }
    }

    /// The secret that signs what is sent.
    pub fn sign(&self) -> Option<&Spanned<Said>> {
        if let NotifyTo::Webhook { sign, .. } = self { sign.as_ref() } else { None }
    }

    fn decode(node: Node<'_>, faults: &mut Faults) -> Option<NotifyTo> {
        Some(match node.name() {
            "slack" => NotifyTo::Slack(decode::arg_template(node, 0, faults)?),
            "webhook" => {
                NotifyTo::Webhook { url: decode::arg_template(node, 0, faults)?, sign: decode::prop(node, "sign") }
            }
            "email" => NotifyTo::Email(decode::arg(node, 0)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_words() {
        assert_eq!(EVENT_WORDS.iter().map(|w| w.name).collect::<Vec<_>>(), EVENTS);
    }
}
