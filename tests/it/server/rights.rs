//! The table of rights, route by route and method by method, as a page that a change of it changes: what is written there is what
//! the server really answers.

use super::Served;
use super::http::{Answer, peek};
use crate::lab::repository;
use lockgate::adapters::sqlite::register::Register;
use lockgate::server::routes::{Method, ROUTES, Right, all};
use lockgate::server::tokens::{Scope, new_token};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The methods that are tried at every path; the last is none of HTTP's.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"];

/// Who asks: nobody, people by their role, and an admin with a token that is for looking only.
const WHO: [&str; 5] = ["nobody", "viewer", "developer", "admin", "admin-reading"];

/// A server, and the tokens of those who ask.
struct Asked {
    served: Served,
    tokens: BTreeMap<&'static str, String>,
}

impl Asked {
    fn new() -> Asked {
        let served = Served::example();
        served.waits_at("staging");
        let (shown, token) = new_token("adm", &[Scope::Read], "", 1, None).expect("a token");
        Register::open(&served.lab.at("state")).expect("a register").add_token(&token).expect("kept");
        let of = |name: &str| served.tokens[name].clone();
        let tokens =
            [("viewer", of("viv")), ("developer", of("dev")), ("admin", of("adm")), ("admin-reading", shown)].into();
        Asked { served, tokens }
    }

    fn ask(&self, who: &str, method: &str, path: &str) -> Answer {
        let bearer = self.tokens.get(who).map(|t| format!("Bearer {t}")).unwrap_or_default();
        let headers = [("authorization", bearer.as_str())];
        peek(&self.served.address, method, path, if bearer.is_empty() { &[] } else { &headers })
    }
}

/// A path of a route with what is there.
fn real(path: &str, candidate: &str) -> String {
    path.replace("{pipeline}", "first-light")
        .replace("{environment}", "staging")
        .replace("{source}", "app")
        .replace("{candidate}", candidate)
        .replace("{run}", "1")
        .replace("{step}", "test.image")
        .replace("{what}", "apply")
        .replace(
            "{name}",
            lockgate::server::pages::assets::get(lockgate::server::pages::assets::Name::Mark)
                .path
                .trim_start_matches("/assets/"),
        )
}

/// What somebody hears, as the page says it: `in` where the handler answers, else how they are sent away.
fn heard(answer: &Answer, unknown: &str, absent: &str) -> &'static str {
    match answer.status {
        401 if answer.body == unknown => "who-are-you",
        404 if answer.body == absent => "nothing",
        405 => panic!("a method is not told of: {}", answer.head),
        _ => "in",
    }
}

/// A head without what differs from one answer to the next.
fn shape(answer: &Answer) -> BTreeSet<String> {
    let lines = answer.head.lines().filter(|l| !l.to_lowercase().starts_with("date:"));
    lines.map(str::to_lowercase).collect()
}

#[test]
fn the_table_of_rights_is_the_one_that_was_agreed_and_the_server_keeps_to_it() {
    let asked = Asked::new();
    let status = asked.served.get("viv", "/api/v1/pipelines/first-light/status").json();
    let candidate = status["candidate"].as_str().expect("a candidate").replace("sha256:", "");
    let (unknown, absent) = (asked.ask("nobody", "GET", "/nowhere"), asked.ask("admin", "GET", "/nowhere"));
    assert_eq!((unknown.status, absent.status), (401, 404));
    let mut page = String::from("# method route: what each hears who asks. UPDATE=1 writes this page.\n");
    let paths: BTreeSet<&str> = all().map(|r| r.path).collect();
    for route in all() {
        let (path, method) = (real(route.path, &candidate), if route.method == Method::Get { "GET" } else { "POST" });
        let mut line = Vec::new();
        for who in WHO {
            let answer = asked.ask(who, method, &path);
            // Whoever signs a request is no person, and hears that nothing was proven.
            let how = if route.right == Right::Signed { "signed" } else { heard(&answer, &unknown.body, &absent.body) };
            if how == "signed" {
                assert!(answer.status == 401 && answer.body != unknown.body, "{path} {answer:?}");
            }
            // Not to be told from what is not there: neither by its words nor by its head.
            match how {
                "who-are-you" => assert_eq!(shape(&answer), shape(&unknown), "{who} {method} {path}"),
                "nothing" => assert_eq!(shape(&answer), shape(&absent), "{who} {method} {path}"),
                _ => {}
            }
            line.push(format!("{who}={how}"));
        }
        let _ = writeln!(page, "{method:4} {:55} {}", route.path, line.join(" "));
    }
    // No other method of a path is answered by anything, whoever asks.
    for path in paths {
        let known: BTreeSet<&str> = all()
            .filter(|r| r.path == path)
            .flat_map(|r| if r.method == Method::Get { vec!["GET", "HEAD"] } else { vec!["POST"] })
            .collect();
        for method in METHODS.into_iter().filter(|m| !known.contains(m)) {
            for who in ["nobody", "admin"] {
                let answer = asked.ask(who, method, &real(path, &candidate));
                let (status, body) = if who == "nobody" { (401, &unknown.body) } else { (404, &absent.body) };
                assert_eq!(answer.status, status, "{who} {method} {path}");
                assert!(answer.body == *body || method == "HEAD", "{who} {method} {path}: {}", answer.body);
                assert!(!answer.head.to_lowercase().contains("\r\nallow:"), "{who} {method} {path}: {}", answer.head);
            }
        }
    }
    let file = repository().join("tests/it/server/routes.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).expect("the page is written");
    }
    let agreed = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(agreed, page, "rights have changed: if that is meant, UPDATE=1 writes the page");
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
fn what_is_forbidden_takes_as_long_as_what_is_not_there() {
    let asked = Asked::new();
    let middle = |path: &str| {
        let mut times: Vec<_> = (0..60)
            .map(|_| {
                let start = std::time::Instant::now();
                assert_eq!(asked.ask("viewer", "GET", path).status, 404);
                start.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    // Both are refused before anything is looked for, so that only a different way would tell; the machine may be busy.
    let ratio = || middle("/api/v1/audit") / middle("/api/v1/nowhere");
    let found = (0..5).map(|_| ratio()).find(|r| (0.6..1.7).contains(r));
    assert!(found.is_some(), "one of them takes much longer");
}

#[test]
fn the_description_of_the_api_has_every_route_of_it() {
    let served = Served::example();
    let description = served.get("viv", "/api/v1/openapi.json").is(200).json();
    let paths = description["paths"].as_object().expect("paths");
    let described = ROUTES.iter().filter(|r| r.path.starts_with("/api/")).all(|r| paths.contains_key(r.path));
    assert!(described, "{:?}", paths.keys().collect::<Vec<_>>());
}
