//! What people with the right to operate say on a page, and edits of the pipeline file that wait: forms that work without a script.

use super::driver::Answer;
use super::served::Served;
use crate::lab::{Lab, between, wait_for};

/// A server with something at the gate of staging.
fn at_gate() -> Served {
    let served = Served::new(Lab::copy_of("examples/01-first-light"));
    let cookie = served.cookie("rita");
    wait_for("something at the gate", || {
        served.get("/p/first-light/gates/staging", &cookie).body.contains("Approve for staging")
    });
    served
}

/// Somebody with a browser that runs no script.
struct Plain<'s> {
    served: &'s Served,
    cookie: String,
}

impl Plain<'_> {
    fn new<'s>(served: &'s Served, name: &str) -> Plain<'s> {
        Plain { served, cookie: served.cookie(name) }
    }

    fn sees(&self, path: &str) -> String {
        let page = self.served.get(path, &self.cookie);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        page.body
    }

    /// Opens the page that asks, and sends its form with a reason.
    fn says(&self, what: &str, about: &str, reason: &str) -> Answer {
        let page = self.sees(&format!("/p/first-light/say/{what}?{about}"));
        let csrf = between(&page, "name=\"csrf\" value=\"", "\"");
        let form = format!("csrf={csrf}&{about}&reason={reason}");
        self.post(&format!("/p/first-light/say/{what}"), &form)
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.served.post(path, &[("Cookie", &self.cookie)], form)
    }
}

#[test]
fn an_operator_says_everything_with_forms() {
    let served = at_gate();
    let dora = Plain::new(&served, "dora");
    assert!(dora.sees("/p/first-light").contains("Apply now"));
    assert_eq!(dora.says("hold", "about=staging", "freeze").status, 303);
    assert!(dora.sees("/p/first-light").contains("held by dora: freeze"));
    assert_eq!(dora.says("release", "about=staging", "").status, 303);
    assert!(!dora.sees("/p/first-light").contains("/say/release?about=staging"));
    let again = dora.says("hold", "about=staging", "");
    assert_eq!(again.status, 422, "a hold says why: {}", again.body);
    assert_eq!(dora.says("pin", "about=base", "").status, 303);
    assert!(dora.sees("/p/first-light").contains("is pinned at"));
    assert_eq!(dora.says("unpin", "about=base", "").status, 303);
    let version =
        between(&dora.sees("/p/first-light/candidates"), "href=\"/p/first-light/candidates/", "\"").to_string();
    let candidate = dora.sees(&format!("/p/first-light/candidates/{version}"));
    let ban = between(&candidate, "/p/first-light/say/ban?about=base&amp;", "\"").to_string();
    assert!(ban.starts_with("of=sha256"), "{ban}");
    assert_eq!(dora.says("ban", &format!("about=base&{ban}"), "broken").status, 303);
    assert!(dora.sees("/p/first-light").contains("is banned by dora: broken"));
    assert_eq!(dora.says("unban", &format!("about=base&{ban}"), "").status, 303);
    let nothing = dora.says("apply", "about=", "");
    assert!(nothing.status == 303 || nothing.body.contains("No run:"), "{}", nothing.body);
    // What cannot be is said on the page, and has no button.
    for (path, said) in [
        ("cancel?about=77", "Run 77 is not under way."),
        ("release?about=dev", "dev is not held."),
        ("rollback?about=prod", "prod had no other candidate before."),
        ("unpin?about=app", "app is not pinned."),
        ("done?about=deploy.dev.mi", "is known."),
    ] {
        let page = dora.sees(&format!("/p/first-light/say/{path}"));
        assert!(page.contains(said) && !page.contains("name=\"about\""), "{path}: {page}");
    }
    let page = dora.sees("/p/first-light");
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"");
    let refused = dora.post("/p/first-light/say/cancel", &format!("csrf={csrf}&about=77"));
    assert_eq!(refused.status, 409, "{}", refused.body);
    for path in [
        "say/nothing",
        "say/hold?about=nowhere",
        "say/pin?about=nothing",
        "say/hold?about=%3Cscript%3E",
        "say/cancel?about=x",
    ] {
        assert_eq!(served.get(&format!("/p/first-light/{path}"), &dora.cookie).status, 404, "{path}");
    }
    let history = dora.sees("/p/first-light/history?about=refused");
    assert!(history.contains("cancel run 77"), "each call leaves its row: {history}");
}

