//! A browser that is driven over WebDriver, and requests as they go over a connection: no more of either than tests need.

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long something on a page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server answered.
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|l| l.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// Sends a request as it is written here, path and all, and reads the answer.
pub(crate) fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).expect("it is sent");
    let mut bytes = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let read = stream.read(&mut piece).unwrap_or(0);
        bytes.extend_from_slice(&piece[..read]);
        let head = String::from_utf8_lossy(&bytes).split_once("\r\n\r\n").map(|(h, _)| h.len() + 4);
        let length = head.and_then(|at| {
            let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let value = head.split("content-length:").nth(1)?.lines().next()?.trim().parse::<usize>().ok()?;
            Some(at + value)
        });
        if read == 0 || length.is_some_and(|l| bytes.len() >= l) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_string(), body: body.to_string() }
}

/// Whether there is a program of that name.
pub(crate) fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// What Chromium says where the machine's interfaces changed.
const BROKEN_OFF: &str = "ERR_NETWORK_CHANGED";

/// A browser without a window.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A new one, as wide as that.
    pub fn new(width: u32) -> Browser {
        let port = crate::lab::free_port();
        let profile = tempfile::tempdir().expect("a folder");
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        crate::lab::wait_for("chromedriver", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut args: Vec<String> = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run \
            --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage"
            .split(' ')
            .filter(|a| !a.is_empty())
            .map(ToString::to_string)
            .collect();
        args.push(format!("--window-size={width},900"));
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({"args": args, "binary": "/usr/bin/chromium"});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}});
        let mut browser = Browser { driver, port, session: String::new(), _profile: profile };
        let made = browser.call("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {made}")).to_string();
        browser
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = if self.session.is_empty() { path.to_string() } else { format!("/session/{}{path}", self.session) };
        // A `null` is no command: to end a session with one is refused, and the browser would stay when its driver is gone.
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = send(self.port, method, &path, &[("Content-Type", "application/json")], &text);
        assert!(answer.status != 0, "the browser does not come to an end with {method} {path} {body}");
        let value: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        value.get("value").cloned().unwrap_or(Value::Null)
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) {
        self.call("POST", "/url", &json!({"url": url}));
        self.settle();
    }

    /// Chromium breaks off what it loads when the machine gets or loses an interface, as with every container that starts.
    fn settle(&self) {
        let start = Instant::now();
        while self.text().contains(BROKEN_OFF) {
            assert!(start.elapsed() < PATIENCE, "{} is broken off again and again", self.path());
            std::thread::sleep(Duration::from_millis(200));
            self.call("POST", "/refresh", &json!({}));
        }
    }

    /// Where it is.
    pub fn path(&self) -> String {
        let url = self.call("GET", "/url", &Value::Null);
        let url = url.as_str().unwrap_or_default();
        url.splitn(4, '/').nth(3).map(|p| format!("/{p}")).unwrap_or_default()
    }

    /// What a script says.
    pub fn eval(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script says some time later, to the function that is its last argument.
    pub fn eval_later(&self, script: &str) -> Value {
        self.call("POST", "/execute/async", &json!({"script": script, "args": []}))
    }

    /// The text of the page.
    pub fn text(&self) -> String {
        self.eval("return document.body.innerText").as_str().unwrap_or_default().to_string()
    }

    /// Waits until the page says something.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.waits(&format!("the page to say `{text}`"), |b| b.text().contains(text));
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn waits(&self, what: &str, is_so: impl Fn(&Browser) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            self.settle();
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what} at {}:\n{}", self.path(), self.text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn find(&self, css: &str) -> Option<String> {
        let found = self.call("POST", "/element", &json!({"using": "css selector", "value": css}));
        found.as_object()?.values().next()?.as_str().map(ToString::to_string)
    }

    /// Waits for an element, and clicks it as a person would.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.waits(css, |b| b.find(css).is_some());
        let element = self.find(css).expect("an element");
        let done = self.call("POST", &format!("/element/{element}/click"), &json!({}));
        assert!(done.is_null(), "{css} cannot be clicked: {done}");
    }

    /// Waits for an element, and types into it.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) {
        self.waits(css, |b| b.find(css).is_some());
        let element = self.find(css).expect("an element");
        let done = self.call("POST", &format!("/element/{element}/value"), &json!({"text": text}));
        assert!(done.is_null(), "{css} takes no text: {done}");
    }

    /// What the browser complained of.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = entries.iter().filter(|e| e["level"] == "SEVERE" || e["level"] == "WARNING");
        let told = bad.filter_map(|e| e["message"].as_str()).filter(|told| !told.contains(BROKEN_OFF));
        told.map(ToString::to_string).collect()
    }

    fn says(&self, command: &str, parameters: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Looks from now on as a screen of that width would, in the dark or in the light.
    pub fn looks(&self, width: u32, dark: bool) {
        let metrics = json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600});
        self.says("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = json!({"name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" }});
        self.says("Emulation.setEmulatedMedia", &json!({"features": [scheme]}));
    }

    /// Keeps a picture of the whole page, where `LOCKGATE_SHOTS` names a folder.
    pub fn shoot(&self, name: &str) {
        use base64::Engine as _;
        let Some(folder) = std::env::var_os("LOCKGATE_SHOTS") else { return };
        let shot = self.says("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap_or_default());
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes.expect("a picture")).expect("it is kept");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.call("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
