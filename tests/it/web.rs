//! What is fetched and asked over HTTP, with the program itself: charts of a repository, and addresses that must be up.

use crate::lab::Lab;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Pages = Arc<Mutex<BTreeMap<String, (u16, Vec<u8>)>>>;

/// A server of pages that a test can change. It stops when the test program ends.
struct Server {
    address: SocketAddr,
    pages: Pages,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, pages) = (listener.local_addr().expect("an address"), Pages::default());
        let shared = pages.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let pages = shared.clone();
                // A client that goes away in the middle is no fault of the server.
                std::thread::spawn(move || drop(serve(stream, &pages)));
            }
        });
        Server { address, pages }
    }

    fn put(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) {
        self.pages.lock().expect("pages").insert(path.to_string(), (status, body.into()));
    }
}

fn serve(mut stream: TcpStream, pages: &Mutex<BTreeMap<String, (u16, Vec<u8>)>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_string();
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let (status, body) = pages.lock().expect("pages").get(&path).cloned().unwrap_or((404, Vec::new()));
        stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes())?;
        stream.write_all(&body)?;
    }
}

/// A chart with one object, packed.
fn chart(version: &str, more: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let about = format!("apiVersion: v2\nname: web\nversion: {version}\n{more}");
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  chart: {{ .Chart.Version }}\n";
    for (path, text) in [("web/Chart.yaml", about.as_str()), ("web/templates/web.yaml", object)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).expect("an entry");
    }
    builder.into_inner().and_then(|gz| gz.finish()).expect("an archive")
}

fn publish(server: &Server, versions: &[(&str, &[u8])]) {
    let mut index = "apiVersion: v1\nentries:\n  web:\n".to_string();
    for (version, bytes) in versions {
        let digest = lockgate::digest::Digest::of(bytes).hex();
        index.push_str(&format!("  - version: {version}\n    urls: [web-{version}.tgz]\n    digest: {digest}\n"));
        server.put(&format!("/charts/web-{version}.tgz"), 200, bytes.to_vec());
    }
    server.put("/charts/index.yaml", 200, index);
}

const PIPELINE: &str = r#"
lockgate 1
pipeline web {
    source chart { helm web repo="http://HOST/charts" version="RANGE"; }
    release web { chart chart; }
    environment dev {
        folder "./out"
        deploy web
        verify {
            http "http://HOST/health" contains="{chart.version}"
            timeout "2s"
        }
    }
}
"#;

fn lab(server: &Server, range: &str) -> Lab {
    let text = PIPELINE.replace("HOST", &server.address.to_string()).replace("RANGE", range);
    Lab::with(&[("lockgate.kdl", &text)])
}

#[test]
fn a_chart_of_a_repository_is_deployed_and_asked_for() {
    let server = Server::start();
    publish(&server, &[("1.0.0", &chart("1.0.0", ""))]);
    server.put("/health", 200, "version 1.0.0");
    let lab = lab(&server, "^1");
    lab.run(&["apply", "--yes"]).exits(0);
    assert!(lab.read("out/web/configmap_web.yaml").contains("chart: 1.0.0"));
    lab.run(&["plan"]).exits(0);
    // A newer one that never comes up is taken back.
    publish(&server, &[("1.0.0", &chart("1.0.0", "")), ("1.1.0", &chart("1.1.0", ""))]);
    lab.run(&["plan"]).exits(2).says(&["1.1.0"]);
    let failed = lab.run(&["apply", "--yes"]).exits(1);
    failed.says(&["/health does not answer as it should: HTTP 200, and `1.1.0` is not in its body", "in 2s)"]);
    assert!(lab.read("out/web/configmap_web.yaml").contains("chart: 1.0.0"), "rolled back");
}

#[test]
fn a_chart_that_was_used_needs_no_repository() {
    let server = Server::start();
    publish(&server, &[("1.0.0", &chart("1.0.0", ""))]);
    server.put("/health", 200, "version 1.0.0");
    let exact = lab(&server, "1.0.0");
    exact.run(&["apply", "--yes"]).exits(0);
    let range = lab(&server, "~1.0");
    range.run(&["apply", "--yes"]).exits(0);
    server.put("/charts/index.yaml", 404, "");
    exact.run(&["plan"]).exits(1).says(&["is no chart repository"]);
    server.put("/charts/index.yaml", 400, "");
    range.run(&["plan"]).exits(1).says(&["answers HTTP 400"]);
}

