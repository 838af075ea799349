//! Charts in repositories and registries, with every way in which those can fail.

use super::packed;
use crate::adapters::charts::{Remote, Wanted};
use crate::adapters::registry::tests::QUICK;
use crate::adapters::registry::tests::shop::{Shop, Wants};
use crate::adapters::registry::{DockerConfig, Shared};
use crate::adapters::web::server::{Reply, Request, Server};
use crate::adapters::web::{Certificates, Web};
use crate::digest::Digest;
use crate::image::manifest::{Descriptor, MANIFEST, Manifest};
use crate::ports::sources::{Credentials, Head};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

type Replies = Arc<Mutex<BTreeMap<String, Reply>>>;

/// A repository with an index: what it answers can be changed while it runs.
struct Repo {
    replies: Replies,
    server: Server,
    folder: tempfile::TempDir,
    remote: Remote,
}

fn remote(folder: &std::path::Path) -> Remote {
    Remote::with(Shared::new(Web::with(QUICK, Certificates::default()), DockerConfig::default()), folder)
}

fn chart(version: &str) -> Vec<u8> {
    packed(&[("web/Chart.yaml", &format!("name: web\nversion: {version}\n")), ("web/values.yaml", "a: 1\n")])
}

fn entry(version: &str, url: &str, digest: Option<Digest>) -> String {
    let digest = digest.map_or(String::new(), |digest| format!("\n    digest: {}", digest.hex()));
    format!("  - version: {version}\n    urls: [{url}]{digest}\n")
}

impl Repo {
    fn new(entries: &[String]) -> Repo {
        let replies = Replies::default();
        let (answers, folder) = (replies.clone(), tempfile::tempdir().expect("a folder"));
        let server = Server::start(move |request: &Request| {
            let replies = answers.lock();
            let reply = replies.get(&request.path).cloned().unwrap_or_else(|| Reply::new(404));
            let etag = reply.headers.iter().find(|(name, _)| name == "ETag").map(|(_, etag)| etag.as_str());
            if etag.is_some() && request.header("if-none-match") == etag {
                return Reply::new(304);
            }
            match request.header("authorization") {
                // What a request was let in with is shown where a test looks for it.
                Some(header) if request.path.starts_with("/secret") => {
                    Reply::new(if header == "Basic YW5uOnB3" { reply.status } else { 401 }).body(reply.body)
                }
                None if request.path.starts_with("/secret") => Reply::new(401),
                Some(_) if request.path.starts_with("/open") => Reply::new(400),
                _ => reply,
            }
        });
        let remote = remote(folder.path());
        let repo = Repo { replies, server, folder, remote };
        repo.index(entries, "1");
        repo
    }

    fn index(&self, entries: &[String], etag: &str) {
        let text = format!("apiVersion: v1\nentries:\n  web:\n{}", entries.concat());
        self.put("/charts/index.yaml", Reply::new(200).header("ETag", format!("\"{etag}\"")).body(text));
    }

