//! Environments and promotion (6–10).

use super::{Delivery, verdict};
use crate::lab::wait_for;
use lockgate::plan::Verdict;
use lockgate::run::{Event, RunOutcome, gate};

#[test]
fn p06_an_environment_has_what_is_deployed_and_verified_there() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let place = delivery.place("dev");
    let has = place.has.expect("it has a candidate");
    assert_eq!(has.candidate, delivery.plan().candidate().expect("a candidate").id);
    assert_eq!(has.deploys["web"], place.deployed["web"].key);
    assert_eq!(has.verified, place.verified);
}

#[test]
fn p06_what_somebody_changed_there_is_not_what_it_has() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let before = delivery.deployed("dev");
    delivery.lab.edit("out/dev/web/configmap_web.yaml", "hello from dev", "changed by hand");
    let plan = delivery.plan();
    assert_eq!(verdict(&plan, "dev"), &Verdict::Enter);
    assert_eq!(plan.environments[0].changes.len(), 1);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert_eq!(delivery.deployed("dev"), before);
}

#[test]
fn p07_a_candidate_enters_when_those_before_have_it() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers"), ("prod", "approve 1 from=sre")]);
    delivery.greet("dev", "broken");
    assert_eq!(delivery.apply(), RunOutcome::Failed);
    assert!(delivery.place("staging").standing.is_none(), "dev does not have it");
    delivery.greet("dev", "mended");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert!(delivery.place("staging").standing.is_some());
    assert!(delivery.place("prod").standing.is_none(), "staging does not have it");
    assert_eq!(delivery.pass("staging"), RunOutcome::Waiting);
    assert!(delivery.place("prod").standing.is_some());
}

