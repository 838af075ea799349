//! `test`: what a pipeline would do, written down and tried on a world that is only thought of.

mod forms;

use super::decode::{self, Faults};
use super::spec::{Arg, Child, Prop, Spec, Ty, Word, word};
use super::{Said, Spanned};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::Node;
use forms::{EXPECTATIONS, HAPPENINGS, check_expect, check_when};
use std::time::Duration;

/// A test of a pipeline: what happens, and what is expected of it, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What it shows, in words.
    pub name: Spanned<Said>,
    /// The node.
    pub span: Span,
    /// The pipeline that is tested; needed where there are several.
    pub pipeline: Option<Spanned<Said>>,
    /// Its lines.
    pub statements: Vec<Statement>,
}

/// A line of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The node.
    pub span: Span,
    /// What it says.
    pub says: Says,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// Environments that have what there is at first; all of them when none is named.
    Given(Vec<Spanned<Said>>),
    /// Something happens.
    When(Happening),
    /// Something is expected of what happened since the last expectations.
    Expect(Expectation),
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// `push SOURCE PATH… by=NAME`: these files change, or all of them.
    Push {
        /// The source.
        source: Spanned<Said>,
        /// The files; all of them when none is named.
        paths: Vec<Spanned<Said>>,
        /// The author.
        by: Option<Spanned<Said>>,
    },
    /// `image SOURCE tag="1.2.3"`: a tag names another image.
    Image {
        /// The source.
        source: Spanned<Said>,
        /// The tag; the one that counts now unless said.
        tag: Option<Spanned<Said>>,
    },
    /// `chart SOURCE version="1.3.0"`: a version of a chart comes out.
    Chart {
        /// The source.
        source: Spanned<Said>,
        /// The version; the next one unless said.
        version: Option<Spanned<Said>>,
    },
    /// `approve ENVIRONMENT by=NAME of=GROUP`, or `reject`.
    Answer {
        /// The environment.
        environment: Spanned<Said>,
        /// Whether it is a yes.
        yes: bool,
        /// Who.
        by: Spanned<Said>,
        /// Their group; of whichever is asked unless said.
        of: Option<Spanned<Said>>,
    },
    /// `fails NODE at=STEP`: the next thing that is run for a node fails.
    Fails {
        /// A build, a task or an environment.
        node: Spanned<Said>,
        /// What of it.
        at: Option<Spanned<Said>>,
    },
    /// `time "2h"`: time passes.
    Time(Spanned<Duration>),
    /// `rollback ENVIRONMENT`.
    Rollback(Spanned<Said>),
    /// `hold ENVIRONMENT`.
    Hold(Spanned<Said>),
    /// `release ENVIRONMENT`.
    Release(Spanned<Said>),
}

/// Something that is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// Exactly these nodes were built, run, deployed to, or failed; none when there is no name.
    Exactly(Deed, Vec<Spanned<Said>>),
    /// These environments wait at their gates; none does when there is no name.
    Waits {
        /// The environments.
        environments: Vec<Spanned<Said>>,
        /// How many approvals are missing.
        approvals: Option<Spanned<u32>>,
        /// The group that is asked.
        from: Option<Spanned<Said>>,
    },
    /// An environment has such a candidate.
    Has(Spanned<Said>, Which),
    /// Somebody asked for something and was refused.
    Refused,
}

/// Something that is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// An image was made.
    Builds,
    /// A task was run.
    Runs,
    /// Something was deployed to an environment.
    Deploys,
    /// It failed.
    Fails,
}

impl Deed {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Deed::Builds => "builds",
            Deed::Runs => "runs",
            Deed::Deploys => "deploys",
            Deed::Fails => "fails",
        }
    }
}

/// Which candidate an environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// One of before.
    Older,
    /// None yet.
    Nothing,
}

impl Which {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Which::Newest => "newest",
            Which::Older => "older",
            Which::Nothing => "nothing",
        }
    }

    fn of(word: &str) -> Option<Which> {
        [Which::Newest, Which::Older, Which::Nothing].into_iter().find(|w| w.word() == word)
    }
}

