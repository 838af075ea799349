//! Pulling: tags, digests, documents and blobs, and every way in which a registry can refuse.

use super::shop::Wants;
use super::{Bench, CONFIG, image};
use crate::adapters::web::server::Reply;
use crate::digest::Digest;
use crate::image::manifest::{INDEX, MANIFEST};
use crate::ports::Fault;
use crate::ports::images::{Images as _, Platform, Repository};
use crate::ports::sources::Credentials;
use std::io::Read as _;

fn stocked() -> (Bench, Digest) {
    let bench = Bench::new();
    let digest = bench.shop.put("acme/app", "1.2.0", MANIFEST, &image(&[b"layer"]));
    for tag in ["1.2.10", "1.10.0-rc1", "latest", "1.3.0"] {
        bench.shop.put("acme/app", tag, MANIFEST, &image(&[tag.as_bytes()]));
    }
    bench.shop.put_blob("acme/app", b"layer");
    bench.shop.put_blob("acme/app", CONFIG);
    (bench, digest)
}

#[test]
fn tags_by_rules() {
    let (bench, _) = stocked();
    let at = bench.at("acme/app");
    bench.shop.with(|state| state.page = 2);
    assert_eq!(bench.registries.tags(&at).expect("tags").len(), 5);
    assert_eq!(bench.server.asked().len(), 3, "page by page");
    for (rule, tag) in [("1.2.*", "1.2.10"), ("^1", "1.3.0"), ("latest", "latest"), ("*-rc*", "1.10.0-rc1")] {
        let found = bench.registries.resolve(&at, rule).expect(rule);
        assert_eq!((found.tag.as_deref(), found.digest), (Some(tag), Digest::of(image(&[tag.as_bytes()]))), "{rule}");
    }
    let error = bench.registries.resolve(&at, "2.*").expect_err("none");
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.ends_with("acme/app` has no tag `2.*`"), "{error}");
    assert!(error.help.expect("help").contains("`1.2.10`"));
    let error = bench.registries.resolve(&bench.at("acme/none"), "1").expect_err("none");
    assert!(error.message.contains("there is no repository `127.0.0.1:"), "{error}");
}

#[test]
fn one_tag_is_one_head() {
    let (bench, digest) = stocked();
    let at = bench.at("acme/app");
    assert_eq!(bench.registries.resolve(&at, "1.2.0").expect("a tag").digest, digest);
    assert_eq!(bench.server.asked(), ["HEAD /v2/acme/app/manifests/1.2.0"], "a look is no pull");
    let found = bench.registries.resolve(&at, &digest.to_string()).expect("a digest");
    assert_eq!((found.tag, found.digest), (None, digest));
    bench.shop.with(|state| state.no_head = true);
    assert_eq!(bench.registries.resolve(&at, "1.2.0").expect("a tag").digest, digest);
    let gone = bench.registries.resolve(&at, &Digest::of("gone").to_string()).expect_err("gone");
    assert_eq!(gone.fault, Fault::NotFound);
}