#[test]
fn values_for_a_chart_that_was_fetched_are_checked() {
    let server = Server::start();
    publish(&server, &[("1.0.0", &chart("1.0.0", ""))]);
    server.put("/health", 200, "version 1.0.0");
    let lab = lab(&server, "^1");
    lab.edit("lockgate.kdl", "chart chart;", "chart chart; set replicas=1;");
    // Of a chart that nobody saw yet nothing can be said.
    lab.run(&["check"]).exits(0).says(&["has no fault"]);
    lab.edit("lockgate.kdl", " set replicas=1;", "");
    lab.run(&["plan"]).exits(2);
    lab.edit("lockgate.kdl", "chart chart;", "chart chart; set replicas=1;");
    lab.run(&["check"]).exits(1).says(&["LG0513", "nothing in the chart `web` reads `replicas`"]);
    // What was fetched for another range is not what is meant.
    lab.edit("lockgate.kdl", "^1", "^2");
    lab.run(&["check"]).exits(0);
    lab.edit("lockgate.kdl", "^2", "^1");
    // Without the repository it is known all the same; without what was kept it is not.
    server.put("/charts/index.yaml", 404, "");
    lab.run(&["check"]).exits(1);
    lab.run(&["check", "--state", "elsewhere"]).exits(0);
}

#[test]
fn dependencies_that_are_not_there_are_told_as_helm_does() {
    let server = Server::start();
    let more = "dependencies:\n- name: redis\n  version: 1.x\n  repository: https://example.com\n";
    publish(&server, &[("1.0.0", &chart("1.0.0", more))]);
    let lab = lab(&server, "^1");
    lab.run(&["plan"]).exits(1).says(&["found in Chart.yaml, but missing in charts/ directory: redis"]);
}

#[test]
fn charts_in_git_and_archives_that_are_not_what_the_index_says() {
    let server = Server::start();
    server.put("/health", 200, "ok");
    let lab = Lab::with(&[
        ("repo/deploy/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("repo/deploy/web/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        (
            "lockgate.kdl",
            "lockgate 1\npipeline web {\n source app { git \"./repo\"; }\n release web { chart app \"deploy/web\"; }\n \
             environment dev {\n folder \"./out\"\n deploy web\n }\n}\n",
        ),
    ]);
    lab.git("repo", &["init", "-q"]);
    lab.commit("repo", "first");
    lab.run(&["apply", "--yes"]).exits(0);
    assert!(lab.has("out/web/configmap_a.yaml"));
    publish(&server, &[("1.0.0", &chart("1.0.0", ""))]);
    server.put("/charts/web-1.0.0.tgz", 200, chart("1.0.0", "description: another\n"));
    let text = PIPELINE.replace("HOST", &server.address.to_string()).replace("RANGE", "^1");
    lab.write("lockgate.kdl", &text);
    lab.run(&["plan"]).exits(1).says(&["the archive of `web` from", "and its index says"]);
}

#[test]
fn what_is_not_there_is_found_online() {
    let server = Server::start();
    publish(&server, &[("1.0.0", &chart("1.0.0", ""))]);
    let lab = lab(&server, "^1");
    lab.run(&["check", "--online"]).exits(0).says(&["has no fault"]);
    let text =
        lab.read("lockgate.kdl").replace("^1", "^2").replace("folder \"./out\"", "cluster nowhere namespace=web");
    let more = "pipeline web {\n source app { git \"./repo\" branch=nowhere; }\n source base { image \"127.0.0.1:1/base\" tag=\"1.*\"; }\n";
    lab.write("lockgate.kdl", &text.replace("pipeline web {\n", more));
    lab.git("repo", &["init", "-q"]);
    lab.commit("repo", "first");
    lab.run(&["check"]).exits(0);
    let mut command = lab.command(&["check", "--online"]);
    let ran = command.env("KUBECONFIG", lab.at("none")).output().expect("the program starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    for text in [
        "source `chart`: ",
        "has no version of `web` in `^2`",
        "source `app`: ",
        "source `base`: ",
        "environment `dev`: ",
    ] {
        assert!(said.contains(text), "`{text}` is not in:\n{said}");
    }
    assert_eq!(ran.status.code(), Some(1));
}
