//! What somebody may try who means no good, and what a browser is told against it.

use super::driver::send;
use super::served::{Served, start, stop};
use crate::lab::{Lab, between, wait_for};

/// A server with something at the gate of staging, and rita's cookie.
fn at_gate() -> (Served, String) {
    let served = Served::new(Lab::copy_of("examples/01-first-light"));
    let cookie = served.cookie("rita");
    wait_for("something at the gate", || {
        served.get("/p/first-light/gates/staging", &cookie).body.contains("Approve for staging")
    });
    (served, cookie)
}

#[test]
fn a_yes_counts_only_from_a_page_that_was_shown_and_for_what_it_showed() {
    let (served, cookie) = at_gate();
    let page = served.get("/p/first-light/gates/staging", &cookie);
    assert_eq!(page.status, 200);
    let field = |name: &str| between(&page.body, &format!("name=\"{name}\" value=\""), "\"").to_string();
    let (csrf, subplan, candidate) = (field("csrf"), field("subplan"), field("candidate"));
    let form = |csrf: &str, subplan: &str| {
        format!(
            "csrf={csrf}&subplan={}&candidate={}&reason=",
            subplan.replace(':', "%3A"),
            candidate.replace(':', "%3A")
        )
    };
    let there = "/p/first-light/gates/staging/approve";
    let with = [("Cookie", cookie.as_str())];
    // By a link, without the word of the page, with somebody else's, from a page of somebody else's, without signing in.
    assert_eq!(served.get(there, &cookie).status, 404);
    assert_eq!(served.post(there, &with, &form("", &subplan)).status, 403);
    assert_eq!(served.post(there, &with, "reason=x").status, 422);
    let sam = served.cookie("sam");
    let sams = served.get("/p/first-light/gates/staging", &sam);
    assert!(!sams.body.contains("Approve for staging") && sams.body.contains("sam is not of release-managers"));
    let foreign = between(&sams.body, "name=\"csrf\" value=\"", "\"");
    assert_eq!(served.post(there, &with, &form(foreign, &subplan)).status, 403);
    let cross = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(served.post(there, &cross, &form(&csrf, &subplan)).status, 403);
    assert_eq!(served.post(there, &[], &form(&csrf, &subplan)).status, 303, "to where people sign in");
    // What somebody looked at an hour ago.
    let old = served.post(there, &with, &form(&csrf, &format!("sha256:{}", "0".repeat(64))));
    assert_eq!(old.status, 409);
    assert!(old.body.contains("not what was looked at any more"), "{}", old.body);
    let no = served.post(
        "/p/first-light/gates/staging/reject",
        &with,
        &(form(&csrf, &format!("sha256:{}", "0".repeat(64))) + "no"),
    );
    assert_eq!(no.status, 409);
    // Then as it is meant, and once more.
    assert_eq!(served.post(there, &with, &form(&csrf, &subplan)).status, 303);
    let again = served.post(there, &with, &form(&csrf, &subplan));
    assert_eq!(again.status, 409, "{}", again.body);
    let history = served.get("/p/first-light/history?about=refused", &cookie).body;
    assert!(history.contains("approve staging"), "refusals are kept: {history}");
}

#[test]
fn what_is_not_there_and_what_is_not_for_you_look_the_same_and_say_nothing() {
    let (served, cookie) = at_gate();
    let absent = served.get("/p/first-light/nothing", &cookie);
    assert_eq!(absent.status, 404);
    for path in [
        "/p/nothing",
        "/p/first-light/gates/nothing",
        "/p/first-light/gates/nothing/approve",
        "/p/first-light/runs/0",
        "/p/first-light/runs/99999999999999999999",
        "/p/first-light/runs/77",
        "/p/first-light/runs/1/log/nothing",
        "/p/first-light/runs/1/log/..%2f..%2fjournal.db",
        "/p/first-light/runs/1/log/%2e%2e",
        "/p/first-light/candidates/nothing",
        "/p/..%2f..",
        "/p/first-light/../../etc/passwd",
        "//p/first-light",
        "/assets/..%2fboard.css",
        "/assets/board.css",
        "/.lockgate/journal.db",
        "/p/first-light%00",
        "/api/v1/nothing",
    ] {
        let answer = served.get(path, &cookie);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert_eq!(answer.body, absent.body, "{path}");
    }
    // Whoever is not known is asked who they are, whatever they ask for.
    for path in ["/", "/p/first-light", "/p/nothing", "/p/first-light/gates/staging"] {
        let answer = served.get(path, "");
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/login?to=%2F"), "{}", answer.head);
    }
}

#[test]
fn every_answer_tells_a_browser_to_trust_nobody() {
    let (served, cookie) = at_gate();
    for path in ["/", "/login", "/p/first-light/gates/staging", "/p/first-light/nothing", "/p/first-light/file"] {
        let answer = served.get(path, &cookie);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let signed = served.post("/login", &[], &format!("token={}&to=//evil", served.token("rita")));
    assert_eq!((signed.status, signed.header("location")), (303, "/"));
    let set = signed.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let cross = served.post("/login", &[("Sec-Fetch-Site", "cross-site")], &format!("token={}", served.token("rita")));
    assert_eq!(cross.status, 403);
    let wrong = served.post("/login", &[], "token=lg_a_b");
    assert!(wrong.status == 401 && wrong.body.contains("That token does not count here"), "{}", wrong.body);
    let style = between(&served.get("/login", "").body, "href=\"/assets/", "\"").to_string();
    let style = send(served.port, "GET", &format!("/assets/{style}"), &[], "");
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
    // Signed out, the cookie is worth nothing, even to who has copied it.
    let page = served.get("/", &cookie).body;
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"");
    assert_eq!(served.post("/logout", &[("Cookie", &cookie)], "csrf=x").status, 403);
    assert_eq!(served.post("/logout", &[("Cookie", &cookie)], &format!("csrf={csrf}")).status, 303);
    assert_eq!(served.get("/", &cookie).status, 303);
}

#[test]
fn a_newcomer_has_a_board_at_once() {
    let lab = Lab::copy_of("examples/01-first-light");
    let (mut server, port, said) = start(&lab, &["serve", "--listen", "127.0.0.1:0", "--as", "nina"], &[]);
    let token = said.iter().find_map(|l| l.split_once("/login#").map(|(_, t)| t.to_string())).unwrap_or_default();
    let signed = send(
        port,
        "POST",
        "/login",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &format!("token={token}"),
    );
    let cookie = signed.header("set-cookie").split(';').next().unwrap_or_default().to_string();
    let page = send(port, "GET", "/", &[("Accept", "text/html"), ("Cookie", &cookie)], "");
    stop(&mut server);
    assert_eq!(signed.status, 303, "{said:?} {}", signed.body);
    assert!(page.body.contains("first-light") && page.body.contains("nina"), "{}{}", page.head, page.body);
}
