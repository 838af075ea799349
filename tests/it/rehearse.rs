//! Tests of pipelines: what they say holds where it is so, and is a diagnostic at its line where it is not.

use crate::lab::Lab;
use lockgate::check::{AnyRepository, document};
use lockgate::diag::Diagnostic;
use lockgate::digest::Digest;
use lockgate::rehearse::{self, Nowhere};
use lockgate::source::FileId;
use lockgate::syntax::{self, Document, Limits};

/// A pipeline of which nothing is at hand, with all that needs a neighbour.
const PIPELINE: &str = r#"lockgate 1
pipeline shop {
    source app {
        git "https://git.example.com/acme/app.git"
        ignore "docs/**"
    }
    source config {
        git "https://git.example.com/acme/config.git"
        paths "values/*.yaml" "tests/**"
    }
    source base {
        image "registry.example.com/base" tag="~1.2"
    }
    source chart {
        helm shop repo="https://charts.example.com" version="~1.2"
    }
    build image {
        context app
        builder docker
        arg BASE_IMAGE="{base}"
        test "./unit.sh" image="{base}" cluster=ci
        push "registry.example.com/shop" tag="{app.short}"
    }
    task scan {
        run scanner "{image}"
        output verdict
    }
    release shop {
        chart chart
        values config "values/{environment}.yaml"
        set image="{image}"
    }
    environment dev {
        cluster dev namespace=shop
        deploy shop
        verify config "tests/smoke.sh"
        verify {
            http "https://dev.example.com"
        }
    }
    environment staging after=dev {
        gate {
            approve 1 from=release-managers
        }
        cluster staging namespace=shop
        deploy shop
        verify config "tests/smoke.sh"
    }
    environment prod after=staging {
        after scan
        gate {
            approve 2 from=sre
            window "Mon-Thu 09:00-16:00"
            soak "2h"
        }
        cluster prod namespace=shop
        deploy shop
    }
}
"#;

/// Plays the tests in a text, on the pipeline above.
fn play(tests: &str) -> Vec<(String, Vec<Diagnostic>)> {
    let text = format!("{PIPELINE}{tests}");
    let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
    let tree = Document::from(tree);
    let (file, found) = lockgate::model::decode(&tree);
    assert_eq!((faults.as_slice(), found.as_slice()), (&[][..], &[][..]));
    let (checked, found) = document(&tree, Vec::new(), &AnyRepository);
    let checked = checked.unwrap_or_else(|| panic!("{found:#?}"));
    let graph = &checked.graphs()[0];
    file.tests
        .iter()
        .map(|t| (t.name.value.to_string(), rehearse::test(t, graph, Digest::of("file"), &Nowhere)))
        .collect()
}

