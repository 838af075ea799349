//! The board in a real browser: signing in, looking, approving, following, as people do.

use super::driver::{Browser, is_there};
use super::served::Served;
use crate::lab::{Lab, between};
use crate::server::oidc::Provider;
use std::time::Duration;

/// Whether there is a browser; says so where there is none. `LOCKGATE_LIVE=1` insists on one.
pub(crate) fn has_browser() -> bool {
    let is_there = is_there("chromium") && is_there("chromedriver");
    if !is_there {
        assert!(std::env::var_os("LOCKGATE_LIVE").is_none(), "LOCKGATE_LIVE is set, and there is no chromium");
        eprintln!("skipped: there is no chromium with chromedriver on this machine");
    }
    is_there
}

/// The script that judges whether pages can be used by everyone, where npm can bring it; once for all tests.
fn judge() -> Option<&'static str> {
    static JUDGE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let bring = || {
        let folder = tempfile::tempdir().ok()?;
        let npm = std::process::Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
            .arg(folder.path())
            .arg("axe-core")
            .output();
        let text = std::fs::read_to_string(folder.path().join("node_modules/axe-core/axe.min.js")).ok();
        if text.is_none() {
            eprintln!("skipped: axe-core cannot be brought by npm: {npm:?}");
        }
        text
    };
    JUDGE.get_or_init(bring).as_deref()
}

/// Nothing on the page is hard to use for anyone, nothing sticks out, and the browser has nothing to complain of.
#[track_caller]
pub(crate) fn is_fine(browser: &Browser, name: &str) {
    browser.shoot(name);
    let wider = browser.eval("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(wider.as_i64(), Some(0), "{name} is wider than its window");
    if let Some(axe) = judge() {
        browser.eval(axe);
        let found = browser.eval_later(
            "const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).slice(0, 3).join(' | '))), e => done(String(e)))",
        );
        assert_eq!(found, serde_json::json!([]), "axe on {name}");
    }
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "the browser complains on {name}: {complaints:?}");
}

pub(super) fn sign_in(browser: &Browser, served: &Served, name: &str) {
    browser.go(&served.url("/"));
    browser.waits("the page to sign in", |b| b.path().starts_with("/login"));
    browser.fill("input[name=token]", served.token(name));
    browser.click("form[action='/login'] button");
    browser.sees("first-light");
}

fn approve(browser: &Browser, environment: &str, from_board: bool) {
    if from_board {
        browser.click(&format!("a[href$='/gates/{environment}'].button"));
    }
    browser.sees("What changes there");
    browser.fill("form[action$='/approve'] input[name=reason]", "looked at");
    is_fine(browser, &format!("gate-{environment}"));
    browser.click("form[action$='/approve'] button");
}

#[test]
fn people_bring_a_change_to_production_with_a_browser() {
    if !has_browser() {
        return;
    }
    let lab = Lab::copy_of("examples/01-first-light");
    // A check that takes its time, so that there is something to follow.
    let folder = lab.path().display();
    lab.write(
        "config/tests/test.sh",
        &format!(
            "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do printf '\\033[32mlook\\033[0m %s <b>\\n' $i\n\
             while [ $i = 2 ] && [ -e {folder}/slow ]; do sleep 0.1; done; done\n"
        ),
    );
    let served = Served::new(lab);
    let browser = Browser::new(1280);
    browser.go(&served.url("/p/first-light/gates/staging"));
    browser.sees("Sign in");
    is_fine(&browser, "login");
    sign_in(&browser, &served, "rita");

    // The first change goes to dev by itself, and the board follows without being asked again.
    browser.eval("window.stays = true");
    browser.sees("staging waits with");
    browser.sees("1 approval from release-managers");
    assert_eq!(browser.eval("return window.stays"), true, "the page was not loaded again");
    is_fine(&browser, "board");

    served.lab.write("slow", "");
    approve(&browser, "staging", true);
    browser.sees("It was let in, and is on its way");

    // Its check is followed while it runs, from the run's page.
    browser.go(&served.url("/p/first-light/runs"));
    browser.click("ol.runs li:first-child a.number");
    browser.click("a[href$='/log/verify.staging']");
    browser.sees("look 2 <b>");
    browser.sees("It goes on; this page follows it.");
    browser.eval("window.stays = true");
    served.lab.remove("slow");
    browser.sees("look 8 <b>");
    browser.sees("It has ended.");
    assert_eq!(browser.eval("return window.stays"), true, "the lines came by themselves");
    assert_eq!(browser.eval("return document.querySelectorAll('#log li').length"), 8);
    is_fine(&browser, "log");
    browser.go(&served.url("/p/first-light/runs/1/log/verify.dev?q=LOOK+3"));
    browser.sees("1 of 8 lines");

    // Who is of no group that the gate asks is told so; production takes two others.
    browser.go(&served.url("/p/first-light/gates/prod"));
    browser.sees("rita is not of sre");
    for name in ["sam", "sue"] {
        browser.click("form[action='/logout'] button");
        sign_in(&browser, &served, name);
        browser.sees("prod waits with");
        approve(&browser, "prod", true);
    }
    browser.go(&served.url("/"));
    browser.sees("Nothing waits for anybody.");
    browser.waits("prod to have the candidate", |b| {
        b.eval("return document.querySelectorAll('.chamber[data-level=full]').length") == 3
    });
    for (name, path) in [
        ("done", "/"),
        ("runs", "/p/first-light/runs"),
        ("run", "/p/first-light/runs/1"),
        ("history", "/p/first-light/history"),
        ("refusals", "/p/first-light/history?about=refused"),
        ("candidates", "/p/first-light/candidates"),
        ("file", "/p/first-light/file"),
        ("open-gate", "/p/first-light/gates/dev"),
    ] {
        browser.go(&served.url(path));
        is_fine(&browser, name);
    }
    browser.click("nav a[href='/p/first-light']");
    browser.click(".matrix a.candidate");
    browser.sees("How far it came");
    browser.sees("approved by sam, sue");
    is_fine(&browser, "candidate");
}