#[test]
fn documents_are_fetched_once() {
    let (bench, digest) = stocked();
    let at = bench.at("acme/app");
    let entry = |platform: &str, digest: Digest| {
        format!(r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":1,"platform":{platform}}}"#)
    };
    let images = [
        entry(r#"{"os":"linux","architecture":"arm64"}"#, Digest::of("arm")),
        entry(r#"{"os":"linux","architecture":"amd64"}"#, digest),
    ];
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, images.join(","));
    let index = bench.shop.put("acme/app", "multi", INDEX, index.as_bytes());
    let platform = Platform::default();
    let fetched = bench.registries.fetch(&at, index, &platform).expect("fetched");
    assert_eq!((fetched.digest, &*fetched.config), (digest, CONFIG));
    assert_eq!(bench.server.asked().len(), 3);
    assert_eq!(bench.anew().fetch(&at, index, &platform).expect("kept"), fetched);
    assert_eq!(bench.server.asked(), Vec::<String>::new());
    let error = bench.registries.fetch(&at, index, &"linux/s390x".parse().expect("a platform")).expect_err("none");
    assert_eq!(error.help.as_deref(), Some("it has images for linux/arm64, linux/amd64"));
    // What is kept and damaged is fetched again.
    for entry in std::fs::read_dir(bench.folder.path().join("cache")).expect("a folder").flatten() {
        std::fs::write(entry.path(), "{}").expect("damaged");
    }
    assert_eq!(bench.registries.fetch(&at, index, &platform).expect("fetched"), fetched);
}

#[test]
fn blobs_are_verified_and_read_on() {
    let bench = Bench::new();
    let large: Vec<u8> = (0..500_000u32).flat_map(u32::to_le_bytes).collect();
    let (at, digest) = (bench.at("a"), bench.shop.put_blob("a", &large));
    let read = |size: u64| {
        let mut bytes = Vec::new();
        bench.registries.blob(&at, digest, size).map(|mut blob| blob.read_to_end(&mut bytes).map(|_| bytes))
    };
    let size = large.len() as u64;
    assert_eq!(read(size).expect("a blob").expect("whole"), large);
    let path = format!("GET /v2/a/blobs/{digest}");
    bench.shop.fault(&path, Reply::new(200).body(large.clone()).cut(700_000));
    assert_eq!(read(size).expect("a blob").expect("read on"), large);
    let error = read(size + 1).map(|_| ()).expect_err("another size");
    assert!(error.message.contains("has 2000000 bytes, not 2000001"), "{error}");
    let mut other = large.clone();
    other[1_000_000] ^= 1;
    bench.shop.fault(&path, Reply::new(200).body(other));
    let error = read(size).expect("a blob").expect_err("damaged");
    assert!(error.to_string().contains("is damaged"), "{error}");
    for _ in 0..9 {
        bench.shop.fault(&path, Reply::new(200).body(large.clone()).cut(10));
    }
    assert!(read(size).expect("a blob").is_err(), "given up");
}

#[test]
fn refusals_in_words() {
    let (bench, digest) = stocked();
    let at = bench.at("acme/app");
    let registry = bench.server.address.to_string();
    for (status, fault, words) in [
        (403, Fault::Denied, "we may not have the tag `1.2.0` of `acme/app`"),
        (400, Fault::Invalid, "answers HTTP 400 for the tag `1.2.0`"),
        (500, Fault::Unavailable, "is out of order: HTTP 500"),
        (503, Fault::Unavailable, "is out of order: HTTP 503"),
        (429, Fault::Unavailable, "takes no more requests for now and asks to wait 7 s"),
    ] {
        for _ in 0..3 {
            bench.shop.fault("HEAD", Reply::new(status).header("Retry-After", "7"));
        }
        let error = bench.registries.resolve(&at, "1.2.0").expect_err("refused");
        assert_eq!(error.fault, fault, "{status}");
        assert!(error.message.contains(words) && error.message.contains(&registry), "{status}: {error}");
        bench.shop.with(|state| state.faults.clear());
    }
    // What passes is waited for.
    bench.server.asked();
    bench.shop.fault("HEAD", Reply::new(429).header("Retry-After", "100"));
    bench.shop.fault("HEAD", Reply::new(502));
    assert_eq!(bench.registries.resolve(&at, "1.2.0").expect("in the end").digest, digest);
    assert_eq!(bench.server.asked().len(), 3);
    // Nobody there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let error = bench.registries.resolve(&Repository::registry(format!("{free}/a")), "1").expect_err("nobody");
    assert_eq!(error.message, format!("{free} cannot be reached: connection refused"));
    let error = bench.registries.resolve(&Repository::registry("no-such.invalid/a"), "1").expect_err("no name");
    assert!(error.message.starts_with("no-such.invalid cannot be reached: its name is not known"), "{error}");
}

#[test]
fn what_is_no_answer_is_refused() {
    let (bench, digest) = stocked();
    let at = bench.at("acme/app");
    let platform = Platform::default();
    let fetch = || bench.anew().fetch(&at, digest, &platform).expect_err("refused");
    bench.shop.fault("GET /v2/acme/app/manifests", Reply::new(200).body("other"));
    assert!(fetch().message.contains(&format!("answers with {} for {digest}", Digest::of("other"))));
    bench.shop.fault("GET /v2/acme/app/manifests", Reply::new(200).body(vec![b' '; (4 << 20) + 1]));
    assert_eq!(fetch().fault, Fault::Limit);
    bench.shop.fault("GET /v2/acme/app/manifests", Reply::new(200).header("Content-Length", "99999999999"));
    assert_eq!(fetch().fault, Fault::Limit);
    bench.shop.fault("GET /v2/acme/app/tags", Reply::new(200).body("<html>"));
    assert_eq!(bench.registries.tags(&at).expect_err("no list").fault, Fault::Invalid);
    bench.shop.fault("GET /v2/acme/app/tags", Reply::new(200).body(r#"{"tags":null}"#));
    assert_eq!(bench.registries.tags(&at), Ok(Vec::new()));
    let away = Reply::new(200).body(r#"{"tags":["a"]}"#).header("Link", "<http://evil.org/v2/x>; rel=\"next\"");
    bench.shop.fault("GET /v2/acme/app/tags", away);
    assert!(bench.registries.tags(&at).expect_err("away").message.contains("leads on to another place"));
    let round = Reply::new(200).body(r#"{"tags":[]}"#).header("Link", "</v2/acme/app/tags/list>; rel=\"next\"");
    bench.shop.fault("GET /v2/acme/app/tags", round);
    assert_eq!(bench.registries.tags(&at), Ok(Vec::new()));
}

#[test]
fn credentials_from_the_pipeline_and_from_docker() {
    let (bench, digest) = stocked();
    bench.shop.with(|state| state.wants = Some(Wants::Basic("Basic YW5uOnB3")));
    let at = bench.at("acme/app");
    let said =
        Repository { credentials: Some(Credentials { username: "ann".into(), password: "pw".into() }), ..at.clone() };
    assert_eq!(bench.registries.resolve(&said, "1.2.0").expect("let in").digest, digest);
    let config = |text: &str| {
        std::fs::create_dir_all(bench.folder.path().join("docker")).expect("a folder");
        std::fs::write(bench.folder.path().join("docker/config.json"), text).expect("written");
    };
    let ask = || bench.anew().resolve(&at, "1.2.0");
    assert_eq!(ask().expect_err("nobody").fault, Fault::Denied);
    let registry = bench.server.address;
    config(&format!(r#"{{"auths":{{"{registry}":{{"auth":"YW5uOnB3"}}}}}}"#));
    assert_eq!(ask().expect("let in").digest, digest);
    config(&format!(r#"{{"auths":{{"http://{registry}/v1/":{{"username":"ann","password":"pw"}}}}}}"#));
    assert_eq!(ask().expect("let in").digest, digest);
    config(&format!(r#"{{"auths":{{"{registry}":{{"auth":"!"}}}}}}"#));
    assert!(ask().expect_err("no base64").message.contains("its `auth` is no base64"));
    config("{");
    assert!(ask().expect_err("no JSON").message.contains("is not as Docker writes it"));
    // Helpers.
    let helper = |script: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = bench.folder.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    helper(&format!(
        "PATH=/usr/bin:/bin; test \"$1\" = get && test \"$(cat)\" = '{registry}' && echo '{{\"ServerURL\":\"x\",\"Username\":\"ann\",\"Secret\":\"pw\"}}'"
    ));
    config(&format!(r#"{{"credHelpers":{{"{registry}":"test"}}}}"#));
    assert_eq!(ask().expect("let in").digest, digest);
    config(r#"{"credsStore":"test"}"#);
    assert_eq!(ask().expect("let in").digest, digest);
    helper("echo 'credentials not found in native keychain'; exit 1");
    assert!(ask().expect_err("nobody").message.contains("wants credentials"));
    helper("echo 'locked'; exit 1");
    assert!(ask().expect_err("locked").message.contains("`docker-credential-test` has nothing for"));
    config(r#"{"credsStore":"none"}"#);
    assert!(ask().expect_err("no helper").message.contains("`docker-credential-none` cannot be started"));
    config(r#"{"credsStore":"../x"}"#);
    assert_eq!(ask().expect_err("no name").fault, Fault::Invalid);
    // Identity tokens are exchanged.
    bench.shop.with(|state| state.wants = Some(Wants::Token(Some("none"))));
    config(&format!(r#"{{"auths":{{"{registry}":{{"identitytoken":"idt"}}}}}}"#));
    assert_eq!(ask().expect("let in").digest, digest);
    assert!(bench.server.asked().iter().any(|line| line == "POST /token"));
}

#[test]
fn anybody_gets_a_token_too() {
    let (bench, digest) = stocked();
    bench.shop.with(|state| state.wants = Some(Wants::Token(None)));
    let at = bench.at("acme/app");
    assert_eq!(bench.registries.resolve(&at, "1.2.0").expect("a token").digest, digest);
    assert_eq!(bench.registries.resolve(&at, "1.2.10").map(|r| r.tag).expect("a token"), Some("1.2.10".into()));
    let asked = bench.server.asked();
    assert_eq!(asked.iter().filter(|line| line.starts_with("GET /token")).count(), 1, "{asked:?}");
    let header = "Bearer realm=\"http://registry.example.com/token\",service=\"s\"";
    bench.shop.fault("HEAD", Reply::new(401).header("WWW-Authenticate", header));
    // The registry of this machine may send anywhere, but not unencrypted away from it with what is ours: it is plain itself.
    let header = "Bearer realm=\"ftp://x/token\"";
    bench.shop.with(|state| state.faults.clear());
    bench.shop.fault("HEAD", Reply::new(401).header("WWW-Authenticate", header));
    let error = bench.anew().resolve(&at, "1.2.0").expect_err("no such way");
    assert!(error.message.contains("which is not encrypted"), "{error}");
}
