//! A server whose every text was written by somebody who means no good, in a real browser: it is shown, and nothing of it runs.

use super::browser::{has_browser, sign_in};
use super::driver::Browser;
use super::served::Served;
use crate::lab::{Lab, wait_for};
use std::collections::{BTreeSet, VecDeque};

/// What would leave its mark if anything of it ran.
const EVIL: &str = "</title></script><script>window.ran=1</script><img src=x onerror=window.ran=2><svg onload=window.ran=3>\" autofocus onfocus=\"window.ran=4\" x='";

#[test]
fn nothing_that_others_wrote_runs_in_a_browser() {
    if !has_browser() {
        return;
    }
    let lab = Lab::copy_of("examples/01-first-light");
    lab.edit("lockgate.kdl", "folder \"app\"", "git \"./app\" branch=main");
    lab.edit("lockgate.kdl", "// What we watch", &format!("// {EVIL}"));
    lab.edit(
        "config/values-staging.yaml",
        "replicas: 1",
        &format!("replicas: 1\ngreeting: {}", serde_json::json!(EVIL)),
    );
    let script = format!(
        "#!/bin/sh\ncat <<'END'\n{EVIL}\nEND\nprintf '\\033[31mred\\033[0m \\033]8;;javascript:window.ran=5\\007link\\033]8;;\\007 \\033[2J\\033]0;title\\007\\033[?1049h\\n'\n"
    );
    lab.write("app/tests/unit.sh", &script);
    lab.commit_as(&format!("Eve {}", EVIL.replace(['<', '>'], "")), "app", &format!("{EVIL} \u{202e}txet\n\n{EVIL}"));
    let served = Served::new(lab);
    let browser = Browser::new(1280);
    sign_in(&browser, &served, "dora");
    browser.sees("staging waits with");
    let cookie = served.cookie("dora");
    let page = served.get("/p/first-light", &cookie).body;
    let csrf = page.split_once("name=\"csrf\" value=\"").and_then(|(_, r)| r.split_once('"')).map_or("", |(c, _)| c);
    let coded: String = EVIL.bytes().map(|b| format!("%{b:02X}")).collect();
    let held = served.post(
        "/p/first-light/say/hold",
        &[("Cookie", &cookie)],
        &format!("csrf={csrf}&about=prod&reason={coded}"),
    );
    assert_eq!(held.status, 303, "{}", held.body);
    let banned = served.post(
        "/p/first-light/say/ban",
        &[("Cookie", &cookie)],
        &format!("csrf={csrf}&about=base&of={}&reason={coded}", "ab".repeat(32)),
    );
    assert_eq!(banned.status, 303, "{}", banned.body);
    served.lab.edit("lockgate.kdl", "approve 2 from=sre", &format!("approve 1 from=sre // {EVIL}\n"));
    wait_for("the edit", || served.get("/p/first-light", &cookie).body.contains("makes gates weaker"));
    let hostile = [
        "/".to_string(),
        format!("/p/first-light/runs/1/log/test.image?q={coded}"),
        format!("/p/first-light/history?about={coded}"),
        format!("/p/first-light/say/hold?about=prod&of={coded}"),
        format!("/p/first-light/say/ban?about=base&of={coded}"),
        format!("/p/{coded}"),
        format!("/login?to={coded}"),
    ];
    // These first, and then what they lead to.
    let mut ahead = VecDeque::from(hostile.clone());
    let (mut seen, mut shown) = (BTreeSet::new(), 0);
    while let Some(path) = ahead.pop_front() {
        if seen.contains(&path) || seen.len() >= 36 {
            continue;
        }
        browser.go(&served.url(&path));
        assert_eq!(browser.eval("return window.ran === undefined"), true, "something ran on {path}");
        assert_eq!(
            browser.eval(
                "return document.querySelectorAll('img, body svg[onload], body script, [onfocus], [onerror]').length"
            ),
            0,
            "{path}"
        );
        let alien = browser.eval("return [...document.querySelectorAll('a')].filter(a => new URL(a.getAttribute('href'), location.href).origin !== location.origin).map(a => a.outerHTML)");
        assert_eq!(alien, serde_json::json!([]), "links lead elsewhere on {path}");
        shown += browser.text().matches("window.ran=1").count();
        let links =
            browser.eval("return [...document.querySelectorAll('a[href^=\"/\"]')].map(a => a.getAttribute('href'))");
        ahead.extend(
            links
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|l| l.as_str())
                .map(|l| l.split('#').next().unwrap_or(l).to_string()),
        );
        // A page that is not there is a complaint of the browser's own.
        let complaints = browser.complaints();
        let own: Vec<_> = complaints.iter().filter(|c| !c.contains("404")).collect();
        assert!(own.is_empty(), "on {path}: {own:?}");
        seen.insert(path);
    }
    assert!(hostile.iter().all(|path| seen.contains(path)), "each of them was asked for");
    assert!(shown > 20 && seen.len() > 20, "what others wrote is shown: {shown} on {} pages", seen.len());
}
