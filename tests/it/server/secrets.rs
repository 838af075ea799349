//! Secrets that are planted wherever one may be used, printed by every program that has them, and then looked for in every byte
//! that is kept, answered or told.

use super::http::{peek, send};
use super::{CONFIG, Served, TOLD};
use crate::lab::{Lab, wait_for, walk};
use crate::sources::server::{Manner, Server};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

const HOOK: &str = "hook/secret+planted=Zq3&7%";
const LOGIN: &str = "robot:git~secret/planted+Yw8=";
const TASK: &str = "task \"secret\" planted <Xv9&>";
const TOOL: &str = "tool-secret-planted-Uk5!";
const TELL: &str = "tell-secret.planted-Hb2";
const OIDC: &str = "oidc/secret+planted?Tj4";

/// A program that prints what it has in every way it can think of, and fails where it is told to.
const LEAK: &str = r#"#!/bin/sh
printf 'plain %s %s\n' "$TASK" "$TOOL"
printf '%s' "$TASK" | base64 -w0; echo
printf 'user:%s' "$TASK" | base64 -w0; echo
printf 'x%s' "$TASK" | base64 -w0; echo
printf '%s' "$TOOL" | od -An -v -tx1 | tr -d ' \n'; echo
printf '%s' "$TASK" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; echo
printf '{"token":"%s"}\n' "$(printf '%s' "$TASK" | sed 's/"/\\"/g')"
printf 'https://x/?t=%s\n' "$(printf '%s' "$TASK" | sed 's/ /%20/g; s/"/%22/g; s/</%3C/g; s/>/%3E/g; s/&/%26/g')"
env
printf 'to stderr %s\n' "$TOOL" >&2
sleep 0.2
[ ! -e "$FAILS" ]
"#;

fn encoded(text: &str) -> String {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes().map(|b| if is_plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// All forms of a secret in which it must not be found.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let json = json!(secret).to_string();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut all = vec![secret.to_string(), hex.to_uppercase(), hex, json[1..json.len() - 1].to_string(), html];
    all.extend([encoded(secret), encoded(secret).to_lowercase(), encoded(secret).replace("%20", "+")]);
    for shift in 0..3 {
        // What it leaves in the base64 of something in which it begins so many bytes behind a multiple of three.
        let text = [&b"xyz"[..shift], secret.as_bytes()].concat();
        for coded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
            let coded = coded.trim_end_matches('=');
            let (from, to) = (if shift > 0 { 4 } else { 0 }, coded.len() - 2);
            all.push(coded[from..to].to_string());
        }
    }
    all.sort();
    all.dedup();
    all.into_iter().map(String::into_bytes).collect()
}

/// Where a needle is in a text.
fn is_in(needle: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

fn lab(repository: &str, receiver: &str) -> Lab {
    let file = format!(
        r#"
lockgate 1
allow open-self-approval reason="a test"
pipeline planted {{
    secret hook {{ env HOOK_SECRET }}
    secret login {{ env LOGIN_SECRET }}
    secret task {{ file "../keys/task" }}
    secret tool {{ command cat "keys/tool" }}
    secret tell {{ env TELL_SECRET }}
    notify team {{
        webhook "{receiver}/{{tell}}" sign=hook
        on waiting failed
    }}
    notify nobody {{
        slack "http://127.0.0.1:1/{{tell}}"
        on waiting failed
    }}
    source app {{
        git "{repository}" branch=main
        credentials login
        trigger webhook=hook
    }}
    source config {{ folder "config" }}
    source chart {{ helm "./chart" }}
    task leak {{
        run "./leak.sh"
        in config
        env TASK="{{task}}" TOOL="{{tool}}" FAILS="{fails}"
        retries 1
    }}
    task tells {{
        shell "printf 'told=%s\\n' $(printf '%s' $TOOL | base64) >>$LOCKGATE_OUTPUT"
        env TOOL="{{tool}}"
        output told
    }}
    task writes {{
        shell "printf '%s' $TOOL >report.txt"
        env TOOL="{{tool}}"
        output report "report.txt"
    }}
    release web {{
        chart chart
        set app="{{app.short}}"
    }}
    environment dev {{
        folder "./out/dev"
        deploy web
        verify config "leak.sh" {{ env TASK="{{task}}" TOOL="{{tool}}" FAILS="/nowhere" }}
    }}
    environment prod after=dev {{
        gate {{ approve 1 from=sre self=allow }}
        folder "./out/prod"
        deploy web
    }}
}}
"#,
        fails = "/nowhere",
    );
    Lab::with(&[
        ("pipeline/lockgate.kdl", &file),
        ("pipeline/config/leak.sh", LEAK),
        ("keys/task", TASK),
        ("keys/tool", TOOL),
        ("pipeline/chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("pipeline/chart/values.yaml", "app: none\n"),
        (
            "pipeline/chart/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  app: {{ .Values.app | quote }}\n",
        ),
    ])
}

/// Somebody who is told: keeps what comes, without the address to which it came.
fn receiver() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let got = Arc::<Mutex<Vec<u8>>>::default();
    let kept = got.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(500)));
            let (mut all, mut piece) = (Vec::new(), [0; 8192]);
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                all.extend_from_slice(&piece[..read]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let line = all.iter().position(|b| *b == b'\n').unwrap_or(all.len());
            kept.lock().expect("kept").extend_from_slice(&all[line..]);
        }
    });
    (url, got)
}