#[test]
fn every_page_is_fine_in_the_light_and_in_the_dark_on_a_screen_and_on_a_phone() {
    if !has_browser() {
        return;
    }
    let served = Served::new(Lab::copy_of("examples/01-first-light"));
    let browser = Browser::new(1280);
    sign_in(&browser, &served, "dora");
    browser.sees("staging waits with");
    let cookie = served.cookie("rita");
    let gate = served.get("/p/first-light/gates/staging", &cookie).body;
    let field = |name: &str| {
        let rest = gate.split_once(&format!("name=\"{name}\" value=\"")).map_or("", |(_, r)| r);
        rest.split('"').next().unwrap_or_default().replace(':', "%3A")
    };
    let form =
        format!("csrf={}&subplan={}&candidate={}&reason=ok", field("csrf"), field("subplan"), field("candidate"));
    assert_eq!(served.post("/p/first-light/gates/staging/approve", &[("Cookie", &cookie)], &form).status, 303);
    browser.sees("prod waits with");
    served.lab.edit("config/values-staging.yaml", "replicas: 1", "replicas: 2");
    browser.sees("staging waits with");
    served.lab.edit("lockgate.kdl", "approve 2 from=sre", "approve 1 from=developers");
    browser.sees("makes gates weaker");
    let candidate = browser.eval("return document.querySelector('.matrix a.candidate').getAttribute('href')");
    let pages = [
        ("board", "/"),
        ("gate", "/p/first-light/gates/staging"),
        ("gate-prod", "/p/first-light/gates/prod"),
        ("candidate", candidate.as_str().expect("a candidate")),
        ("candidates", "/p/first-light/candidates"),
        ("runs", "/p/first-light/runs"),
        ("run", "/p/first-light/runs/1"),
        ("log", "/p/first-light/runs/1/log/test.image"),
        ("history", "/p/first-light/history"),
        ("file", "/p/first-light/file"),
        ("edit", "/p/first-light/edit"),
        ("say-hold", "/p/first-light/say/hold?about=prod"),
        ("say-rollback", "/p/first-light/say/rollback?about=dev"),
        ("say-apply", "/p/first-light/say/apply"),
        ("absent", "/p/first-light/nothing"),
    ];
    // The other two where there is time.
    let all = std::env::var_os("LOCKGATE_LIVE").is_some();
    let looks = [(1280, false), (390, true), (1280, true), (390, false)];
    for (width, dark) in looks.into_iter().take(if all { 4 } else { 2 }) {
        browser.looks(width, dark);
        let how = format!("{width}-{}", if dark { "dark" } else { "light" });
        for (name, path) in pages {
            browser.go(&served.url(path));
            // That there is no such page is what one of them is about.
            if name == "absent" {
                browser.complaints();
            }
            is_fine(&browser, &format!("{name}-{how}"));
        }
    }
}

