//! `gate`: who must say yes, when, and after how long.

use super::decode::{self, Faults};
use super::format;
use super::spec::{Arg, Child, Prop, Spec, Ty, Word, word};
use super::{GateRule, Said, Spanned};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::Node;
use std::time::Duration;

/// Who must say yes, when, and after how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The node.
    pub span: Span,
    /// Approvals that are needed, all of them.
    pub approvals: Vec<Approve>,
    /// Times in which a deploy may start; any of them; always when there is none.
    pub windows: Vec<Window>,
    /// How long the candidate must have been verified in every environment before.
    pub soak: Option<Spanned<Duration>>,
    /// How long an approval counts; for ever unless said.
    pub expires: Option<Spanned<Duration>>,
    /// Whether older candidates keep their place instead of being superseded.
    pub queue: bool,
    /// Whether a rollback needs no approval.
    pub free_rollback: bool,
}

/// `approve COUNT from=GROUP self=allow`.
#[derive(Clone, Debug, PartialEq)]
pub struct Approve {
    /// How many people.
    pub count: Spanned<u32>,
    /// The group they must be of; anyone unless said.
    pub from: Option<Spanned<Said>>,
    /// Whether someone may approve their own change; not unless said.
    pub self_allowed: bool,
    /// The node.
    pub span: Span,
}

/// `window "Mon-Thu 09:00-16:00" tz="Europe/Berlin"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Days and hours.
    pub hours: Spanned<Said>,
    /// The IANA time zone; UTC unless said.
    pub tz: Option<Spanned<Said>>,
    /// The node.
    pub span: Span,
}

static NONE: &[Word] = &[word("none", "there is no gate, and that is meant so")];

/// `gate { … }` or `gate none`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NONE", Ty::Word(NONE), "Says that an environment is to have no gate.").optional()],
    children: &[
        Child::any(&APPROVE),
        Child::any(&WINDOW),
        Child::once(&SOAK),
        Child::once(&EXPIRES),
        Child::once(&QUEUE),
        Child::once(&ROLLBACK),
    ],
    also: Some(check),
    example: r#"
gate {
    approve 2 from=sre
    window "Mon-Thu 09:00-16:00" tz="Europe/Berlin"
    soak "2h"
}"#,
    ..Spec::new(
        "gate",
        "What must be true before a candidate enters. An approval is of what would change, and dies when that changes. Each environment after the first needs a gate, or `gate none`.",
    )
};

/// `approve N from=GROUP self=allow`
pub static APPROVE: Spec = Spec {
    args: &[Arg::new("N", Ty::Count(0, 100), "How many people.")],
    props: &[
        Prop::new("from", Ty::Text, "The group they must be of.").default("anyone"),
        Prop::new("self", Ty::Word(SELF), "Whether someone may approve their own change.").default("they may not"),
    ],
    example: "approve 2 from=sre",
    ..Spec::new("approve", "People who must say yes. Several may stand; all of them count.")
};

static SELF: &[Word] = &[word("allow", "who made a change may approve it")];

/// `window "HOURS" tz="ZONE"`
pub static WINDOW: Spec = Spec {
    args: &[Arg::new("HOURS", Ty::Format(&format::HOURS), "Days and hours.")],
    props: &[Prop::new("tz", Ty::Format(&format::TIME_ZONE), "The time zone of the hours.").default("`UTC`")],
    example: r#"window "Mon-Thu 09:00-16:00" tz="Europe/Berlin""#,
    ..Spec::new("window", "When a deploy may start. Several may stand; any of them will do. Without one, always.")
};

/// `soak "DURATION"`
pub static SOAK: Spec = Spec {
    args: &[Arg::new("DURATION", Ty::Format(&format::DURATION), "How long.")],
    example: r#"soak "2h""#,
    ..Spec::new("soak", "How long the candidate must have been verified in each environment before this one.")
};

/// `expires "DURATION"`
pub static EXPIRES: Spec = Spec {
    args: &[Arg::new("DURATION", Ty::Format(&format::DURATION), "How long; for ever when nothing is said.")],
    example: r#"expires "7d""#,
    ..Spec::new("expires", "How long an approval counts.")
};

/// `queue`
pub static QUEUE: Spec = Spec {
    example: "queue",
    ..Spec::new("queue", "Candidates that wait keep their place, instead of the newest taking that of the others.")
};

static FREE: &[Word] = &[word("free", "going back to what the environment once had needs no approval")];

/// `rollback free`
pub static ROLLBACK: Spec = Spec {
    args: &[Arg::new("HOW", Ty::Word(FREE), "How.")],
    example: "rollback free",
    ..Spec::new("rollback", "What of this gate a rollback must pass; all of it when nothing is said.")
};

/// A gate is `none` or says something.
fn check(node: Node<'_>, faults: &mut Faults) {
    match (node.arg(0), node.children().next()) {
        (None, None) => {
            let fault =
                Diagnostic::new(&codes::EMPTY_NODE, "the gate holds nothing back").at(node.span(), "says nothing");
            faults
                .push(fault.help("write `gate none` if that is meant, else who must approve: `approve 1 from=GROUP`"));
        }
        (Some(none), Some(child)) => {
            let fault = Diagnostic::new(&codes::CONTRADICTION, "a gate that is `none` has conditions");
            let fault = fault.at(none.span(), "no gate").at(child.header_span(), "a condition");
            faults.push(fault.help("leave one of them out"));
        }
        _ => {}
    }
}

impl GateRule {
    /// Reads the node.
    pub(super) fn decode(node: Node<'_>) -> GateRule {
        if node.children().next().is_none() && node.arg(0).is_some() {
            return GateRule::None(node.span());
        }
        GateRule::Gate(Gate::decode(node))
    }
}

impl Gate {
    fn decode(node: Node<'_>) -> Gate {
        let (approvals, windows, soak, expires) = (Vec::new(), Vec::new(), None, None);
        let mut gate =
            Gate { span: node.span(), approvals, windows, soak, expires, queue: false, free_rollback: false };
        for child in node.children() {
            match child.name() {
                "approve" => decode::push(&mut gate.approvals, Approve::decode(child)),
                "window" => decode::push(&mut gate.windows, Window::decode(child)),
                "soak" => decode::first(&mut gate.soak, decode::duration(child)),
                "expires" => decode::first(&mut gate.expires, decode::duration(child)),
                "queue" => gate.queue = true,
                "rollback" => gate.free_rollback = child.arg(0).is_some_and(|v| v.as_str() == Some("free")),
                _ => {}
            }
        }
        gate
    }
}

impl Approve {
    fn decode(node: Node<'_>) -> Option<Approve> {
        let count = node.arg(0).and_then(decode::count)?;
        let self_allowed = node.prop("self").is_some_and(|p| p.value().as_str() == Some("allow"));
        Some(Approve { count, from: decode::prop(node, "from"), self_allowed, span: node.span() })
    }
}

impl Window {
    fn decode(node: Node<'_>) -> Option<Window> {
        Some(Window { hours: decode::arg(node, 0)?, tz: decode::prop(node, "tz"), span: node.span() })
    }
}
