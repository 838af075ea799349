//! Failing and going back (11, 12).

use super::{Delivery, verdict};
use lockgate::plan::Verdict;
use lockgate::run::{Event, RunOutcome, Saying};

#[test]
fn p11_a_failing_verification_goes_back_to_the_last_verified_and_bans_the_candidate() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let (good, before) = (delivery.has("dev"), delivery.deployed("dev"));
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    assert_eq!(delivery.deployed("dev"), before);
    assert_eq!(delivery.has("dev"), good);
    let plan = delivery.plan();
    assert!(matches!(verdict(&plan, "dev"), Verdict::Banned { .. }), "{:?}", verdict(&plan, "dev"));
    let since = delivery.events().len();
    delivery.apply();
    assert_eq!(delivery.started(since), Vec::<String>::new(), "what failed is not tried again");
    assert_eq!(delivery.deployed("dev"), before);
    // A newer one may try.
    delivery.greet("dev", "mended");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("mended"));
}

#[test]
fn p11_two_failures_in_a_row_go_back_to_the_last_verified_not_to_the_last_deployed() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let before = delivery.deployed("dev");
    for greeting in ["broken", "broken again"] {
        delivery.greet("dev", greeting);
        assert_eq!(delivery.apply(), RunOutcome::Failed);
        assert_eq!(delivery.deployed("dev"), before);
    }
}

#[test]
fn p11_after_going_back_the_old_candidate_is_there_and_nothing_is_to_do_for_it() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    delivery.greet("dev", "hello from dev");
    let plan = delivery.plan();
    assert_eq!(verdict(&plan, "dev"), &Verdict::UpToDate, "{:#?}", plan.environments[0].reasons);
}

#[test]
fn p11_a_failing_first_deploy_has_nothing_to_go_back_to() {
    let delivery = Delivery::gated(&[]);
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    let place = delivery.place("dev");
    assert!(place.has.is_none() && place.failed.is_some());
    assert!(!delivery.events().iter().any(|e| matches!(e, Event::RollbackStarted { .. })));
    delivery.greet("dev", "mended");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.place("dev").failed.is_none());
}

#[test]
fn p11_rollback_false_leaves_what_failed() {
    let delivery = Delivery::gated(&[]);
    delivery.lab.edit("lockgate.kdl", "verify config", "rollback #false\n        verify config");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    assert!(delivery.deployed("dev").contains("broken"));
}

#[test]
fn p11_a_rollback_that_fails_holds_the_environment() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    // The verification takes the place away, so that nothing can be brought back.
    let sabotage = "#!/bin/sh\ngrep -rq broken \"$LOCKGATE_FOLDER\" || exit 0\nrm -rf \"$LOCKGATE_FOLDER\"\ntouch \"$LOCKGATE_FOLDER\"\nexit 1\n";
    delivery.lab.write("config/tests/test.sh", sabotage);
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    assert!(
        delivery.events().iter().any(|e| matches!(e, Event::RollbackFailed { .. })),
        "{:#?}",
        delivery.events().last()
    );
    let hold = delivery.place("dev").hold.expect("it is held");
    assert!(hold.reason.contains("rollback"), "{hold:?}");
    delivery.lab.run(&["status"]).exits(0).says(&["held"]);
}

/// Dev has had `one` and `two`.
fn twice() -> Delivery {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    for greeting in ["one", "two"] {
        delivery.greet("dev", greeting);
        delivery.greet("staging", greeting);
        assert_eq!(delivery.apply(), RunOutcome::Waiting);
        assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    }
    delivery
}

#[test]
fn p12_rollback_brings_the_one_before_back_through_the_gate_and_holds() {
    let delivery = twice();
    delivery.say("sue", Saying::Rollback { environment: "staging".into(), candidate: None }).expect("there was one");
    let plan = delivery.plan();
    assert_eq!(verdict(&plan, "staging"), &Verdict::Gate, "the same gate");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    assert!(delivery.deployed("staging").contains("one"));
    assert!(delivery.deployed("dev").contains("two"), "another environment is left alone");
    assert!(delivery.place("staging").hold.is_some());
    // Automation leaves it alone until somebody releases it.
    let plan = delivery.plan();
    assert!(matches!(verdict(&plan, "staging"), Verdict::Held { .. }), "{:?}", verdict(&plan, "staging"));
    delivery.apply();
    assert!(delivery.deployed("staging").contains("one"));
    delivery.say("sue", Saying::Release { environment: "staging".into() }).expect("it is held");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    assert!(delivery.deployed("staging").contains("two"));
}