#[test]
fn people_sign_in_with_a_provider_and_come_back_to_where_they_wanted_to_be() {
    if !has_browser() {
        return;
    }
    let provider = Provider::start();
    let more = format!("oidc issuer=\"{}\" client=lockgate {{ secret env=OIDC_SECRET }}\n", provider.issuer);
    let served = Served::with(Lab::copy_of("examples/01-first-light"), &more, &[("OIDC_SECRET", "a-secret")]);
    let browser = Browser::new(1280);
    browser.go(&served.url("/p/first-light/gates/staging"));
    browser.sees("Sign in with localhost");
    is_fine(&browser, "login-elsewhere");
    browser.click("a[href^='/login/oidc']");
    browser.sees("Who are you?");
    browser.click("a[href^='/yes?']");
    browser.waits("the gate", |b| b.path() == "/p/first-light/gates/staging");
    browser.sees("olga");
    browser.sees("Your word");
    approve(&browser, "staging", false);
    // It may be there by the time that the browser looks.
    browser.sees("staging got");
    browser.click("form[action='/logout'] button");
    browser.sees("Sign in with localhost");
}

#[test]
fn an_operator_and_an_edit_in_a_browser() {
    if !has_browser() {
        return;
    }
    let served = Served::new(Lab::copy_of("examples/01-first-light"));
    let browser = Browser::new(1280);
    sign_in(&browser, &served, "dora");
    browser.sees("staging waits with");
    is_fine(&browser, "board-operator");
    browser.click("a.act[href*='/say/hold?about=prod']");
    browser.sees("Hold prod?");
    browser.fill("input[name=reason]", "the audit goes on");
    is_fine(&browser, "say-hold");
    browser.click("main button.primary");
    browser.sees("held by dora: the audit goes on");
    browser.click("a.act[href*='/say/release?about=prod']");
    browser.click("main button.primary");
    browser.sees("staging waits with");
    browser.click("a.act[href*='/say/pin?about=base']");
    browser.click("main button.primary");
    browser.sees("base is pinned at");
    is_fine(&browser, "board-pinned");
    served.lab.edit("lockgate.kdl", "approve 2 from=sre", "approve 1 from=developers");
    browser.sees("makes gates weaker");
    for name in ["sam", "sue"] {
        browser.click("form[action='/logout'] button");
        sign_in(&browser, &served, name);
        browser.click("a[href$='/edit'].button");
        browser.sees("What it makes weaker");
        is_fine(&browser, &format!("edit-{name}"));
        browser.click("form[action$='/edit/approve'] button");
        browser.sees(if name == "sam" { "1 of 2" } else { "No edit waits" });
    }
    is_fine(&browser, "edit-none");
}

/// How many connections to a port of this machine are open: rows of `/proc/net/tcp` in the state 01 whose own end it is.
fn connections(port: u16) -> usize {
    let rows = std::fs::read_to_string("/proc/net/tcp").expect("Linux tells");
    let end = format!(":{port:04X}");
    let is_one = |row: &&str| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        fields.next().is_some_and(|own| own.ends_with(&end)) && fields.nth(1) == Some("01")
    };
    rows.lines().filter(is_one).count()
}

#[test]
fn pages_that_were_left_or_are_behind_others_hold_no_connection() {
    if !has_browser() {
        return;
    }
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["apply"]).exits(3);
    let served = Served::new(lab);
    let browser = Browser::new(1280);
    sign_in(&browser, &served, "rita");
    // A browser has six connections to a server, and keeps as many pages to go back to.
    for page in ["", "/candidates", "/runs", "/history", ""] {
        browser.go(&served.url(&format!("/p/first-light{page}")));
        browser.waits("it to be live", |b| b.eval("return document.getElementById('live').textContent") == "live");
    }
    // By itself it lets go of them after a minute.
    let are_gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        connections(served.port) <= 3
    });
    assert!(are_gone, "pages that were left hold {} connections", connections(served.port));
    // Back to one that was kept, and it is live again.
    browser.eval("history.back()");
    browser.waits("the page before", |b| b.path() == "/p/first-light/history");
    let dora = served.cookie("dora");
    let page = served.get("/p/first-light", &dora).body;
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"");
    let held =
        served.post("/p/first-light/say/hold", &[("Cookie", &dora)], &format!("csrf={csrf}&about=prod&reason=frozen"));
    assert_eq!(held.status, 303, "{}", held.body);
    browser.sees("frozen");
}
