//! People (14, 15).

use super::{Delivery, HEAD, environment};
use lockgate::run::{Event, RunOutcome, Saying};

#[test]
fn p14_the_journal_says_who_and_refusals_are_in_it() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.approve("tim", "staging").expect_err("he started it");
    delivery.approve("rita", "staging").expect("she may");
    delivery.say("sue", Saying::Hold { environment: "dev".into() }).expect("she may");
    let said: Vec<String> = delivery
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::RunStarted { by, .. } => Some(format!("started by {by}")),
            Event::Refused { call, by, .. } => Some(format!("{call} refused to {by}")),
            Event::Approved { environment, approval } => Some(format!("{environment} approved by {}", approval.by)),
            Event::HoldSet { environment, word } => Some(format!("{environment} held by {}", word.by)),
            _ => None,
        })
        .collect();
    let wanted = ["started by tim", "approve staging refused to tim", "staging approved by rita", "dev held by sue"];
    assert_eq!(said, wanted);
}

#[test]
fn p15_who_started_the_run_does_not_approve_it_unless_the_gate_says_so() {
    let delivery =
        Delivery::gated(&[("staging", "approve 1 from=managers"), ("prod", "approve 1 from=sre self=allow")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let refused = delivery.approve("tim", "staging").expect_err("nobody approves their own change");
    assert!(refused.contains("nobody approves their own"), "{refused}");
    assert_eq!(delivery.pass("staging"), RunOutcome::Waiting);
    delivery.approve("tim", "prod").expect("the gate lets him");
}

/// The small pipeline with its values in a git repository, and a gate before staging.
fn with_git() -> Delivery {
    let head = HEAD.replace("source config { folder \"config\" }", "source config { git \"./config\" branch=main }");
    let delivery = Delivery::of(&(head + &environment("staging", "dev", "approve 1 from=managers") + "}\n"));
    delivery.lab.commit_as("Olga Origin", "config", "first");
    delivery
}

#[test]
fn p15_who_authored_or_committed_what_is_new_there_does_not_approve_it() {
    let delivery = with_git();
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    for own in ["olga", "Olga Origin", "olga@example.com", "OLGA"] {
        delivery.approve(own, "staging").expect_err(own);
    }
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    // Two commits by two people, seen in one look: both are new there.
    delivery.greet("staging", "one");
    delivery.lab.commit_as("Paul Painter", "config", "one");
    delivery.greet("staging", "two");
    delivery.lab.commit_as("Quinn Query", "config", "two");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.approve("quinn", "staging").expect_err("the last commit is theirs");
    delivery.approve("paul", "staging").expect_err("the commit between is his");
    delivery.approve("olga", "staging").expect("nothing of hers is new there");
    assert_eq!(delivery.apply(), RunOutcome::Done);
}