#[test]
fn p12_rollback_names_a_candidate_that_was_there() {
    let delivery = twice();
    let first = delivery.place("staging").had.first().expect("it had one").candidate;
    delivery
        .say("sue", Saying::Rollback { environment: "staging".into(), candidate: Some(first) })
        .expect("it was there");
    let unknown = lockgate::digest::Digest::of("never");
    let refused = delivery.say("sue", Saying::Rollback { environment: "staging".into(), candidate: Some(unknown) });
    assert!(refused.expect_err("it never was there").contains("never had"), "a name helps");
}

#[test]
fn p12_a_gate_may_let_rollbacks_pass() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers; rollback free")]);
    for greeting in ["one", "two"] {
        delivery.greet("staging", greeting);
        assert_eq!(delivery.apply(), RunOutcome::Waiting);
        assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    }
    delivery.say("sue", Saying::Rollback { environment: "staging".into(), candidate: None }).expect("there was one");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("staging").contains("one"));
}

#[test]
fn p12_a_hold_keeps_an_environment_as_it_is() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.say("sue", Saying::Hold { environment: "dev".into() }).expect("she may");
    delivery.greet("dev", "changed");
    delivery.apply();
    assert!(delivery.deployed("dev").contains("hello from dev"));
    delivery.lab.run(&["status"]).exits(0).says(&["held", "sue", "because"]);
    delivery.say("sue", Saying::Release { environment: "dev".into() }).expect("it is held");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("changed"));
}

#[test]
fn p12_a_pin_keeps_a_source_and_a_ban_keeps_a_version_away() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let first = delivery.state().memory.heads["config"].clone();
    let set = |text: &str| delivery.greet("dev", text);

    delivery.say("sue", Saying::Pin { source: "config".into(), head: first.clone() }).expect("she may");
    delivery.lab.run(&["status"]).exits(0).says(&["config", "sue"]);
    set("hello from dev");
    assert!(delivery.plan().is_empty());
    delivery.say("sue", Saying::Unpin { source: "config".into() }).expect("it is pinned");

    set("second");
    let second = delivery.plan().candidate().expect("a candidate").versions["config"].id.clone();
    delivery.say("sue", Saying::Ban { source: "config".into(), version: second.clone() }).expect("she may");
    let plan = delivery.session("tim").plan(&[]);
    // A folder has only its present version: what is banned is not used, and what was before cannot be had.
    match plan {
        Ok(plan) => assert_eq!(plan.candidate().expect("a candidate").versions["config"], first.version),
        Err(failure) => assert!(super::words(&failure).contains("config"), "{}", super::words(&failure)),
    }
    delivery.say("sue", Saying::Unban { source: "config".into(), version: second }).expect("it is banned");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("second"));
}

#[test]
fn p12_a_pinned_and_a_banned_commit_of_git() {
    let delivery = Delivery::of(
        &(super::HEAD.replace("source config { folder \"config\" }", "source config { git \"./config\" branch=main }")
            + "}\n"),
    );
    delivery.lab.commit("config", "first");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let first = delivery.state().memory.heads["config"].clone();
    delivery.greet("dev", "second");
    let second = delivery.lab.commit("config", "second");

    delivery.say("sue", Saying::Ban { source: "config".into(), version: second.clone() }).expect("she may");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("hello from dev"), "the one before the banned one");
    delivery.say("sue", Saying::Unban { source: "config".into(), version: second }).expect("it is banned");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("second"));

    delivery.say("sue", Saying::Pin { source: "config".into(), head: first }).expect("she may");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("dev").contains("hello from dev"), "the pinned one");
}
