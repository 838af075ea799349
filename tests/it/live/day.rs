//! A day of `examples/02-micro-integrator` that a server plays by itself, on a cluster: pushes and schedules are all that happens,
//! and people say yes in a browser, and from another machine on the command line.

use super::is_live;
use super::scenes::Stage;
use crate::board::browser::{has_browser, is_fine};
use crate::board::driver::{Browser, send};
use crate::lab::PROGRAM;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a rollout on a busy cluster may take.
const PATIENCE: Duration = Duration::from_secs(420);

const PEOPLE: &str = r#"
user dana role=developer { also "dana@example.com" "Dana Developer" }
user rita { groups release-managers }
user sam { groups sre }
user sue { groups sre }
limits requests=100000
"#;

/// A server of the stage's pipeline, reached at an address that is not this machine's own loopback.
struct Day {
    stage: Stage,
    server: Child,
    port: u16,
    tokens: Vec<(&'static str, String)>,
}

impl Drop for Day {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Day {
    fn begin() -> Day {
        let stage = Stage::set();
        let file = std::fs::read_to_string(stage.at("lockgate.kdl")).expect("the pipeline");
        // The night comes each minute, and what is polled is polled soon.
        let file = file.replace("H 3 * * *", "* * * * *").replace("poll=\"10s\"", "poll=\"2s\"");
        assert!(file.contains("cron=\"* * * * *\"") && file.contains("poll=\"2s\""), "{file}");
        std::fs::write(stage.at("lockgate.kdl"), file).expect("it is written");
        std::fs::write(stage.at("server.kdl"), PEOPLE).expect("it is written");
        let token = |name: &'static str| {
            let made = base(&stage, &["token", "new", name]).output().expect("it starts");
            let said = String::from_utf8_lossy(&made.stdout).into_owned();
            let token = said.split_whitespace().find(|w| w.starts_with("lg_")).map(str::to_string);
            (name, token.unwrap_or_else(|| panic!("{made:?}")))
        };
        let tokens = ["dana", "rita", "sam", "sue"].map(token).to_vec();
        let (server, port) = serve(&stage);
        Day { stage, server, port, tokens }
    }

    /// The server is killed where it stands.
    fn dies(&mut self) {
        self.server.kill().expect("it is killed");
        self.server.wait().expect("it is gone");
    }

    /// A new one takes over what it left.
    fn comes_back(&mut self) {
        (self.server, self.port) = serve(&self.stage);
    }