#[test]
fn no_planted_secret_is_found_in_anything_that_is_kept_answered_or_told() {
    let origin = Lab::with(&[("repos/app/file", "one\n")]);
    origin.commit("repos/app", "one");
    let wants: &'static str = Box::leak(STANDARD.encode(LOGIN).into_boxed_str());
    let server = Server::start(&origin.at("repos"), Manner { wants: Some(wants), fails: None });
    let (url, told_to) = receiver();
    let lab = lab(&server.url("app"), &url);
    let config = format!(
        "{CONFIG}\noidc issuer=\"http://127.0.0.1:1\" client=lockgate {{ secret env=OIDC_SECRET }}\npipeline \"pipeline/lockgate.kdl\"\n"
    );
    let env = [
        ("HOOK_SECRET", HOOK),
        ("LOGIN_SECRET", LOGIN),
        ("OIDC_SECRET", OIDC),
        ("TELL_SECRET", TELL),
        ("LOCKGATE_LOG", "trace"),
        (TOLD, "told.log"),
    ];
    let mut served = Served::of(lab, &config, &env);
    served.waits_at("prod");
    // Webhooks in every way in which a secret may be sent, right and wrong.
    let hook = "/hooks/planted/app";
    let post = |served: &Served, path: &str, headers: &[(&str, &str)], body: &str| {
        send(&served.address, "POST", path, headers, body.as_bytes())
    };
    let mut answers: Vec<(String, Vec<u8>)> = Vec::new();
    let bearer = format!("Bearer {HOOK}");
    let hub = r#"{"push_data":{},"repository":{}}"#;
    let asked = format!("{hook}?token={}", encoded(HOOK));
    for (path, headers, body) in [
        (hook, vec![("authorization", bearer.as_str())], "{}"),
        (hook, vec![("x-gitlab-event", "Push Hook"), ("x-gitlab-token", HOOK)], "{}"),
        (asked.as_str(), vec![], hub),
        (asked.as_str(), vec![("x-github-event", "push")], hub),
        ("/hooks/planted/nothing", vec![("authorization", bearer.as_str())], "{}"),
    ] {
        let answer = post(&served, path, &headers, body);
        answers.push((format!("POST {path}"), format!("{}\n{}", answer.head, answer.body).into_bytes()));
    }
    let sent = json!({"secret": HOOK, "artifacts": []}).to_string();
    let answer = post(&served, "/webhooks/webhook/app", &[("content-type", "application/json")], &sent);
    answers.push(("artifacts".into(), format!("{}\n{}", answer.head, answer.body).into_bytes()));
    // A login that cannot succeed, and tokens in the wrong places.
    let token = served.tokens["adm"].clone();
    for path in ["/login/oidc", "/login/oidc/callback?code=x&state=y"] {
        let answer = send(&served.address, "GET", path, &[], b"");
        answers.push((path.into(), format!("{}\n{}", answer.head, answer.body).into_bytes()));
    }
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let answer = post(&served, "/login", &form, &format!("token={token}&to=/"));
    let head = answer.is(303).head;
    assert!(!head.contains(&token));
    // What is signed off may be a program's output, too: a commit after which it fails, and the reason has its last lines.
    let file = served.lab.read("pipeline/lockgate.kdl");
    let fails = served.lab.at("pipeline/lockgate.kdl").display().to_string();
    served.lab.write("pipeline/lockgate.kdl", &file.replacen("/nowhere", &fails, 1));
    wait_for("the failure", || served.events("run-finished").iter().any(|e| e["outcome"] == "failed"));
    // The repository does not let us in any more, nor does it know the repository.
    origin.write("repos/app/.git/HEAD", "nonsense\n");
    post(&served, hook, &[("authorization", &bearer)], "{\"n\":2}");
    wait_for("the fault", || {
        let all = served.get("viv", "/api/v1/pipelines/planted/sources").json();
        all["sources"].as_array().is_some_and(|all| all.iter().any(|s| s["fault"].is_string()))
    });
    // Every page and every answer, as somebody with all rights gets them.
    let mut ahead: VecDeque<String> = lockgate::server::routes::all()
        .filter(|r| {
            r.method == lockgate::server::routes::Method::Get
                && !r.path.ends_with("/live")
                && !r.path.ends_with("/events")
        })
        .map(|r| {
            r.path
                .replace("{pipeline}", "planted")
                .replace("{environment}", "prod")
                .replace("{run}", "1")
                .replace("{step}", "task.leak")
        })
        .collect();
    for run in 1..=served.events("run-started").len() {
        for step in ["task.leak", "verify.dev", "deploy.dev.web"] {
            ahead.push_back(format!("/p/planted/runs/{run}/log/{step}"));
            ahead.push_back(format!("/api/v1/pipelines/planted/log?step={step}&run={run}"));
        }
    }
    let text = ["status", "plan", "why/prod", "history"].map(|w| format!("/api/v1/pipelines/planted/{w}?format=text"));
    ahead.extend(text);
    let mut seen = BTreeSet::new();
    let bearer = format!("Bearer {token}");
    while let Some(path) = ahead.pop_front() {
        if !seen.insert(path.clone()) || seen.len() > 200 {
            continue;
        }
        for accept in ["text/html", "application/json"] {
            let answer = peek(&served.address, "GET", &path, &[("authorization", &bearer), ("accept", accept)]);
            let links = answer.body.split("href=\"").skip(1).filter_map(|l| l.split('"').next());
            ahead.extend(links.filter(|l| l.starts_with("/p/")).map(|l| l.replace("&amp;", "&")));
            answers.push((path.clone(), format!("{}\n{}", answer.head, answer.body).into_bytes()));
        }
    }
    assert!(seen.len() > 40, "{seen:?}");
    let printed = answers.iter().any(|(path, body)| path.contains("log") && is_in(b"plain ***", body));
    assert!(printed, "the programs have printed, and their secrets are stars");
    let coded = answers.iter().any(|(path, body)| path.contains("log") && is_in(b"https://x/?t=***", body));
    assert!(coded, "as a part of an address, too");
    let refused = answers.iter().filter(|(_, body)| is_in(b"holds a secret that the program was given", body)).count();
    assert!(refused > 0, "what would be kept with a secret in it is refused");
    wait_for("somebody to be told", || !told_to.lock().expect("kept").is_empty());
    answers.push(("what others are told".into(), told_to.lock().expect("kept").clone()));
    // What is on the disk while the server runs, and after it was killed and started again.
    served.restart(&env);
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for folder in ["state", "pipeline", "told.log"] {
        let path = served.lab.at(folder);
        let mut keep = |path: &Path| {
            let name = path.strip_prefix(served.lab.path()).unwrap_or(path).display().to_string();
            places.push((name, std::fs::read(path).unwrap_or_default()));
        };
        if path.is_dir() { walk(&path, &mut keep) } else { keep(&path) }
    }
    let told = places.iter().find(|(name, _)| name == "told.log").expect("what was told");
    assert!(is_in(b"run ended", &told.1), "the server tells: {}", told.1.len());
    assert!(
        places.iter().any(|(name, _)| name.ends_with("journal.db"))
            && places.iter().any(|(name, _)| name.ends_with("server.db"))
    );
    let mut found = Vec::new();
    let (_, password) = LOGIN.split_once(':').expect("two parts");
    let own = token.rsplit('_').next().expect("a secret").to_string();
    for secret in [HOOK, password, TASK, TOOL, TELL, OIDC, &own] {
        for form in forms(secret) {
            let hits =
                answers.iter().chain(&places).filter(|(_, text)| is_in(&form, text)).map(|(name, _)| name.clone());
            found.extend(hits.map(|name| format!("{} in {name}", String::from_utf8_lossy(&form))));
        }
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{found:#?}");
}
