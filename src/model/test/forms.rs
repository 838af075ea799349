//! How the lines of a test are written: what follows depends on their first word.

use super::super::decode::{self, Faults};
use super::super::spec::{Word, word};
use super::super::{Said, Spanned};
use super::Which;
use crate::diag::{Diagnostic, codes};
use crate::syntax::Node;

/// What can happen.
pub(super) static HAPPENINGS: &[Word] = &[
    word("push", "files of a source change"),
    word("image", "a tag names another image"),
    word("chart", "a version of a chart comes out"),
    word("approve", "somebody says yes at a gate"),
    word("reject", "somebody says no"),
    word("fails", "the next run of something fails"),
    word("time", "time passes"),
    word("rollback", "somebody wants back what was there before"),
    word("hold", "somebody holds an environment"),
    word("release", "somebody lets it go on"),
];

/// What can be expected.
pub(super) static EXPECTATIONS: &[Word] = &[
    word("builds", "which images are made"),
    word("runs", "which tasks run"),
    word("deploys", "to which environments something is deployed"),
    word("fails", "what fails"),
    word("waits", "what waits at its gate"),
    word("has", "which candidate is there, verified"),
    word("refused", "somebody asked for what they may not have"),
];

/// How a line with a certain first word is written.
struct Form {
    word: &'static str,
    usage: &'static str,
    least: usize,
    most: usize,
    props: &'static [&'static str],
    needs: &'static [&'static str],
}

const fn form(
    word: &'static str,
    usage: &'static str,
    least: usize,
    most: usize,
    props: &'static [&'static str],
) -> Form {
    Form { word, usage, least, most, props, needs: &[] }
}

static WHENS: &[Form] = &[
    form("push", "when push SOURCE [PATH…] [by=NAME]", 1, usize::MAX, &["by"]),
    form("image", "when image SOURCE [tag=TAG]", 1, 1, &["tag"]),
    form("chart", "when chart SOURCE [version=VERSION]", 1, 1, &["version"]),
    Form { needs: &["by"], ..form("approve", "when approve ENVIRONMENT by=NAME [of=GROUP]", 1, 1, &["by", "of"]) },
    Form { needs: &["by"], ..form("reject", "when reject ENVIRONMENT by=NAME [of=GROUP]", 1, 1, &["by", "of"]) },
    form("fails", "when fails NODE [at=STEP]", 1, 1, &["at"]),
    form("time", "when time DURATION", 1, 1, &[]),
    form("rollback", "when rollback ENVIRONMENT", 1, 1, &[]),
    form("hold", "when hold ENVIRONMENT", 1, 1, &[]),
    form("release", "when release ENVIRONMENT", 1, 1, &[]),
];

static EXPECTS: &[Form] = &[
    form("builds", "expect builds BUILD…` or `expect builds none", 1, usize::MAX, &[]),
    form("runs", "expect runs TASK…` or `expect runs none", 1, usize::MAX, &[]),
    form("deploys", "expect deploys ENVIRONMENT…` or `expect deploys none", 1, usize::MAX, &[]),
    form("fails", "expect fails NODE…` or `expect fails none", 1, usize::MAX, &[]),
    form(
        "waits",
        "expect waits ENVIRONMENT… [approvals=N] [from=GROUP]` or `expect waits none",
        1,
        usize::MAX,
        &["approvals", "from"],
    ),
    form("has", "expect has ENVIRONMENT newest|older|nothing", 2, 2, &[]),
    form("refused", "expect refused", 0, 0, &[]),
];

/// Looks at what a table of arguments cannot say: what follows depends on the first word.
fn check_form(node: Node<'_>, forms: &[Form], faults: &mut Faults) {
    let Some(first) = decode::arg(node, 0) else { return };
    let Some(form) = forms.iter().find(|f| f.word == first.value) else { return };
    let line = format!("`{} {}`", node.name(), form.word);
    let mut fault = |code, message: String, span, label: &'static str| {
        faults.push(Diagnostic::new(code, message).at(span, label).help(format!("it is written `{}`", form.usage)));
    };
    let given = node.args().count().saturating_sub(1);
    if given < form.least {
        fault(
            &codes::MISSING_ARGUMENT,
            format!("{line} does not say of what"),
            node.header_span(),
            "something is missing",
        );
    }
    if let Some(surplus) = node.arg(form.most.saturating_add(1)) {
        fault(&codes::SURPLUS_ARGUMENT, format!("{line} says too much"), surplus.span(), "one too many");
    }
    for prop in node.props().filter(|p| !form.props.contains(&p.key())) {
        fault(
            &codes::UNKNOWN_PROPERTY,
            format!("{line} has no property `{}`", prop.key()),
            prop.key_span(),
            "not here",
        );
    }
    for missing in form.needs.iter().filter(|n| node.prop(n).is_none()) {
        fault(&codes::MISSING_PROPERTY, format!("{line} has no `{missing}=`"), node.header_span(), "who?");
    }
}

pub(super) fn check_when(node: Node<'_>, faults: &mut Faults) {
    check_form(node, WHENS, faults);
    if let (Some("time"), Some(value)) = (node.arg(0).and_then(|v| v.as_str()), node.arg(1))
        && decode::duration_of(value).is_none()
    {
        let fault =
            Diagnostic::new(&codes::BAD_DURATION, format!("`{}` is no duration", value.as_str().unwrap_or_default()));
        faults.push(fault.at(value.span(), "how long?").help("such as `90s`, `2h` or `1d`"));
    }
}

pub(super) fn check_expect(node: Node<'_>, faults: &mut Faults) {
    check_form(node, EXPECTS, faults);
    let words: Vec<Spanned<Said>> = decode::args(node).collect();
    if let Some(none) = words.iter().skip(1).find(|w| w.value == "none")
        && words.len() > 2
    {
        let fault = Diagnostic::new(&codes::CONTRADICTION, "`none` beside a name").at(none.span, "none, and something");
        faults.push(fault.help("leave one of them out"));
    }
    if let (Some("has"), Some(which)) = (words.first().map(|w| w.as_str()), words.get(2))
        && Which::of(which).is_none()
    {
        let fault = Diagnostic::new(&codes::UNKNOWN_WORD, format!("`{}` is no word for a candidate", which.value));
        faults.push(fault.at(which.span, "which one?").help("it is `newest`, `older` or `nothing`"));
    }
}
