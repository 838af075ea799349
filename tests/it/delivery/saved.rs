//! Saved plans (13).

use super::{Delivery, HEAD, apply, words};
use lockgate::run::RunOutcome;

/// Saves the plan of now.
fn save(delivery: &Delivery) {
    let session = delivery.session("tim");
    let plan = session.plan(&[]).unwrap_or_else(|f| panic!("{}", words(&f)));
    session.save(&plan, &[], &delivery.lab.at("plan")).unwrap_or_else(|f| panic!("{}", words(&f)));
}

/// Applies the saved plan.
fn apply_saved(delivery: &Delivery) -> Result<RunOutcome, String> {
    let session = delivery.session_of("plan", "tim").map_err(|f| words(&f))?;
    apply(&session, &[], &mut |_, _| true).map_err(|f| words(&f))
}

#[test]
fn p13_exactly_what_was_saved_is_done() {
    let delivery = Delivery::gated(&[("staging", "approve 1 from=managers")]);
    save(&delivery);
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Waiting), "passing a plan is no approval");
    assert!(delivery.deployed("dev").contains("hello from dev"));
    assert!(!delivery.lab.has("out/staging"));
}

#[test]
fn p13_the_pipeline_file_of_the_plan_counts_and_not_that_of_now() {
    let delivery = Delivery::gated(&[]);
    save(&delivery);
    delivery.lab.write("lockgate.kdl", "lockgate 1\npipeline other { }\n");
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Done));
    assert!(delivery.lab.has("out/dev/web"));
}

#[test]
fn p13_a_folder_that_changed_refuses_by_name_until_it_is_as_it_was() {
    let delivery = Delivery::gated(&[]);
    save(&delivery);
    delivery.lab.write("app/hello", "changed\n");
    let refused = apply_saved(&delivery).expect_err("it is refused");
    assert!(refused.contains("app"), "{refused}");
    assert!(!delivery.lab.has("out"), "nothing is done");
    delivery.lab.write("app/hello", "hello\n");
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Done));
}

#[test]
fn p13_an_environment_that_has_another_candidate_by_now_refuses_by_name() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.greet("dev", "planned");
    save(&delivery);
    delivery.greet("dev", "in between");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.greet("dev", "planned");
    let refused = apply_saved(&delivery).expect_err("it is refused");
    assert!(refused.contains("environment dev has another candidate by now"), "{refused}");
    assert!(delivery.deployed("dev").contains("in between"));
}

#[test]
fn p13_an_object_that_somebody_changed_refuses_by_name() {
    let delivery = Delivery::gated(&[]);
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "planned\n");
    let template = super::TEMPLATE.replace("name: web", "name: more");
    delivery.lab.write(
        "chart/templates/more.yaml",
        &template
            .replace("greeting: {{ .Values.greeting | quote }}\n  image: {{ .Values.image | quote }}", "fixed: \"1\""),
    );
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.greet("dev", "planned");
    save(&delivery);
    delivery.lab.edit("out/dev/web/configmap_more.yaml", "\"1\"", "\"2\"");
    let refused = apply_saved(&delivery).expect_err("it is refused");
    assert!(refused.contains("ConfigMap/more"), "{refused}");
}

#[test]
fn p13_heads_that_moved_do_not_matter() {
    let delivery = Delivery::of(
        &(HEAD.replace("source app { folder \"app\" }", "source app { git \"./app\" branch=main }") + "}\n"),
    );
    delivery.lab.commit("app", "first");
    assert_eq!(delivery.apply(), RunOutcome::Done);
    delivery.lab.write("app/hello", "second\n");
    let second = delivery.lab.commit("app", "second");
    save(&delivery);
    delivery.lab.write("app/hello", "third\n");
    delivery.lab.commit("app", "third");
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Done));
    assert_eq!(delivery.state().memory.heads["app"].version.id, second);
}

#[test]
fn p13_a_plan_that_was_done_is_done() {
    let delivery = Delivery::gated(&[]);
    save(&delivery);
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Done));
    let before = delivery.lab.tree("out");
    // Everything is there by now: whatever is said, nothing changes.
    let _ = apply_saved(&delivery);
    assert_eq!(delivery.lab.tree("out"), before);
}

#[test]
fn p13_a_plan_that_somebody_wrote_into_is_refused() {
    let delivery = Delivery::gated(&[]);
    save(&delivery);
    delivery.lab.edit("plan", "small", "smell");
    let refused = apply_saved(&delivery).expect_err("it is refused");
    assert!(refused.contains("LG0801"), "{refused}");
}

#[test]
fn p13_no_secret_is_in_a_saved_plan_nor_in_the_state() {
    let delivery = Delivery::of(
        r#"
lockgate 1
pipeline small {
    source app { folder "app" }
    secret token { file "./token" }
    task use {
        in app
        shell "test -n \"$TOKEN\" && echo \"$TOKEN\""
        env TOKEN="{token}"
    }
}
"#,
    );
    const SECRET: &str = "kj2h4k5jh23kj4h5k2j3h";
    delivery.lab.write("token", SECRET);
    save(&delivery);
    assert!(!delivery.lab.read("plan").contains(SECRET));
    assert_eq!(apply_saved(&delivery), Ok(RunOutcome::Done));
    let holds = |(_, bytes): &(&String, &Vec<u8>)| bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
    let state = delivery.lab.tree(".lockgate");
    assert_eq!(state.iter().find(holds).map(|(path, _)| path), None);
}
