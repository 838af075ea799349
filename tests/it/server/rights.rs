//! The table of rights, route by route, as a page that a change of it changes; and that the server does what the page says.

use super::Served;
use super::http::send;
use crate::lab::repository;
use lockgate::server::config::Role;
use lockgate::server::routes::{Method, ROUTES, Right, all};
use lockgate::server::site::Person;
use lockgate::server::tokens::Scope;
use std::fmt::Write as _;

fn person(role: Role) -> Person {
    let scopes = Scope::ALL.to_vec();
    Person { name: "somebody".into(), role, groups: Some(vec![]), also: vec![], scopes, csrf: None }
}

fn table() -> String {
    let mut out = String::from("# route × method × who: may or may not. UPDATE=1 writes this page.\n");
    let who = [
        ("nobody", None),
        ("viewer", Some(Role::Viewer)),
        ("developer", Some(Role::Developer)),
        ("admin", Some(Role::Admin)),
    ];
    for route in all() {
        let method = match route.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let all: Vec<String> = who
            .iter()
            .map(|(name, role)| {
                let may = route.right.admits(role.map(person).as_ref());
                let how = if route.right == Right::Signed {
                    "signed"
                } else if may {
                    "yes"
                } else {
                    "no"
                };
                format!("{name}={how}")
            })
            .collect();
        let _ = writeln!(out, "{method:4} {:55} {}", route.path, all.join(" "));
    }
    out
}

#[test]
fn the_table_of_rights_is_the_one_that_was_agreed() {
    let path = repository().join("tests/it/server/routes.txt");
    let now = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).expect("the page is written");
    }
    let agreed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(agreed, now, "rights have changed: if that is meant, UPDATE=1 writes the page");
}

#[test]
fn nothing_but_health_pages_and_signed_hints_is_open_to_everybody() {
    let open: Vec<&str> = all().filter(|r| r.right == Right::Anyone).map(|r| r.path).collect();
    for path in open {
        let is_login = path.starts_with("/login") || path.starts_with("/assets") || path.starts_with("/logout");
        assert!(matches!(path, "/healthz" | "/readyz") || is_login, "{path}");
    }
    let signed: Vec<&str> = all().filter(|r| r.right == Right::Signed).map(|r| r.path).collect();
    assert_eq!(signed, ["/hooks/{pipeline}/{source}", "/webhooks/webhook/{source}"]);
}

#[test]
fn the_server_does_what_the_table_says() {
    let served = Served::example();
    for route in ROUTES.iter().filter(|r| matches!(r.right, Right::Scope(_)) && r.path.starts_with("/api/")) {
        let path = route.path.replace("{pipeline}", "first-light").replace("{environment}", "staging");
        let method = if route.method == Method::Get { "GET" } else { "POST" };
        send(&served.address, method, &path, &[], b"").is(401);
        let other = if route.method == Method::Get { "DELETE" } else { "GET" };
        send(&served.address, other, &path, &[], b"").is(401);
        let bearer = format!("Bearer {}", served.tokens["viv"]);
        let headers = [("authorization", bearer.as_str())];
        let said =
            if path.ends_with("/events") { None } else { Some(send(&served.address, method, &path, &headers, b"")) };
        if let (Some(said), Right::Scope(Scope::Operate | Scope::Admin)) = (said, route.right) {
            assert_eq!(said.status, 404, "{method} {path}");
        }
    }
    let description = served.get("viv", "/api/v1/openapi.json").is(200).json();
    let paths = description["paths"].as_object().expect("paths");
    let described = ROUTES.iter().filter(|r| r.path.starts_with("/api/")).all(|r| paths.contains_key(r.path));
    assert!(described, "{:?}", paths.keys().collect::<Vec<_>>());
}
