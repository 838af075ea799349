//! Sources that do not answer, or never stop, while others go on; and people who ask too much.

use super::http::send;
use super::{CONFIG, Served};
use crate::lab::{Lab, wait_for};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A repository of charts that answers as it should, not at all, or for ever.
fn repository(chart: Vec<u8>) -> (String, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mode = Arc::new(AtomicU8::new(0));
    let (told, digest) = (mode.clone(), lockgate::digest::Digest::of(&chart).hex());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mode, chart, digest) = (told.clone(), chart.clone(), digest.clone());
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let read = stream.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                match mode.load(Ordering::SeqCst) {
                    1 => std::thread::sleep(std::time::Duration::from_secs(600)),
                    2 => {
                        let _ = stream
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/yaml\r\n\r\napiVersion: v1\nentries:\n");
                        let line = "# for ever\n".repeat(1000);
                        while stream.write_all(line.as_bytes()).is_ok() {}
                    }
                    _ => {
                        let index = format!(
                            "apiVersion: v1\nentries:\n  web:\n    - apiVersion: v2\n      name: web\n      version: 1.0.0\n      digest: {digest}\n      urls: [web-1.0.0.tgz]\n"
                        );
                        let body = if head.contains("index.yaml") { index.into_bytes() } else { chart };
                        let _ = write!(
                            stream,
                            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let _ = stream.write_all(&body);
                    }
                }
            });
        }
    });
    (url, mode)
}

/// A packaged chart.
fn chart() -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, text) in [
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/values.yaml", "app: none\n"),
        (
            "web/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  app: {{ .Values.app }}\n",
        ),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, text.as_bytes()).expect("a file");
    }
    archive.into_inner().expect("an archive").finish().expect("it is packed")
}

#[test]
fn a_source_that_hangs_or_sends_for_ever_keeps_nobody_else() {
    let (url, mode) = repository(chart());
    let file = format!(
        r#"
lockgate 1
pipeline slow {{
    source app {{ git "./app" branch=main; trigger poll="1s" }}
    source chart {{ helm web repo="{url}" version="~1" ; trigger poll="1s" }}
    release web {{
        chart chart
        set app="{{app.short}}"
    }}
    environment dev {{
        folder "./out/dev"
        deploy web
    }}
}}
"#
    );
    let lab = Lab::with(&[("lockgate.kdl", &file), ("app/file", "one\n")]);
    lab.commit("app", "one");
    let served = Served::of(lab, CONFIG, &[]);
    wait_for("dev", || served.has("dev").is_some());
    let source = || {
        let all = served.get("viv", "/api/v1/pipelines/slow/sources").json();
        let all = all["sources"].as_array().expect("a list").clone();
        all.into_iter().find(|s| s["name"] == "chart").expect("the chart")
    };
    for manner in [1, 2] {
        mode.store(manner, Ordering::SeqCst);
        let before = served.has("dev");
        // It is looked at again, and that look does not come back.
        std::thread::sleep(std::time::Duration::from_secs(3));
        served.lab.write("app/file", &format!("manner {manner}\n"));
        served.lab.commit("app", "another");
        wait_for("the change in dev", || served.has("dev").is_some_and(|has| Some(has) != before));
        if manner == 2 {
            wait_for("the fault to be told", || source()["fault"].is_string());
        }
        mode.store(0, Ordering::SeqCst);
    }
    let memory = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).expect("its status");
    let peak =
        memory.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    assert!(peak.is_some_and(|kb| kb < 400 << 10), "what sends for ever is not kept: {peak:?}");
}

#[test]
fn who_asks_too_much_is_told_so_and_nobody_else_is() {
    let config = CONFIG.replace("requests=1000000", "requests=60");
    let lab = Lab::copy_of("examples/01-first-light");
    let served = Served::of(lab, &config, &[]);
    let mut refused = 0;
    for _ in 0..80 {
        let answer = served.get("dev", "/api/v1/whoami");
        assert!(matches!(answer.status, 200 | 429), "{answer:?}");
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 20, "of eighty, sixty are let through");
    let held = served.say("dev", "hold", serde_json::json!({"environment": "dev", "reason": "x"}));
    held.is(429).says("too many requests");
    served.get("rita", "/api/v1/whoami").is(200);
    // Whoever guesses tokens is told so, too, and whoever has one is not kept out by it.
    let guess = |n: u32| {
        let bearer = format!("Bearer lg_aaaaaaa{}_guess{n}", n % 10);
        send(&served.address, "GET", "/api/v1/whoami", &[("authorization", &bearer)], b"").status
    };
    let statuses: Vec<u16> = (0..70).map(guess).collect();
    assert!(statuses.starts_with(&[401]) && statuses.ends_with(&[429]), "{statuses:?}");
    served.get("rita", "/api/v1/whoami").is(200);
    assert!(served.events("hold-set").is_empty());
}
