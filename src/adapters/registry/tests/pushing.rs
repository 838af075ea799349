//! Pushing: what is sent, what isn't, and what happens when the line is cut.

use super::shop::Wants;
use super::{Bench, CONFIG, Made, image};
use crate::adapters::web::server::Reply;
use crate::digest::Digest;
use crate::ports::images::{Images as _, Push, Repository};
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};

fn push(
    bench: &Bench,
    to: &Repository,
    tags: &[&str],
    layers: &[&[u8]],
    made: &[&[u8]],
    from: &[Repository],
) -> Result<Digest, PortError> {
    let tags: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
    let (manifest, blobs) = (image(layers), Made(made));
    bench.registries.push(&Push { target: to, tags: &tags, manifest: &manifest, config: CONFIG, blobs: &blobs, from })
}

fn writes(asked: &[String]) -> Vec<String> {
    let writes = asked.iter().filter(|line| !line.starts_with("HEAD") && !line.starts_with("GET"));
    writes.map(|line| line.split('?').next().unwrap_or_default().to_string()).collect()
}

#[test]
fn blobs_then_the_manifest_then_the_tags() {
    let bench = Bench::new();
    let to = bench.at("a/b");
    let digest = push(&bench, &to, &["1", "latest"], &[b"layer"], &[b"layer"], &[]).expect("pushed");
    assert_eq!(digest, Digest::of(image(&[b"layer"])));
    let asked = writes(&bench.server.asked());
    let manifest = format!("PUT /v2/a/b/manifests/{digest}");
    assert_eq!(
        asked[asked.len() - 3..],
        [manifest, "PUT /v2/a/b/manifests/1".into(), "PUT /v2/a/b/manifests/latest".into()]
    );
    assert_eq!(asked.len(), 7, "two blobs, each begun and ended: {asked:?}");
    assert!(bench.registries.exists(&to, digest).expect("an answer"));
    assert_eq!(bench.registries.resolve(&to, "latest").expect("a tag").digest, digest);
    // The same again.
    bench.server.asked();
    push(&bench, &to, &["1", "latest"], &[b"layer"], &[b"layer"], &[]).expect("pushed again");
    let asked = bench.server.asked();
    assert_eq!(writes(&asked), Vec::<String>::new(), "nothing is written");
    assert_eq!(asked.len(), 3, "{asked:?}");
    // Another tag moves alone.
    push(&bench, &to, &["2"], &[b"layer"], &[], &[]).expect("tagged");
    assert_eq!(writes(&bench.server.asked()), ["PUT /v2/a/b/manifests/2"]);
    // Another image with the same layer sends that not again.
    push(&bench, &to, &["3"], &[b"layer", b"more"], &[b"layer", b"more"], &[]).expect("pushed");
    assert_eq!(writes(&bench.server.asked()).len(), 4, "one blob, the manifest and the tag");
}

#[test]
fn large_blobs_go_on_where_they_were_cut_off() {
    let large: Vec<u8> = (0..3u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    for forgets in [false, true] {
        let bench = Bench::new();
        bench.shop.with(|state| {
            state.cut_upload = Some(1 << 20);
            state.forgets_uploads = forgets;
        });
        let digest = push(&bench, &bench.at("a"), &["1"], &[&large], &[&large], &[]).expect("pushed");
        let asked = bench.server.asked();
        let mut patched: Vec<&String> = asked.iter().filter(|line| line.starts_with("PATCH")).collect();
        assert!(patched.len() >= 2, "{asked:?}");
        patched.dedup();
        assert_eq!(patched.len(), if forgets { 2 } else { 1 }, "gone on with, or begun anew: {asked:?}");
        assert!(bench.registries.exists(&bench.at("a"), digest).expect("an answer"));
    }
}

#[test]
fn small_blobs_are_sent_again() {
    let bench = Bench::new();
    bench.shop.with(|state| state.cut_upload = Some(2));
    push(&bench, &bench.at("a"), &["1"], &[b"layer"], &[b"layer"], &[]).expect("pushed");
}

#[test]
fn a_line_that_is_always_cut_is_given_up() {
    let bench = Bench::new();
    for _ in 0..9 {
        bench.shop.fault("PUT /v2/a/blobs/uploads/", Reply::new(503));
    }
    let error = push(&bench, &bench.at("a"), &["1"], &[b"layer"], &[b"layer"], &[]).expect_err("out of order");
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains("is out of order: HTTP 503"), "{error}");
    assert!(!bench.server.asked().iter().any(|line| line.contains("/manifests/1")), "no tag without an image");
}

