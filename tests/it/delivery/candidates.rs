//! Versions and candidates (1–3), the first look and lost memory (16).

use super::{Delivery, HEAD, environment, to_do, verdict};
use lockgate::plan::Verdict;
use lockgate::run::{Event, RunOutcome};

fn id(delivery: &Delivery) -> String {
    delivery.plan().candidate().expect("a candidate").id.to_string()
}

/// The small pipeline with its app in a git repository.
fn with_git(more: &str) -> Delivery {
    let source = format!("source app {{ git \"./app\" branch=main; {more} }}");
    let delivery = Delivery::of(&(HEAD.replace("source app { folder \"app\" }", &source) + "}\n"));
    delivery.lab.commit("app", "first");
    delivery
}

#[test]
fn p01_each_kind_of_source_moves_by_its_content() {
    let delivery = Delivery::gated(&[]);
    let mut seen = vec![id(&delivery)];
    delivery.lab.write("app/hello", "hello again\n");
    seen.push(id(&delivery));
    delivery.lab.edit("chart/Chart.yaml", "1.0.0", "1.0.1");
    seen.push(id(&delivery));
    delivery.lab.edit("lockgate.kdl", "tag=\"{app.short}\"", "tag=\"v{app.short}\"");
    seen.push(id(&delivery));
    let mut different = seen.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), seen.len(), "each change is another candidate: {seen:?}");
}

#[test]
fn p01_a_head_that_was_seen_is_an_event() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let seen = |e: &Event| if let Event::HeadSeen { source, .. } = e { Some(source.clone()) } else { None };
    assert_eq!(delivery.events().iter().filter_map(seen).collect::<Vec<_>>(), ["app", "chart", "config"]);
    delivery.lab.write("app/hello", "hello again\n");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.events().iter().filter_map(seen).collect::<Vec<_>>(), ["app", "chart", "config", "app"]);
}

#[test]
fn p01_with_paths_only_what_changes_them_counts() {
    let delivery = with_git("paths \"Dockerfile\" \"hello\"");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let before = id(&delivery);
    delivery.lab.write("app/NOTES", "nothing that is watched\n");
    delivery.lab.commit("app", "notes");
    assert_eq!(id(&delivery), before);
    assert_eq!(to_do(&delivery.plan()), Vec::<&str>::new());
    delivery.lab.write("app/hello", "hello again\n");
    delivery.lab.commit("app", "greeting");
    assert_ne!(id(&delivery), before);
}

#[test]
fn p02_the_same_set_is_the_same_candidate_for_ever() {
    let (one, two) = (Delivery::gated(&[]), Delivery::gated(&[]));
    let first = id(&one);
    assert_eq!(first, id(&two), "wherever it lies");
    one.lab.write("app/hello", "something else\n");
    assert_ne!(first, id(&one));
    assert_eq!(one.apply(), RunOutcome::Done);
    one.lab.write("app/hello", "hello\n");
    assert_eq!(first, id(&one), "whenever it is");
    let plan = one.plan();
    let name = plan.candidate().expect("a candidate").name();
    assert_eq!(name.split('-').count(), 3, "{name} can be said");
}

#[test]
fn p02_a_head_that_moves_carries_the_other_versions_over() {
    let delivery = Delivery::gated(&[]);
    let before = delivery.plan().candidate().expect("a candidate").versions.clone();
    delivery.lab.write("app/hello", "hello again\n");
    let after = delivery.plan().candidate().expect("a candidate").versions.clone();
    assert_ne!(before["app"], after["app"]);
    assert_eq!((&before["config"], &before["chart"]), (&after["config"], &after["chart"]));
}

#[test]
fn p03_nothing_resolves_a_moving_name_again() {
    let delivery = with_git("");
    let first = delivery.lab.git("app", &["rev-parse", "HEAD"]);
    let saved = delivery.lab.at("plan");
    let session = delivery.session("tim");
    session.save(&session.plan(&[]).expect("a plan"), &[], &saved).expect("it is saved");
    delivery.lab.write("app/hello", "hello again\n");
    delivery.lab.commit("app", "second");
    let session = delivery.session_of("plan", "tim").expect("a saved plan");
    assert_eq!(super::apply(&session, &[], &mut |_, _| true).expect("it is applied"), RunOutcome::Done);
    assert_eq!(
        delivery.state().memory.heads["app"].version.id,
        first,
        "the commit of the plan, not that of the branch"
    );
}

#[test]
fn p16_an_empty_state_plans_everything_as_new() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    let plan = delivery.plan();
    assert_eq!(plan.steps.len(), to_do(&plan).len());
    assert_eq!((verdict(&plan, "dev"), verdict(&plan, "staging")), (&Verdict::Enter, &Verdict::Gate));
}

#[test]
fn p16_a_source_that_is_added_starts_at_its_present_head() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    for text in ["one", "two", "three"] {
        delivery.lab.write("extra/file", text);
        delivery.lab.commit("extra", text);
    }
    let task =
        "source extra { git \"./extra\" branch=main }\n    task look { run cat file; in extra }\n    build image";
    delivery.lab.edit("lockgate.kdl", "build image", task);
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(
        delivery.started(since).iter().filter(|s| *s == "task.look").count(),
        1,
        "once, and not for its history"
    );
}

#[test]
fn p16_a_rewritten_branch_is_a_baseline_with_a_note() {
    let delivery = with_git("");
    delivery.lab.write("app/hello", "second\n");
    delivery.lab.commit("app", "second");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    // The commit that was seen is no part of the branch any more.
    delivery.lab.git("app", &["reset", "-q", "--hard", "HEAD~1"]);
    delivery.lab.write("app/hello", "another second\n");
    let head = delivery.lab.commit("app", "another second");
    let plan = delivery.plan();
    let line = plan.sources.iter().find(|s| s.name == "app").expect("the source");
    assert_eq!(line.version.id, head);
    assert!(line.about.note.is_some(), "a note says that the branch was rewritten: {:?}", line.about);
    let since = delivery.events().len();
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.started(since).iter().filter(|s| *s == "build.image").count(), 1);
}

#[test]
fn p16_lost_memory_deploys_nothing_that_is_there_already() {
    let delivery =
        Delivery::of(&(HEAD.to_string() + &environment("staging", "dev", "approve 1 from=managers") + "}\n"));
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let before = delivery.lab.tree("out");
    delivery.lab.remove(".lockgate");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.lab.tree("out"), before, "the same candidate, the same bytes");
}