/// `test "NAME" { given …; when …; expect … }`
pub static SPEC: Spec = Spec {
    args: &[Arg::new("NAME", Ty::Text, "What it shows, in words.")],
    props: &[Prop::new("pipeline", Ty::Text, "The pipeline that is tested.").default("the only one there is")],
    children: &[Child::any(&GIVEN), Child::any(&WHEN), Child::some(&EXPECT)],
    also: Some(check),
    example: r#"
test "a new version waits for a yes" {
    given verified
    when push app "src/main.c"
    expect builds image
    expect waits staging approvals=1
    when approve staging by=ann
    expect deploys staging
}"#,
    ..Spec::new(
        "test",
        "What the pipeline would do, tried by `lockgate test` on a world that is only thought of: nothing is built, deployed or asked. It stands in the pipeline file, or in files beside it whose names end in `.test.kdl`. Its lines are read from top to bottom; each `expect` is about everything that happened since the expectations before it. The clock begins on Monday, 5 January 2026, at 10:00 UTC.",
    )
};

static STATES: &[Word] = &[word("verified", "environments have what there is at first, deployed and verified")];

/// `given verified ENVIRONMENT…`
pub static GIVEN: Spec = Spec {
    args: &[Arg::new("STATE", Ty::Word(STATES), "What is given.")],
    more: Some(Arg::new("ENVIRONMENT", Ty::Text, "An environment.").optional()),
    example: "given verified dev staging",
    ..Spec::new(
        "given",
        "What was there before: `given verified ENVIRONMENT…` for these environments and those before them, `given verified` for all. Without it, nothing was ever deployed. Stands first.",
    )
};

static STEPS: &[Word] = &[
    word("build", "the making of the image"),
    word("test", "a test of the image"),
    word("push", "the sending of the image"),
    word("deploy", "a deploy"),
    word("verify", "a verification"),
];

/// `when EVENT …`
pub static WHEN: Spec = Spec {
    args: &[Arg::new("EVENT", Ty::Word(HAPPENINGS), "What happens.")],
    more: Some(Arg::new("WHAT", Ty::Text, "To what.").optional()),
    props: &[
        Prop::new("by", Ty::Text, "Who pushed, approved or rejected."),
        Prop::new("of", Ty::Text, "The group of who approves or rejects.").default("the one that is asked"),
        Prop::new("tag", Ty::Text, "The tag of an image."),
        Prop::new("version", Ty::Text, "The version of a chart."),
        Prop::new("at", Ty::Word(STEPS), "What of the node fails.")
            .default("what it runs first; of an environment, what it verifies"),
    ],
    also: Some(check_when),
    example: r#"when push app "src/main.c" by=ann"#,
    ..Spec::new(
        "when",
        "Something happens. The pipeline is applied then, as it would be.\n\n- `when push SOURCE [PATH…] [by=NAME]`: these files change, or all of them. A file that is not there is a new one.\n- `when image SOURCE [tag=TAG]`: a tag names another image; the tag that counts now unless said.\n- `when chart SOURCE [version=VERSION]`: a version of a chart comes out; the next one unless said.\n- `when approve ENVIRONMENT by=NAME [of=GROUP]`, `when reject …`: somebody answers at a gate, as one of the group that is asked unless said.\n- `when fails NODE [at=STEP]`: the next run of a build or a task fails, or the next verification of an environment.\n- `when time DURATION`: time passes.\n- `when rollback ENVIRONMENT`, `when hold ENVIRONMENT`, `when release ENVIRONMENT`: somebody says so.",
    )
};