#[test]
fn base_layers_are_mounted_or_brought_along() {
    let bench = Bench::new();
    let base = bench.shop.put_blob("base", b"base layer");
    let from = [Repository::layout("/no/where"), bench.at("base")];
    let layers: [&[u8]; 2] = [b"base layer", b"own"];
    push(&bench, &bench.at("a"), &["1"], &layers, &[b"own"], &from).expect("pushed");
    let asked = bench.server.asked();
    assert!(asked.iter().any(|line| line.contains("mount=") && line.contains("from=base")), "{asked:?}");
    assert!(!asked.iter().any(|line| line.starts_with(&format!("GET /v2/base/blobs/{base}"))), "not fetched");
    // A registry that does not mount.
    bench.shop.with(|state| state.no_mount = true);
    push(&bench, &bench.at("b"), &["1"], &layers, &[b"own"], &from).expect("pushed");
    assert!(bench.server.asked().contains(&format!("GET /v2/base/blobs/{base}")));
    // Another registry.
    let other = Bench::new();
    push(&other, &other.at("c"), &["1"], &layers, &[b"own"], &from).expect("pushed");
    // A layer that nobody has.
    let error = push(&other, &other.at("d"), &["1"], &[b"gone"], &[], &from).expect_err("nowhere");
    assert_eq!(error.fault, Fault::NotFound);
    let error = push(&other, &other.at("d"), &["1"], &[b"gone"], &[], &[]).expect_err("nowhere");
    assert!(error.message.contains("is nowhere to be had"), "{error}");
}

#[test]
fn who_may_not_push_is_told() {
    let bench = Bench::new();
    bench.shop.with(|state| state.wants = Some(Wants::Token(Some("Basic YW5uOnB3"))));
    let credentials = |password: &str| Some(Credentials { username: "ann".into(), password: password.into() });
    let to = Repository { credentials: credentials("pw"), ..bench.at("a") };
    push(&bench, &to, &["1"], &[b"layer"], &[b"layer"], &[]).expect("pushed");
    let asked = bench.server.asked();
    let tokens: Vec<&String> = asked.iter().filter(|line| line.starts_with("GET /token")).collect();
    assert_eq!(tokens.len(), 1, "one token serves all requests: {asked:?}");
    assert!(tokens[0].contains("scope=repository%3Aa%3Apull%2Cpush"), "{tokens:?}");
    let error = push(&bench, &Repository { credentials: credentials("no"), ..bench.at("b") }, &["1"], &[], &[], &[]);
    let error = error.expect_err("refused");
    assert_eq!(error.fault, Fault::Denied);
    assert!(error.message.ends_with("does not take the credentials of `ann`"), "{error}");
    let error = push(&bench, &bench.at("b"), &["1"], &[], &[], &[]).expect_err("nobody");
    assert!(error.message.contains("wants credentials for it"), "{error}");
    assert!(error.help.expect("help").contains("docker login"));
    bench.shop.fault("POST /v2/c/blobs/uploads/", Reply::new(403).body(r#"{"errors":[{"code":"DENIED"}]}"#));
    let to = Repository { credentials: credentials("pw"), ..bench.at("c") };
    let error = push(&bench, &to, &["1"], &[b"x"], &[b"x"], &[]).expect_err("forbidden");
    assert_eq!(error.fault, Fault::Denied);
    assert!(error.message.contains("`ann` may not have the blob") && error.message.ends_with("(DENIED)"), "{error}");
}

#[test]
fn what_does_not_fit_together_is_not_sent() {
    let bench = Bench::new();
    let error = push(&bench, &bench.at("a"), &["1"], &[b"layer"], &[], &[]).expect_err("no layer");
    assert_eq!(error.fault, Fault::NotFound);
    let manifest = image(&[]);
    let to = bench.at("a");
    let error = bench.registries.push(&Push {
        target: &to,
        tags: &[],
        manifest: &manifest,
        config: b"other",
        blobs: &Made(&[]),
        from: &[],
    });
    assert!(error.expect_err("another").message.contains("another configuration"));
}