    fn put(&self, path: &str, reply: Reply) {
        self.replies.lock().insert(path.to_string(), reply);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    fn head(&self, range: Option<&str>) -> Result<Head, PortError> {
        let url = self.url("/charts");
        self.remote.head(Wanted { repository: &url, name: "web", range, credentials: None })
    }

    fn read(&self, head: &Head) -> Result<String, PortError> {
        let url = self.url("/charts");
        let wanted = Wanted { repository: &url, name: "web", range: None, credentials: None };
        let text = self.remote.open(wanted, &head.version)?.read("Chart.yaml")?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[test]
fn the_highest_version_of_a_repository() {
    let (one, two) = (chart("1.2.0"), chart("1.10.0"));
    let repo = Repo::new(&[
        entry("1.2.0", "web-1.2.0.tgz", Some(Digest::of(&one))),
        entry("1.10.0", "/elsewhere/web-1.10.0.tgz", Some(Digest::of(&two))),
        entry("2.0.0-rc.1", "none.tgz", Some(Digest::of("none"))),
    ]);
    repo.put("/charts/web-1.2.0.tgz", Reply::new(200).body(one.clone()));
    repo.put("/elsewhere/web-1.10.0.tgz", Reply::new(200).body(two.clone()));
    let head = repo.head(None).expect("a head");
    assert_eq!((head.version.name.as_deref(), head.version.id), (Some("1.10.0"), Digest::of(&two).to_string()));
    assert_eq!(repo.server.asked(), ["GET /charts/index.yaml"], "a look fetches no archive");
    let head = repo.head(Some("~1.2")).expect("a head");
    assert!(repo.read(&head).expect("its files").contains("1.2.0"));
    repo.server.asked();
    repo.read(&head).expect("its files");
    assert_eq!(repo.server.asked(), Vec::<String>::new(), "what was fetched is kept");
    assert!(repo.read(&repo.head(None).expect("a head")).expect("its files").contains("1.10.0"));
    let error = repo.head(Some("^3")).expect_err("none");
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.ends_with("has no version of `web` in `^3`"), "{error}");
    assert_eq!(error.help.as_deref(), Some("it has `1.2.0`, `1.10.0`, `2.0.0-rc.1`"));
    // Gone from the index, and kept here.
    repo.index(&[entry("1.2.0", "web-1.2.0.tgz", Some(Digest::of("other")))], "2");
    assert!(repo.read(&head).is_ok());
    let forgotten = remote(&repo.folder.path().join("another"));
    let url = repo.url("/charts");
    let wanted = Wanted { repository: &url, name: "web", range: None, credentials: None };
    let gone = forgotten.open(wanted, &head.version).map(drop).expect_err("gone");
    assert_eq!(gone.fault, Fault::NotFound);
    assert!(gone.message.contains("has 1.2.0 of `web` no more as it was"), "{gone}");
}

#[test]
fn archives_are_what_the_index_says() {
    let one = chart("1.2.0");
    let repo = Repo::new(&[entry("1.2.0", "web.tgz", Some(Digest::of("something else")))]);
    repo.put("/charts/web.tgz", Reply::new(200).body(one.clone()));
    let error = repo.read(&repo.head(None).expect("a head")).expect_err("another archive");
    assert_eq!(error.fault, Fault::Invalid);
    assert!(error.message.contains(&format!("is {}, and its index says", Digest::of(&one))), "{error}");
    // Without a digest in the index, the archive tells it, once for each state of the index.
    repo.index(&[entry("1.2.0", "web.tgz", None)], "2");
    repo.server.asked();
    let head = repo.head(None).expect("a head");
    assert_eq!(head.version.content, Digest::of(&one));
    repo.head(None).expect("a head");
    assert_eq!(repo.server.asked().iter().filter(|line| line.ends_with("web.tgz")).count(), 1);
    repo.put("/charts/web.tgz", Reply::new(200).body(chart("1.2.0+made.anew")));
    repo.index(&[entry("1.2.0", "web.tgz", None), entry("1.1.0", "web.tgz", None)], "3");
    assert_ne!(repo.head(None).expect("a head").version.id, head.version.id, "made anew under the same version");
    repo.put("/charts/web.tgz", Reply::new(200).header("Content-Length", (65u64 << 20).to_string()));
    repo.index(&[entry("1.3.0", "web.tgz", None)], "4");
    assert_eq!(repo.head(None).expect_err("too large").fault, Fault::Limit);
    repo.index(&[entry("1.3.0", "ftp://x/web.tgz", None)], "5");
    assert!(repo.head(None).expect_err("nowhere").message.contains("leads to `ftp://x/web.tgz`"));
    repo.index(&[entry("1.3.0", "", None)], "6");
    assert!(repo.head(None).is_err());
}

#[test]
fn the_index_is_fetched_when_it_changed() {
    let one = Digest::of(chart("1.0.0"));
    let repo = Repo::new(&[entry("1.0.0", "web.tgz", Some(one))]);
    repo.head(None).expect("a head");
    repo.put("/charts/index.yaml", Reply::new(200).header("ETag", "\"1\"").body("nobody reads this"));
    assert_eq!(repo.head(None).expect("as it was").version.name.as_deref(), Some("1.0.0"));
    repo.index(&[entry("1.1.0", "web.tgz", Some(one))], "2");
    assert_eq!(repo.head(None).expect("a new one").version.name.as_deref(), Some("1.1.0"));
}

#[test]
fn who_we_are_is_for_the_repository_alone() {
    let (here, away) = (chart("1.0.0"), chart("2.0.0"));
    let repo = Repo::new(&[]);
    let other = Repo::new(&[]);
    other.put("/open/web.tgz", Reply::new(200).body(away.clone()));
    let text = format!(
        "entries:\n  web:\n{}{}",
        entry("1.0.0", "web.tgz", Some(Digest::of(&here))),
        entry("2.0.0", &other.url("/open/web.tgz"), Some(Digest::of(&away)))
    );
    repo.put("/secret/index.yaml", Reply::new(200).body(text));
    repo.put("/secret/web.tgz", Reply::new(200).body(here));
    let url = repo.url("/secret/");
    let ask = |range: &str, password: Option<&str>| {
        let credentials = password.map(|password| Credentials { username: "ann".into(), password: password.into() });
        let wanted = Wanted { repository: &url, name: "web", range: Some(range), credentials: credentials.as_ref() };
        let head = repo.remote.head(wanted)?;
        repo.remote.open(wanted, &head.version).map(drop)
    };
    assert_eq!(ask("1.0.0", Some("pw")), Ok(()));
    assert_eq!(ask("2.0.0", Some("pw")), Ok(()), "nothing of ours goes to another host");
    let error = ask("1.0.0", None).expect_err("nobody");
    assert_eq!(
        (error.fault, error.help.as_deref()),
        (Fault::Denied, Some("name a secret with `credentials` in the source"))
    );
    assert!(error.message.ends_with("wants credentials for the index"), "{error}");
    assert!(ask("1.0.0", Some("no")).expect_err("refused").message.contains("does not let `ann` have the index"));
}

#[test]
fn a_repository_that_is_away() {
    let one = chart("1.2.0");
    let repo = Repo::new(&[entry("1.2.0", "web.tgz", Some(Digest::of(&one)))]);
    repo.put("/charts/web.tgz", Reply::new(200).body(one));
    let head = repo.head(Some("1.2.0")).expect("a head");
    let away = || (0..9).for_each(|_| repo.put("/charts/index.yaml", Reply::new(503)));
    away();
    assert_eq!(repo.head(Some("1.2.0")).expect_err("not fetched yet").fault, Fault::Unavailable);
    repo.index(&[entry("1.2.0", "web.tgz", Some(Digest::of(chart("1.2.0"))))], "2");
    repo.read(&head).expect("its files");
    away();
    let kept = repo.head(Some("1.2.0")).expect("as it was seen last");
    assert_eq!(kept.version, head.version);
    assert!(
        kept.about
            .note
            .expect("a note")
            .ends_with("is out of order: HTTP 503; version 1.2.0 is taken as it was seen last")
    );
    let error = repo.head(Some("~1.2")).expect_err("who knows what there is by now");
    assert!(error.help.expect("help").contains("named by its exact version"));
    repo.put("/charts/index.yaml", Reply::new(404));
    let error = repo.head(Some("1.2.0")).expect_err("no repository");
    assert!(error.message.ends_with("is no chart repository: it has no `index.yaml`"), "{error}");
    repo.put("/charts/index.yaml", Reply::new(200).body("<html>"));
    assert_eq!(repo.head(None).expect_err("no index").fault, Fault::Invalid);
    for bad in ["ftp://x/charts", "https://", "charts"] {
        let wanted = Wanted { repository: bad, name: "web", range: None, credentials: None };
        assert_eq!(repo.remote.head(wanted).expect_err(bad).fault, Fault::Invalid, "{bad}");
    }
}

#[test]
fn several_at_once_share_what_is_kept() {
    let one = chart("1.2.0");
    let repo = Repo::new(&[entry("1.2.0", "web.tgz", Some(Digest::of(&one)))]);
    repo.put("/charts/web.tgz", Reply::new(200).body(one));
    let url = repo.url("/charts");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let remote = remote(repo.folder.path());
                let wanted = Wanted { repository: &url, name: "web", range: None, credentials: None };
                let head = remote.head(wanted).expect("a head");
                assert!(remote.open(wanted, &head.version).expect("files").read("values.yaml").is_ok());
            });
        }
    });
    let kept = std::fs::read_dir(repo.folder.path().join("archives")).expect("a folder").count();
    assert_eq!(kept, 1, "one archive, and nothing beside it");
}