#[test]
fn who_may_not_operate_finds_nothing_and_a_link_says_nothing() {
    let served = at_gate();
    let (rita, dora) = (Plain::new(&served, "rita"), Plain::new(&served, "dora"));
    let board = rita.sees("/p/first-light");
    assert!(!board.contains("Apply now") && !board.contains("/say/"), "{board}");
    let absent = served.get("/p/first-light/nothing", &rita.cookie).body;
    let csrf = between(&board, "name=\"csrf\" value=\"", "\"");
    for what in ["hold?about=prod", "apply", "rollback?about=prod", "nothing"] {
        let answer = served.get(&format!("/p/first-light/say/{what}"), &rita.cookie);
        assert_eq!((answer.status, answer.body == absent), (404, true), "{what}");
        let answer = rita.post(&format!("/p/first-light/say/{what}"), &format!("csrf={csrf}&about=prod&reason=x"));
        assert_eq!(answer.status, 404, "{what}");
    }
    // Without the word of the page, with another's, from a page of somebody else's: nothing.
    let there = "/p/first-light/say/hold";
    assert_eq!(dora.post(there, "csrf=&about=prod&reason=x").status, 403);
    assert_eq!(dora.post(there, &format!("csrf={csrf}&about=prod&reason=x")).status, 403);
    let own = between(&dora.sees("/p/first-light"), "name=\"csrf\" value=\"", "\"").to_string();
    let cross = [("Cookie", dora.cookie.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(served.post(there, &cross, &format!("csrf={own}&about=prod&reason=x")).status, 403);
    dora.sees("/p/first-light/say/hold?about=prod&reason=x");
    assert!(!dora.sees("/p/first-light").contains("held by"));
}

#[test]
fn an_edit_that_weakens_a_gate_is_approved_on_its_page() {
    let served = at_gate();
    let rita = Plain::new(&served, "rita");
    assert!(rita.sees("/p/first-light/edit").contains("No edit waits"));
    served.lab.edit("lockgate.kdl", "approve 2 from=sre", "approve 1 from=developers");
    wait_for("the edit to wait", || rita.sees("/p/first-light").contains("makes gates weaker"));
    let page = rita.sees("/p/first-light/edit");
    for said in [
        "2 approvals from sre are not asked any more",
        "− ",
        "approve 2 from=sre",
        "approve 1 from=developers",
        "0 of 2",
        "rita is not of sre",
    ] {
        assert!(page.contains(said), "the page does not say `{said}`: {page}");
    }
    assert!(!page.contains("Approve the edit"));
    let fields = |page: &str| {
        let field = |name: &str| between(page, &format!("name=\"{name}\" value=\""), "\"").to_string();
        (field("csrf"), field("file").replace(':', "%3A"))
    };
    for (name, so_far) in [("sam", "1 of 2"), ("sue", "No edit waits")] {
        let person = Plain::new(&served, name);
        let (csrf, file) = fields(&person.sees("/p/first-light/edit"));
        let (here, other) = ("/p/first-light/edit/approve", format!("sha256%3A{}", "0".repeat(64)));
        assert_eq!(person.post(here, &format!("csrf=&file={file}")).status, 403);
        assert_eq!(person.post(here, &format!("csrf={csrf}&file={other}")).status, 409);
        assert_eq!(served.get(here, &person.cookie).status, 404);
        assert_eq!(person.post(here, &format!("csrf={csrf}&file={file}")).status, 303);
        wait_for(so_far, || person.sees("/p/first-light/edit").contains(so_far));
    }
    // A no takes a reason, and stands there until another edit comes.
    served.lab.edit("lockgate.kdl", "approve 1 from=release-managers", "approve 1 from=developers");
    wait_for("the next edit", || rita.sees("/p/first-light/edit").contains("Approve the edit"));
    let (csrf, file) = fields(&rita.sees("/p/first-light/edit"));
    let no = format!("csrf={csrf}&file={file}");
    assert_eq!(rita.post("/p/first-light/edit/reject", &no).status, 422);
    assert_eq!(rita.post("/p/first-light/edit/reject", &format!("{no}&reason=why")).status, 303);
    assert!(rita.sees("/p/first-light/edit").contains("rejected by rita: why"));
    assert_eq!(rita.post("/p/first-light/edit/approve", &no).status, 409);
    // From the command line it is the same.
    served.lab.edit("lockgate.kdl", "approve 1 from=developers self=allow", "approve 1 from=interns self=allow");
    let url = served.url("");
    let told = |name: &str, args: &[&str]| {
        let all = [&["--server", url.as_str()], args].concat();
        let mut command = served.lab.command(&all);
        command.env("LOCKGATE_TOKEN", served.token(name));
        let output = command.output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    wait_for("the third edit", || rita.sees("/p/first-light/edit").contains("Approve the edit"));
    assert!(told("rita", &["status"]).1.contains("`approve --edit`"));
    let (code, said) = told("sam", &["approve", "--edit"]);
    assert!(code == Some(1) && said.contains("sam is not of release-managers"), "{said}");
    let other = format!("--edit=sha256:{}", "0".repeat(64));
    let (code, said) = told("rita", &["approve", &other]);
    assert!(code == Some(1) && said.contains("not the one that was looked at"), "{said}");
    let (code, said) = told("rita", &["approve", "--edit", "--reason", "as agreed"]);
    assert!(
        code == Some(0) && said.contains("makes gates weaker") && said.contains("rita approved the edit"),
        "{said}"
    );
    wait_for("it to count", || rita.sees("/p/first-light/edit").contains("No edit waits"));
}

#[test]
fn a_run_is_stopped_from_its_page_and_from_the_command_line() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.write(
        "app/tests/unit.sh",
        "#!/bin/sh\nwhile [ -e SLOW ]; do sleep 0.1; done; exit 0\n"
            .replace("SLOW", &lab.at("slow").display().to_string())
            .as_str(),
    );
    lab.write("slow", "");
    let served = Served::new(lab);
    let dora = Plain::new(&served, "dora");
    wait_for("the run", || dora.sees("/p/first-light").contains("<code>test.image</code>"));
    let status = || {
        let out = served
            .lab
            .command(&["status", "--json", "--server", &served.url("")])
            .env("LOCKGATE_TOKEN", served.token("dora"))
            .output();
        let out = out.expect("it starts");
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
    };
    assert_eq!(status()["runs"][0]["stopping"], false, "{}", status());
    assert_eq!(dora.says("cancel", "about=1", "").status, 303);
    assert_eq!(status()["runs"][0]["stopping"], true);
    assert!(dora.sees("/p/first-light").contains("is being stopped"));
    // Once more, and what runs is stopped, too.
    let out = served
        .lab
        .command(&["cancel", "--server", &served.url("")])
        .env("LOCKGATE_TOKEN", served.token("dora"))
        .output();
    assert!(out.as_ref().is_ok_and(|o| o.status.success()), "{out:?}");
    wait_for("the end", || !dora.sees("/p/first-light").contains("is being stopped"));
    assert_eq!(status()["runs"], serde_json::json!([]));
    let out = served
        .lab
        .command(&["cancel", "--server", &served.url("")])
        .env("LOCKGATE_TOKEN", served.token("dora"))
        .output();
    assert!(out.is_ok_and(|o| String::from_utf8_lossy(&o.stderr).contains("no run is under way")));
    let history = dora.sees("/p/first-light/history");
    assert!(history.contains("dora asked to stop"), "{history}");
    // It does not begin again by itself, and it does when somebody wants it.
    assert!(!history.contains("Run 2") && !history.contains("run 2"), "{history}");
    served.lab.remove("slow");
    assert_eq!(dora.says("apply", "about=", "").status, 303);
    wait_for("the next run", || dora.sees("/p/first-light").contains("staging</b> waits with"));
    served.lab.run(&["cancel"]).exits(1).says(&["Ctrl-C"]);
}