/// All tests in the text hold.
fn holds(tests: &str) {
    for (name, found) in play(tests) {
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

/// The first test in the text does not hold, for that reason.
fn fails(test: &str, why: &str) {
    let (name, found) = play(test).remove(0);
    assert!(found.iter().any(|d| d.message.contains(why)), "{name}: {found:#?}");
}

#[test]
fn path_filters_and_keys_are_really_tried() {
    holds(
        r#"
test "what is ignored is no new version" {
    given verified
    when push app "docs/x.md"
    when push config "README.md"
    expect builds none
    expect deploys none
    expect has prod newest
}
test "a value of one environment is of that environment" {
    given verified
    when push config "values/staging.yaml"
    expect builds none
    expect runs none
    expect deploys none
    expect has dev newest
    expect waits staging approvals=1
}
test "a script of the verification verifies anew and deploys nothing" {
    given verified
    when push config "tests/smoke.sh"
    expect builds none
    expect deploys none
    expect has dev newest
}
test "a tag that the rule does not admit is nothing" {
    given verified
    when image base tag="1.3.0"
    when chart chart version="2.0.0"
    expect builds none
    expect deploys none
    when image base tag="1.2.9"
    expect builds image
    expect runs scan
    expect deploys dev
}
test "a chart is deployed without a build" {
    given verified
    when chart chart version="1.2.7"
    expect builds none
    expect deploys dev
    expect waits staging
}
"#,
    );
}

#[test]
fn people_time_and_failures() {
    holds(
        r#"
test "nothing was there" {
    when push app "src/main.c" by="ann <ann@example.com>"
    expect builds image
    expect deploys dev
    expect has staging nothing
    expect waits staging approvals=1 from=release-managers
    when approve staging by=ann
    expect refused
    when approve staging by=bob of=sre
    expect refused
    when approve staging by=bob of=release-managers
    expect deploys staging
    expect waits prod approvals=2 from=sre
    when approve prod by=bob
    when approve prod by=cid
    expect waits prod approvals=0
    expect deploys none
    when time "1h59m"
    expect deploys none
    when time "1m"
    expect deploys prod
}
test "a window is waited for" {
    given verified staging
    when time "8h"
    expect waits prod approvals=2
    when approve prod by=bob
    when approve prod by=cid
    expect deploys none
    when time "15h"
    expect deploys prod
}
test "a no is final for that candidate" {
    given verified
    when push app
    when reject staging by=bob
    expect deploys dev
    expect waits none
    expect has staging older
    when push app
    expect waits staging
}
test "what fails goes no further, and what was there is back" {
    given verified
    when fails dev
    when push app
    expect fails dev
    expect has dev older
    expect waits none
    when fails image at=test
    when push app
    expect builds image
    expect fails image
    expect deploys none
    when fails dev at=deploy
    when push app
    expect deploys dev
    expect fails dev
}
test "a hold holds" {
    given verified
    when hold dev
    when push app
    expect builds image
    expect deploys none
    when release dev
    expect deploys dev
}
test "one goes back to what was there" {
    given verified
    when push app
    expect deploys dev
    when rollback dev
    expect builds none
    expect deploys dev
    expect has dev older
}
"#,
    );
}

#[test]
fn what_does_not_hold_says_what_is_so() {
    fails(
        "test a { given verified; when push app; expect builds none; }",
        "expected that it builds nothing, but it builds image",
    );
    fails("test a { given verified; when push app; expect deploys dev staging; }", "but it deploys dev");
    fails(
        "test a { given verified; when push app; expect waits staging approvals=2; }",
        "2 approvals, but it waits for 1 approval",
    );
    fails(
        "test a { given verified; when push app; expect waits staging from=sre; }",
        "but it waits for release-managers",
    );
    fails(
        "test a { given verified; when push app; expect waits none; }",
        "expected that nothing waits, but staging does",
    );
    fails("test a { given verified; when push app; expect has dev older; }", "but it has the newest candidate");
    fails("test a { given verified; expect refused; }", "nobody was");
    fails(
        "test a { given verified; when fails dev; when push app; expect fails none; }",
        "expected that nothing fails, but dev does",
    );
    fails("test a { when push ap; expect builds none; }", "there is no source with files named `ap`");
    fails("test a { when image app; expect builds none; }", "`app` is no source that is an image");
}

#[test]
fn the_example_is_tested() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["test"]).exits(0).says(&[
        "a values change of staging alone never builds",
        "the base image moves: dev at once, staging waits",
        "a failing verification in dev never reaches staging",
        "and all hold",
    ]);
    assert!(!lab.has(".lockgate"), "a test leaves nothing behind");
}

#[test]
fn a_failure_is_a_diagnostic_at_its_line() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.write("more.test.kdl", "lockgate 1\n\ntest \"more\" {\n    given verified\n    when push app \"services/greet.sh\"\n    expect builds none\n}\n");
    lab.run(&["test", "more.test.kdl"]).exits(1).says(&["LG0901", "more.test.kdl", "builds image", "does not hold"]);
    let json = lab.run(&["test", "more.test.kdl", "--json"]).exits(1).json();
    assert_eq!(json["tests"][0]["diagnostics"][0]["labels"][0]["start"]["line"], 6, "{json:#}");
    lab.run(&["test", "--only", "failing", "--json"]).exits(0).says(&["\"holds\": true", "\"failed\": 0"]);
    lab.write("more.test.kdl", "lockgate 1\n\ntest \"more\" {\n    when approve staging\n    expect builds none\n}\n");
    lab.run(&["test"]).exits(1).says(&["LG0106", "`when approve` has no `by=`"]);
}

#[test]
fn events_can_be_tried_one_by_one() {
    let lab = Lab::copy_of("examples/01-first-light");
    let events = ["simulate", "--event", "push app services/greet.sh", "--event", "approve staging by=sam"];
    lab.run(&events).exits(0).says(&[
        "builds image",
        "staging waits at its gate",
        "sam approves staging",
        "deploys mi to staging",
    ]);
    lab.run(&["simulate", "--event", "push nothing"]).exits(1).says(&["LG0201", "named `nothing`"]);
    assert!(!lab.has(".lockgate"), "a simulation leaves nothing behind");
}