/// A chart as `helm push` stores it.
fn push(shop: &Shop, repository: &str, tag: &str, archive: &[u8]) -> Digest {
    let config = b"{\"name\":\"web\"}";
    let descriptor = |kind: &str, bytes: &[u8]| Descriptor::new(kind, Digest::of(bytes), bytes.len() as u64);
    let manifest = Manifest {
        schema_version: 2,
        media_type: None,
        config: descriptor("application/vnd.cncf.helm.config.v1+json", config),
        layers: vec![descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive)],
        annotations: BTreeMap::new(),
    };
    shop.put_blob(repository, archive);
    shop.put(repository, tag, MANIFEST, &serde_json::to_vec(&manifest).expect("JSON"))
}

#[test]
fn charts_of_a_registry() {
    let shop = Shop::default();
    let one = push(&shop, "charts/web", "1.2.0", &chart("1.2.0"));
    let built = push(&shop, "charts/web", "1.2.1_build.5", &chart("1.2.1"));
    push(&shop, "charts/web", "2.0.0-rc.1", &chart("2.0.0-rc.1"));
    shop.put("charts/image", "1.0.0", MANIFEST, &crate::adapters::registry::tests::image(&[b"x"]));
    let server = shop.clone().open();
    let folder = tempfile::tempdir().expect("a folder");
    let (remote, url) = (remote(folder.path()), format!("oci://{}/charts", server.address));
    let wanted = |range| Wanted { repository: &url, name: "web", range, credentials: None };
    let head = remote.head(wanted(None)).expect("a head");
    assert_eq!((head.version.name.as_deref(), head.version.id), (Some("1.2.1+build.5"), built.to_string()));
    server.asked();
    let head = remote.head(wanted(Some("1.2.0"))).expect("a head");
    assert_eq!(head.version.id, one.to_string());
    assert_eq!(server.asked(), ["HEAD /v2/charts/web/manifests/1.2.0"], "an exact version is one look");
    let text = remote.open(wanted(None), &head.version).expect("files").read("Chart.yaml").expect("a file");
    assert!(String::from_utf8_lossy(&text).contains("1.2.0"));
    server.asked();
    remote.open(wanted(None), &head.version).expect("files");
    assert_eq!(server.asked(), Vec::<String>::new(), "what was fetched is kept");
    assert!(remote.head(wanted(Some("^5"))).expect_err("none").message.contains("has no version in `^5`"));
    let image = Wanted { name: "image", ..wanted(Some("1.0.0")) };
    let head = remote.head(image).expect("a head");
    let error = remote.open(image, &head.version).map(drop).expect_err("no chart");
    assert!(error.message.contains("is no chart: its kind is `application/vnd.oci.image.config"), "{error}");
    let missing = Wanted { name: "none", ..wanted(None) };
    assert_eq!(remote.head(missing).expect_err("none").fault, Fault::NotFound);
    // A registry that went away, and one that wants to know who we are.
    for _ in 0..3 {
        shop.fault("HEAD", Reply::new(503));
    }
    let kept = remote.head(wanted(Some("1.2.0"))).expect("as it was seen last");
    assert!(kept.version.id == one.to_string() && kept.about.note.is_some());
    shop.with(|state| state.wants = Some(Wants::Basic("Basic YW5uOnB3")));
    assert_eq!(remote.head(wanted(None)).expect_err("nobody").fault, Fault::Denied);
    let ann = Credentials { username: "ann".into(), password: "pw".into() };
    assert!(remote.head(Wanted { credentials: Some(&ann), ..wanted(None) }).is_ok());
}