    fn token(&self, name: &str) -> &str {
        self.tokens.iter().find(|(n, _)| *n == name).map(|(_, t)| t.as_str()).expect("one of them")
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn ask(&self, what: &str) -> Value {
        let bearer = format!("Bearer {}", self.token("dana"));
        let path = format!("/api/v1/pipelines/wso2mi/{what}");
        let answer = send(self.port, "GET", &path, &[("Authorization", &bearer)], "");
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    /// The candidate that an environment has.
    fn has(&self, environment: &str) -> Option<String> {
        let all = self.ask("status")["environments"].as_array()?.clone();
        all.into_iter().find(|e| e["name"] == environment)?["candidate"].as_str().map(str::to_string)
    }

    /// The sub-plan that stands at a gate, with what it was planned to change.
    fn at_gate(&self, environment: &str) -> Option<(String, String)> {
        let gate = self.ask(&format!("gate/{environment}"));
        Some((gate["subplan"].as_str()?.to_string(), gate["changes"].to_string()))
    }

    /// All that has happened, a line each.
    fn history(&self) -> String {
        let bearer = format!("Bearer {}", self.token("dana"));
        let path = "/api/v1/pipelines/wso2mi/history?number=10000";
        send(self.port, "GET", path, &[("Authorization", &bearer)], "").body
    }

    fn events(&self) -> Vec<Value> {
        self.history().lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
    }

    /// How often something was deployed to an environment.
    fn deploys(&self, environment: &str) -> usize {
        let there = |e: &&Value| e["event"] == "deployed-there" && e["environment"] == environment;
        self.events().iter().filter(there).count()
    }

    /// How often a step was started: `deploy.dev.mi`.
    fn starts(&self, step: &str) -> usize {
        let it = |e: &&Value| e["event"] == "step-started" && e["step"] == step;
        self.events().iter().filter(it).count()
    }

    #[track_caller]
    fn waits(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            if start.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.stage.at("server.log")).unwrap_or_default();
                panic!("waited in vain for {what}:\n{}\n{log}\n{}", self.ask("status"), self.history());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// Somebody changes a file and pushes it.
    fn pushes(&self, repository: &str, file: &str, change: impl Fn(&str) -> String, message: &str) {
        let path = self.stage.at(repository).join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let changed = change(&text);
        assert_ne!(text, changed);
        std::fs::write(&path, changed).expect("it is written");
        self.stage.does(&["commit", repository, message]);
    }

    /// The image that an environment's Deployment names.
    fn image(&self, environment: &str) -> String {
        let namespace = format!("{}wso2mi-{environment}", self.stage.prefix);
        let args =
            ["-n", &namespace, "get", "deployment", "mi", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
        let output = Command::new("kubectl").args(args).env("KUBECONFIG", self.stage.at("kubeconfig")).output();
        String::from_utf8_lossy(&output.expect("kubectl").stdout).into_owned()
    }

    /// Somebody types a command on another machine: nothing of this one's state, and an address that others have.
    fn types(&self, name: &str, args: &[&str]) -> Output {
        let elsewhere = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|s| {
            s.connect("192.0.2.1:9")?;
            s.local_addr()
        });
        let host = elsewhere.map_or_else(|_| "127.0.0.1".to_string(), |a| a.ip().to_string());
        let home = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(PROGRAM);
        command.args(args).args(["--server", &format!("http://{host}:{}", self.port), "--plain-http"]);
        command.current_dir(home.path()).env_clear().env("HOME", home.path()).env("LOCKGATE_TOKEN", self.token(name));
        command.output().expect("it starts")
    }

    fn signs_in(&self, browser: &Browser, name: &str) {
        browser.go(&self.url("/"));
        browser.waits("the page to sign in", |b| b.path().starts_with("/login"));
        browser.fill("input[name=token]", self.token(name));
        browser.click("form[action='/login'] button");
        browser.sees("wso2mi");
    }

    /// Goes to a gate from the board, looks, and says yes.
    fn lets_in(&self, browser: &Browser, environment: &str, sees: &str) {
        browser.go(&self.url("/"));
        browser.click(&format!("a[href$='/gates/{environment}'].button"));
        browser.sees("What changes there");
        browser.sees(sees);
        is_fine(browser, &format!("day-gate-{environment}"));
        browser.fill("form[action$='/approve'] input[name=reason]", "looked at");
        browser.click("form[action$='/approve'] button");
    }
}

/// A command with the server's configuration and state.
fn base(stage: &Stage, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).arg("--config").arg(stage.at("server.kdl")).arg("--state").arg(stage.at("state"));
    command.env("KUBECONFIG", stage.at("kubeconfig")).env("LOCKGATE_FILE", stage.at("lockgate.kdl"));
    command.env_remove("LOCKGATE_SERVER").env_remove("LOCKGATE_AS");
    command
}

/// Starts a server; answers it with its port.
fn serve(stage: &Stage) -> (Child, u16) {
    let log = std::fs::File::options().create(true).append(true).open(stage.at("server.log")).expect("a file");
    let mut command = base(stage, &["serve", "--listen", "0.0.0.0:0"]);
    let mut server = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("an output")).read_line(&mut line).expect("a line");
    let port =
        line.trim().rsplit(':').next().and_then(|p| p.parse().ok()).unwrap_or_else(|| panic!("it said `{line}`"));
    (server, port)
}

/// The same day with a server that is killed in each of its scenes, and things that happen while there is none.
#[test]
fn a_day_with_a_server_that_is_killed_in_each_scene_ends_the_same() {
    if !is_live("a day of examples/02-micro-integrator with a server that is killed") {
        return;
    }
    let mut day = Day::begin();
    // In the morning, while it deploys to dev.
    day.waits("the first deploy", || day.starts("deploy.dev.mi") > 0);
    day.dies();
    day.comes_back();
    day.waits("the morning in dev", || day.has("dev").is_some());
    day.waits("the gate of staging", || day.at_gate("staging").is_some());

    // At a push, while it builds; and once more where it stands at the gate.
    let (morning, builds) = (day.image("dev"), day.starts("build.image"));
    day.pushes("mi-app", "artifacts/hello", |t| format!("{}, at noon\n", t.trim()), "Greet at noon");
    day.waits("the build", || day.starts("build.image") > builds);
    day.dies();
    day.comes_back();
    day.waits("the push in dev", || {
        day.image("dev") != morning && day.ask("status")["runs"].as_array().is_some_and(Vec::is_empty)
    });
    day.waits("it at the gate", || day.ask("gate/staging")["candidate"].as_str().map(str::to_string) == day.has("dev"));
    let (dev, standing) = (day.deploys("dev"), day.at_gate("staging").expect("it waits"));
    day.dies();

    // Values of staging come while nobody looks: they are found, and dev is not touched.
    let level = |t: &str| t.replace("LOG_LEVEL: INFO", "LOG_LEVEL: TRACE");
    day.pushes("mi-config", "micro-integrator/values-staging.yaml", level, "Another level in staging");
    day.comes_back();
    day.waits("the values at the gate", || day.at_gate("staging").is_some_and(|gate| gate.0 != standing.0));
    assert_eq!(day.deploys("dev"), dev, "dev has nothing of it");

    // The base image moves while nobody looks, and a schedule that comes later finds it.
    let (noon, had) = (day.image("dev"), day.has("dev"));
    day.dies();
    day.stage.does(&["base", "Micro Integrator 1.2.0, patched in the day"]);
    day.comes_back();
    day.waits("the patched image in dev", || day.image("dev") != noon && day.deploys("dev") > dev);
    // It is verified a while later; until then what stood at the gate is what dev has.
    day.waits("it verified", || day.has("dev") != had);
    day.waits("it at the gate", || day.ask("gate/staging")["candidate"].as_str().map(str::to_string) == day.has("dev"));
    let patched = day.image("dev");

    // Right after somebody was told that the approval counts, and again while it deploys.
    let said = day.types("rita", &["approve", "staging"]);
    assert!(said.status.success(), "{said:?}");
    day.dies();
    day.comes_back();
    day.waits("the deploy of staging", || day.starts("deploy.staging.mi") > 0);
    day.dies();
    day.comes_back();
    day.waits("staging", || day.image("staging") == patched && day.has("staging") == day.has("dev"));

    // Between the two approvals of production, and while it verifies.
    day.waits("the gate of prod", || day.at_gate("prod").is_some());
    let said = day.types("sam", &["approve", "prod"]);
    assert!(said.status.success(), "{said:?}");
    day.dies();
    day.comes_back();
    day.waits("the gate of prod again", || day.at_gate("prod").is_some());
    assert_eq!(day.deploys("prod"), 0, "one of two");
    let said = day.types("sue", &["approve", "prod"]);
    assert!(said.status.success(), "{said:?}");
    day.waits("the deploy of prod", || day.deploys("prod") > 0);
    day.dies();
    day.comes_back();
    day.waits("prod", || day.image("prod") == patched && day.has("prod") == day.has("dev"));
    day.waits("the end", || day.ask("status")["runs"].as_array().is_some_and(Vec::is_empty));
    assert_eq!((day.deploys("staging"), day.deploys("prod")), (1, 1));
    assert_eq!(day.deploys("dev"), 3, "morning, push, base image");
}

#[test]
fn a_day_is_played_by_a_server_and_people_only_say_yes() {
    if !is_live("a day of examples/02-micro-integrator") || !has_browser() {
        return;
    }
    let day = Day::begin();
    // What is there in the morning goes to dev by itself, and waits before staging.
    day.waits("the morning in dev", || day.has("dev").is_some());
    day.waits("the gate of staging", || day.at_gate("staging").is_some());
    assert_eq!(day.has("staging"), None);

    // A push is in dev soon, and staging waits with it.
    let morning = day.image("dev");
    day.pushes("mi-app", "artifacts/hello", |t| format!("{}, at noon\n", t.trim()), "Greet at noon");
    day.waits("the push in dev", || {
        day.image("dev") != morning && day.ask("status")["runs"].as_array().is_some_and(Vec::is_empty)
    });
    assert_eq!(day.has("staging"), None, "nobody has said yes");

    // Values of staging alone: dev is not touched, and what waits at the gate is new.
    let (dev, standing) = (day.deploys("dev"), day.at_gate("staging"));
    let level = |t: &str| t.replace("LOG_LEVEL: INFO", "LOG_LEVEL: TRACE");
    day.pushes("mi-config", "micro-integrator/values-staging.yaml", level, "Another level in staging");
    day.waits("the values at the gate", || {
        day.at_gate("staging").is_some_and(|gate| Some(&gate.0) != standing.as_ref().map(|s| &s.0))
    });
    assert_eq!(day.deploys("dev"), dev, "dev has nothing of it");

    // The schedule finds that the base image moved under its tag.
    let (noon, had) = (day.image("dev"), day.has("dev"));
    day.stage.does(&["base", "Micro Integrator 1.2.0, patched in the day"]);
    day.waits("the patched image in dev", || day.image("dev") != noon && day.deploys("dev") > dev);
    // It is verified a while later; until then what stood at the gate is what dev has.
    day.waits("it verified", || day.has("dev") != had);
    day.waits("it at the gate", || day.ask("gate/staging")["candidate"].as_str().map(str::to_string) == day.has("dev"));
    let patched = day.image("dev");

    // In a browser: who may not is told so; who may sees what changes, says yes, and follows the log.
    let browser = Browser::new(1280);
    day.signs_in(&browser, "dana");
    browser.go(&day.url("/p/wso2mi/gates/staging"));
    browser.sees("dana is not of release-managers");
    is_fine(&browser, "day-board-gate-dana");
    browser.click("form[action='/logout'] button");
    day.signs_in(&browser, "rita");
    browser.sees("staging waits with");
    is_fine(&browser, "day-board");
    day.lets_in(&browser, "staging", "Deployment/mi");
    browser.sees("It was let in");
    browser.click("main a[href*='/runs/']");
    browser.click("a[href$='/log/deploy.staging.mi']");
    browser.sees("Deployment");
    is_fine(&browser, "day-log");
    day.waits("staging", || day.image("staging") == patched && day.has("staging") == day.has("dev"));
    browser.sees("It has ended.");

    // Production takes two: one in the browser, one from another machine.
    day.waits("the gate of prod", || day.at_gate("prod").is_some());
    browser.click("form[action='/logout'] button");
    day.signs_in(&browser, "sam");
    day.lets_in(&browser, "prod", "Deployment/mi");
    browser.sees("1 of 2");
    assert_eq!(day.has("prod"), None, "one of two");
    let said = day.types("sue", &["why", "prod"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("approve prod --server http") && !text.contains("--as"), "{text}");
    let said = day.types("dana", &["approve", "prod"]);
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("not of sre"), "{said:?}");
    let said = day.types("sue", &["approve", "prod", "--reason", "CHG-1042"]);
    assert!(said.status.success(), "{said:?}");
    day.waits("prod", || day.image("prod") == patched && day.has("prod") == day.has("dev"));
    browser.go(&day.url("/"));
    browser.sees("Nothing waits for anybody.");
    is_fine(&browser, "day-evening");
    for (name, path) in [
        ("day-candidates", "/p/wso2mi/candidates"),
        ("day-runs", "/p/wso2mi/runs"),
        ("day-history", "/p/wso2mi/history"),
        ("day-file", "/p/wso2mi/file"),
    ] {
        browser.go(&day.url(path));
        is_fine(&browser, name);
    }
    // Each environment got what it has once, and nothing more than it was let in.
    assert_eq!((day.deploys("staging"), day.deploys("prod")), (1, 1));
    assert_eq!(day.deploys("dev"), 3, "morning, push, base image");
    let said = day.types("dana", &["status"]);
    assert!(said.status.success(), "{said:?}");
}
