//! Keys: why something runs, and why not (4); what is not known yet (5).

use super::{Delivery, HEAD, apply, to_do, verdict, words};
use lockgate::plan::{Action, Verdict};
use lockgate::run::{Event, RunOutcome};

#[test]
fn p04_a_change_for_staging_alone_builds_nothing_and_dev_has_it_at_once() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    let before = delivery.has("dev");
    delivery.greet("staging", "good morning");
    let plan = delivery.plan();
    assert_eq!(to_do(&plan), ["deploy.staging.web", "verify.staging"]);
    assert_eq!((verdict(&plan, "dev"), verdict(&plan, "staging")), (&Verdict::UpToDate, &Verdict::Gate));
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.started(since), Vec::<String>::new());
    assert_ne!(delivery.has("dev"), before, "dev has the new candidate");
    assert_eq!(delivery.has("dev"), plan.candidate().expect("a candidate").name());
}

#[test]
fn p04_what_has_succeeded_once_is_used_again_across_candidates() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "hello again\n");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "hello\n");
    let plan = delivery.plan();
    assert!(plan.step("build.image").is_some_and(|s| s.is_reused()), "the image of the first candidate");
    assert!(!plan.step("deploy.dev.web").is_some_and(|s| s.is_reused()), "something else is there by now");
}

/// A task whose output is the first line of a file, and another that reads it.
const WAVE: &str = "
lockgate 1
pipeline wave {
    source app { folder \"app\" }
    task first {
        in app
        shell \"echo line=$(head -n 1 hello) >> $LOCKGATE_OUTPUT\"
        output line
    }
    task second {
        run echo \"{first.line}\"
    }
}
";

#[test]
fn p04_an_output_that_comes_out_the_same_stops_the_wave() {
    let delivery = Delivery::of(WAVE);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "hello\nand a line that nobody reads\n");
    let plan = delivery.plan();
    assert_eq!(plan.step("task.first").map(|s| s.action), Some(Action::Run));
    assert_eq!(plan.step("task.second").map(|s| s.action), Some(Action::Maybe), "it would run if the line is another");
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.started(since), ["task.first"]);
    delivery.lab.write("app/hello", "good morning\n");
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.started(since), ["task.first", "task.second"]);
}

/// Files that stay where they are written: a line of a file, and a copy of it.
const COPIES: &str = "
lockgate 1
pipeline copies {
    source app { folder \"app\"; paths \"hello\" }
    task first {
        in app
        input \"hello\"
        output out \"first.txt\"
        shell \"head -n 1 hello > first.txt\"
    }
    task second {
        in app
        input \"{first.out}\"
        output out \"second.txt\"
        run cp first.txt second.txt
    }
    task third {
        in app
        input \"{second.out}\"
        output out \"third.txt\"
        run cp second.txt third.txt
    }
}
";

#[test]
fn p04_what_comes_out_as_it_was_is_one_row_of_the_journal() {
    let delivery = Delivery::of(COPIES);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "hello\nand a line that nobody reads\n");
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.started(since), ["task.first"]);
    let events = delivery.events();
    let reused = events.iter().skip(since).filter_map(|e| match e {
        Event::StepsReused { steps } => Some(steps.iter().map(|s| s.to_string()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(reused.flatten().collect::<Vec<_>>(), ["task.second", "task.third"]);
    assert!(delivery.plan().is_empty());
}

#[test]
fn p04_a_file_that_is_not_as_it_was_written_is_written_anew_though_the_wave_stops_before_it() {
    let delivery = Delivery::of(COPIES);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "hello\nand a line that nobody reads\n");
    delivery.lab.write("app/second.txt", "something else\n");
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.started(since), ["task.first", "task.second"]);
    assert_eq!(delivery.lab.read("app/second.txt"), "hello\n");
    assert!(delivery.plan().is_empty());
}

#[test]
fn p04_rerun_makes_a_new_generation_that_is_written_down() {
    let delivery = Delivery::of(WAVE);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(to_do(&delivery.plan()), Vec::<&str>::new());
    let since = delivery.events().len();
    let outcome = apply(&delivery.session("tim"), &["first"], &mut |_, _| true);
    assert_eq!(outcome.map_err(|f| words(&f)), Ok(RunOutcome::Done));
    assert_eq!(delivery.started(since), ["task.first"], "and what comes out the same stops the wave");
    assert_eq!(delivery.state().memory.generations["first"], 1);
    assert_eq!(to_do(&delivery.plan()), Vec::<&str>::new(), "it was asked for once");
    let failed = apply(&delivery.session("tim"), &["frist"], &mut |_, _| true);
    assert!(failed.is_err_and(|f| words(&f).contains("LG0201")));
}

/// The small pipeline with a value that a task tells.
fn with_unknown() -> Delivery {
    let task = "task color { in app; input \"color\"; shell \"echo name=$(cat color) >> $LOCKGATE_OUTPUT\"; output name }\n    release web";
    let text =
        HEAD.replace("release web", task).replace("set image=", "set greeting=\"{color.name}\"\n        set image=");
    let delivery = Delivery::of(&(text + "}\n"));
    delivery.lab.write("app/color", "red\n");
    delivery
}

#[test]
fn p05_what_is_not_known_yet_is_marked_and_completed() {
    let delivery = with_unknown();
    assert_eq!(delivery.plan().step("deploy.dev.web").map(|s| (s.action, s.key)), Some((Action::Maybe, None)));
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("greeting: \"red\""), "{}", delivery.deployed("dev"));
    delivery.lab.write("app/color", "blue\n");
    let plan = delivery.plan();
    let changes = serde_json::to_string(&plan.environments[0].changes).expect("JSON");
    assert!(changes.contains("known after task.color"), "{changes}");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("greeting: \"blue\""), "{}", delivery.deployed("dev"));
    assert!(delivery.events().iter().any(|e| matches!(e, Event::PlanCompleted { .. })));
    assert!(delivery.plan().is_empty());
}