#[test]
fn p07_a_soak_is_told_with_its_end_and_ends() {
    let delivery = Delivery::gated(&[("staging", "soak \"1h\"")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let (plan, state) = (delivery.plan(), delivery.state());
    let staging = plan.environment("staging").expect("staging");
    let since = state.memory.environments["dev"].has.as_ref().expect("dev has it").since;
    let unmet = gate::unmet(&plan, staging, &state.memory, since);
    assert_eq!(
        unmet.iter().map(|u| (u.what.as_str(), u.earliest)).collect::<Vec<_>>(),
        [("1h in dev", Some(since + 3_600_000))]
    );
    assert_eq!(gate::unmet(&plan, staging, &state.memory, since + 3_600_000), []);
    delivery.lab.run(&["why", "staging"]).exits(0).says(&["1h in dev"]);

    let delivery = Delivery::gated(&[("staging", "soak \"1s\"")]);
    wait_for("the end of the soak", || delivery.apply() == RunOutcome::Done);
    assert!(delivery.lab.has("out/staging/web"));
}

/// A candidate that waits at staging with Rita's approval.
fn approved() -> Delivery {
    let delivery = Delivery::gated(&[("staging", "approve 2 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.approve("rita", "staging").expect("an approval");
    assert_eq!(delivery.place("staging").standing.expect("it waits").approvals.len(), 1);
    delivery
}

#[test]
fn p08_a_newer_candidate_with_the_same_subplan_keeps_the_approvals() {
    let delivery = approved();
    let before = delivery.place("staging").standing.expect("it waits");
    delivery.greet("dev", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let after = delivery.place("staging").standing.expect("it waits");
    assert_ne!(after.candidate, before.candidate);
    assert_eq!((after.subplan, after.approvals), (before.subplan, before.approvals));
}

#[test]
fn p08_a_newer_candidate_with_another_subplan_voids_them_and_what_differs_is_said() {
    let delivery = approved();
    delivery.greet("staging", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert!(delivery.place("staging").standing.expect("it waits").approvals.is_empty());
    let void =
        |e: Event| if let Event::ApprovalsVoid { people, differs, .. } = e { Some((people, differs)) } else { None };
    let (people, differs) = delivery.events().into_iter().find_map(void).expect("the approvals are void");
    assert_eq!(people, ["rita"]);
    assert!(differs.iter().any(|d| d.starts_with("release web: ")), "{differs:?}");
    delivery.lab.run(&["history"]).exits(0).says(&["the approval of rita does not count any more", "release web"]);
}

#[test]
fn p08_the_gate_is_a_part_of_what_is_approved() {
    let delivery = approved();
    delivery.lab.edit("lockgate.kdl", "approve 2 from=managers", "approve 1 from=managers");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert!(
        delivery.place("staging").standing.expect("it waits").approvals.is_empty(),
        "an easier gate is not the approved one"
    );
}

#[test]
fn p08_an_approval_of_what_was_looked_at_is_of_nothing_else() {
    let delivery = approved();
    let looked_at = delivery.place("staging").standing.expect("it waits").subplan;
    delivery.greet("staging", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let saying = lockgate::run::Saying::Approve { environment: "staging".into(), subplan: Some(looked_at) };
    let refused = delivery.say("sue", saying).expect_err("it is refused");
    assert!(refused.contains("not what was looked at"), "{refused}");
}

#[test]
fn p09_the_newest_takes_the_place_of_an_older_one_with_the_reason() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let older = delivery.place("staging").standing.expect("it waits").candidate;
    delivery.greet("staging", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    let newer = delivery.place("staging").standing.expect("it waits").candidate;
    let gone = |e: Event| if let Event::Superseded { candidate, by, .. } = e { Some((candidate, by)) } else { None };
    assert_eq!(delivery.events().into_iter().filter_map(gone).collect::<Vec<_>>(), [(older, newer)]);
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
    assert!(delivery.deployed("staging").contains("good morning"));
}

#[test]
fn p09_an_approved_one_is_deployed_before_a_newer_one_takes_its_place() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.approve("rita", "staging").expect("an approval");
    delivery.greet("staging", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    assert!(delivery.deployed("staging").contains("hello from staging"), "that is what Rita approved");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
}

#[test]
fn p07_nothing_enters_that_the_environment_before_does_not_have() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers"), ("prod", "approve 1 from=sre")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.approve("rita", "staging").expect("an approval");
    let first = delivery.has("dev");
    // A newer one is in dev when staging gets the approved one.
    delivery.greet("staging", "newer");
    delivery.greet("prod", "too early");
    delivery.apply();
    assert_eq!((delivery.has("staging"), delivery.has("dev") == first), (first, false));
    delivery.apply();
    delivery.approve("sue", "prod").expect("what staging has may enter");
    delivery.apply();
    assert!(delivery.deployed("prod").contains("hello from prod"), "what staging has, and nothing newer");
    assert_eq!(delivery.has("prod"), delivery.has("staging"));
}

#[test]
fn p09_with_queue_candidates_stand_in_order() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers; queue")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    for greeting in ["second", "third"] {
        delivery.greet("staging", greeting);
        assert_eq!(delivery.apply(), RunOutcome::Waiting);
    }
    for greeting in ["hello from staging", "second", "third"] {
        delivery.approve("rita", "staging").expect("an approval");
        delivery.apply();
        assert!(
            delivery.deployed("staging").contains(greeting),
            "{greeting} is next, and there is\n{}",
            delivery.deployed("staging")
        );
        delivery.apply();
    }
    assert_eq!(delivery.apply(), RunOutcome::Done);
}

#[test]
fn p09_a_gate_that_waits_never_blocks_environments_before_it() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers"), ("prod", "approve 1 from=sre")]);
    for greeting in ["one", "two", "three"] {
        delivery.greet("dev", greeting);
        assert_eq!(delivery.apply(), RunOutcome::Waiting);
        assert!(delivery.deployed("dev").contains(greeting));
    }
}

#[test]
fn p09_no_is_final_for_a_candidate_and_a_newer_one_may() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    delivery.say("rita", lockgate::run::Saying::Reject { environment: "staging".into() }).expect("she may");
    let refused = delivery.approve("sue", "staging").expect_err("no is final");
    assert!(refused.contains("rita rejected"), "{refused}");
    delivery.apply();
    assert!(!delivery.lab.has("out/staging"));
    delivery.greet("staging", "good morning");
    assert_eq!(delivery.apply(), RunOutcome::Waiting);
    assert_eq!(delivery.pass("staging"), RunOutcome::Done);
}

#[test]
fn p10_deploys_of_one_environment_come_one_after_the_other() {
    let second = "    release more { chart chart; values config \"values-{environment}.yaml\" }\n    environment dev";
    let text = super::HEAD.replace("    environment dev", second).replace("deploy web", "deploy web more");
    let delivery = Delivery::of(&(text + "}\n"));
    assert_eq!(delivery.apply(), RunOutcome::Done);
    let order: Vec<String> = delivery
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::StepStarted { step, .. } if step.starts_with("deploy.") => Some(format!("{step} started")),
            Event::StepFinished { step, .. } if step.starts_with("deploy.") => Some(format!("{step} done")),
            _ => None,
        })
        .collect();
    assert_eq!(
        order,
        ["deploy.dev.web started", "deploy.dev.web done", "deploy.dev.more started", "deploy.dev.more done"]
    );
}
