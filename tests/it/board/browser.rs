//! The board in a real browser: signing in, looking, approving, following, as people do.

use super::driver::{Browser, is_there};
use super::served::Served;
use crate::lab::Lab;

/// Whether there is a browser; says so where there is none. `LOCKGATE_LIVE=1` insists on one.
fn has_browser() -> bool {
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
fn is_fine(browser: &Browser, name: &str) {
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

fn sign_in(browser: &Browser, served: &Served, name: &str) {
    browser.go(&served.url("/"));
    browser.waits("the page to sign in", |b| b.path().starts_with("/login"));
    browser.fill("input[name=token]", served.token(name));
    browser.click("form[action='/login'] button");
    browser.sees("first-light");
}

fn approve(browser: &Browser, environment: &str) {
    browser.click(&format!("a[href$='/gates/{environment}'].button"));
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
    approve(&browser, "staging");
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
        approve(&browser, "prod");
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
fn a_phone_shows_everything_and_nothing_sticks_out() {
    if !has_browser() {
        return;
    }
    let served = Served::new(Lab::copy_of("examples/01-first-light"));
    let browser = Browser::new(500);
    sign_in(&browser, &served, "rita");
    browser.sees("staging waits with");
    for (name, path) in [
        ("phone-board", "/"),
        ("phone-gate", "/p/first-light/gates/staging"),
        ("phone-run", "/p/first-light/runs/1"),
        ("phone-history", "/p/first-light/history"),
        ("phone-file", "/p/first-light/file"),
    ] {
        browser.go(&served.url(path));
        is_fine(&browser, name);
    }
}