/// `expect WHAT …`
pub static EXPECT: Spec = Spec {
    args: &[Arg::new("WHAT", Ty::Word(EXPECTATIONS), "What is expected.")],
    more: Some(Arg::new("OF", Ty::Text, "Of what.").optional()),
    props: &[
        Prop::new("approvals", Ty::Count(0, 100), "How many approvals are still missing.").default("any number"),
        Prop::new("from", Ty::Text, "The group that is asked for them.").default("any"),
    ],
    also: Some(check_expect),
    example: "expect waits staging approvals=1",
    ..Spec::new(
        "expect",
        "What must be so. It is about all that happened since the expectations before.\n\n- `expect builds BUILD…`, `expect runs TASK…`, `expect deploys ENVIRONMENT…`, `expect fails NODE…`: exactly these; `none` instead of names means nothing.\n- `expect waits ENVIRONMENT… [approvals=N] [from=GROUP]`: these wait at their gates, for so many more approvals of that group; `expect waits none`: nothing waits.\n- `expect has ENVIRONMENT newest`, `older` or `nothing`: which candidate is there, verified. An environment that has all of the newest candidate already has it at once.\n- `expect refused`: somebody asked for what they may not have.",
    )
};

/// What is given stands before what happens.
fn check(node: Node<'_>, faults: &mut Faults) {
    let mut happened = None;
    for child in node.children() {
        match (child.name(), happened) {
            ("given", Some(first)) => {
                let fault = Diagnostic::new(&codes::MISPLACED_NODE, "`given` after something happened");
                faults.push(
                    fault
                        .at(child.name_span(), "too late")
                        .at(first, "this comes before")
                        .help("what is given stands first"),
                );
            }
            ("given", None) => {}
            _ => happened = happened.or(Some(child.name_span())),
        }
    }
}

impl Test {
    /// Reads the node; nothing when it has no name.
    pub(super) fn decode(node: Node<'_>) -> Option<Test> {
        let line = |child: Node<'_>| Some(Statement { span: child.span(), says: Says::decode(child)? });
        Some(Test {
            name: decode::arg(node, 0)?,
            span: node.span(),
            pipeline: decode::prop(node, "pipeline"),
            statements: node.children().filter_map(line).collect(),
        })
    }
}

impl Says {
    fn decode(node: Node<'_>) -> Option<Says> {
        match node.name() {
            "given" => Some(Says::Given(decode::args(node).skip(1).collect())),
            "when" => Happening::decode(node).map(Says::When),
            "expect" => Expectation::decode(node).map(Says::Expect),
            _ => None,
        }
    }
}

impl Happening {
    fn decode(node: Node<'_>) -> Option<Happening> {
        let first = decode::arg(node, 1)?;
        let prop = |key: &str| decode::prop(node, key);
        Some(match node.arg(0)?.as_str()? {
            "push" => Happening::Push { source: first, paths: decode::args(node).skip(2).collect(), by: prop("by") },
            "image" => Happening::Image { source: first, tag: prop("tag") },
            "chart" => Happening::Chart { source: first, version: prop("version") },
            word @ ("approve" | "reject") => {
                Happening::Answer { environment: first, yes: word == "approve", by: prop("by")?, of: prop("of") }
            }
            "fails" => Happening::Fails { node: first, at: prop("at") },
            "time" => Happening::Time(decode::duration_of(node.arg(1)?)?),
            "rollback" => Happening::Rollback(first),
            "hold" => Happening::Hold(first),
            "release" => Happening::Release(first),
            _ => return None,
        })
    }
}

impl Expectation {
    fn decode(node: Node<'_>) -> Option<Expectation> {
        let names: Vec<Spanned<Said>> = decode::args(node).skip(1).filter(|n| n.value != "none").collect();
        let word = node.arg(0)?;
        let deeds = [Deed::Builds, Deed::Runs, Deed::Deploys, Deed::Fails];
        if let Some(deed) = deeds.into_iter().find(|d| Some(d.word()) == word.as_str()) {
            return Some(Expectation::Exactly(deed, names));
        }
        Some(match word.as_str()? {
            "waits" => Expectation::Waits {
                environments: names,
                approvals: node.prop("approvals").and_then(|p| decode::count(p.value())),
                from: decode::prop(node, "from"),
            },
            "has" => {
                let which = decode::arg(node, 2).and_then(|w| Which::of(&w))?;
                Expectation::Has(names.into_iter().next()?, which)
            }
            "refused" => Expectation::Refused,
            _ => return None,
        })
    }
}