#[test]
fn p05_a_task_that_tells_the_same_changes_nothing_below() {
    let delivery = with_unknown();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let since = delivery.events().len();
    let outcome = apply(&delivery.session("tim"), &["color"], &mut |_, _| true);
    assert_eq!(outcome.map_err(|f| words(&f)), Ok(RunOutcome::Done));
    assert_eq!(delivery.started(since), ["task.color"]);
}

#[test]
fn p05_a_completed_plan_asks_and_no_ends_the_run_with_nothing_deployed() {
    let delivery = with_unknown();
    let mut asked = 0;
    let outcome = apply(&delivery.session("tim"), &[], &mut |_, _| {
        asked += 1;
        false
    });
    assert_eq!(outcome.map_err(|f| words(&f)), Ok(RunOutcome::Asks));
    assert_eq!(asked, 1);
    assert!(!delivery.lab.has("out"), "nothing is deployed");
    assert_eq!(delivery.apply(), RunOutcome::Done);
}

#[test]
fn p05_only_a_difference_beyond_the_announced_fields_asks() {
    // The greeting is announced as unknown: it asks nobody.
    let delivery = with_unknown();
    delivery.lab.run(&["apply"]).exits(0);
    // A template that makes an object of its own for one colour goes beyond what was announced.
    let template =
        "{{ if eq .Values.greeting \"blue\" }}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: blue\n{{ end }}\n";
    delivery.lab.write("chart/templates/blue.yaml", template);
    delivery.lab.run(&["apply"]).exits(0);
    delivery.lab.write("app/color", "blue\n");
    delivery.lab.run(&["apply"]).exits(3).says(&["ConfigMap/blue", "--yes"]);
    assert!(!delivery.lab.has("out/dev/web/configmap_blue.yaml"));
    delivery.lab.run(&["apply", "--yes"]).exits(0);
    assert!(delivery.lab.has("out/dev/web/configmap_blue.yaml"));
}

#[test]
fn p04_a_tag_that_names_an_image_is_never_moved_to_another() {
    let build =
        |salt: &str| HEAD.replace("context app\n", &format!("context app\n        label salt={salt}\n")) + "}\n";
    let delivery = Delivery::of(&build("one"));
    let tags = || {
        let index: serde_json::Value = serde_json::from_str(&delivery.lab.read("registry/index.json")).expect("JSON");
        let named = |image: &serde_json::Value| {
            let tag = image["annotations"]["org.opencontainers.image.ref.name"].as_str().expect("a tag");
            (tag.to_string(), image["digest"].as_str().expect("a digest").to_string())
        };
        index["manifests"].as_array().expect("images").iter().map(named).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let before = tags();
    let (tag, first) = before.first_key_value().expect("an image");
    // The same files under another label: another image that the file gives the same tag.
    delivery.lab.write("lockgate.kdl", &build("two"));
    let plan = delivery.plan();
    let lockgate::plan::Work::Push(push) = &plan.step("push.image").expect("a push").work else { panic!("pushed") };
    let own = push.tag.to_string();
    assert!(own.starts_with(&format!("{tag}-")), "the plan says which tag it gets: {own}");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let after = tags();
    assert_eq!(after.get(tag), Some(first), "what runs under the tag is what it was");
    assert!(after.get(&own).is_some_and(|second| second != first && second[7..].starts_with(&own[tag.len() + 1..])));
    assert!(delivery.deployed("dev").contains(after[&own].as_str()), "and the new one is deployed");
    assert_eq!(delivery.plan().hash, delivery.plan().hash);
    assert!(delivery.plan().is_empty(), "nothing is left to do");
}
