//! Branches as places, against a real server.

use super::server::{Manner, Server, Work, there_is_git};
use crate::lab::free_port;
use lockgate::adapters::git::Branches;
use lockgate::digest::Digest;
use lockgate::ports::bundle::{Bundle, Object};
use lockgate::ports::places::{Deployment, Guarded, Places, Seen, Target};
use lockgate::ports::sources::Credentials;
use lockgate::ports::{Fault, PortError};
use std::path::PathBuf;
use std::sync::Arc;

fn bundle(text: &str) -> Bundle {
    let body =
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": text}});
    let object = Object {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: None,
        name: "a".into(),
        template: String::new(),
        text: body.to_string(),
        body,
    };
    let objects = vec![object];
    Bundle { release: "app".into(), namespace: "shop".into(), chart: "app-1.0.0".into(), objects, ..Bundle::default() }
}

struct World {
    work: Work,
    server: Server,
}

impl World {
    fn new(manner: Manner) -> World {
        let work = Work::new();
        work.configure("http.receivepack", "true");
        World { server: Server::start(work.root(), manner), work }
    }

    fn target(&self, branch: &str, folder: &str) -> Target {
        Target::Branch {
            repository: self.server.url("app.git"),
            branch: branch.into(),
            folder: folder.into(),
            namespace: "shop".into(),
            credentials: None,
            plain_secrets: false,
            author: None,
        }
    }

    fn places(&self, cache: &str) -> Branches {
        Branches::new(self.work.root().join(cache))
    }

    fn commits(&self, branch: &str) -> usize {
        self.work.log(branch).len()
    }
}

fn deploy(places: &dyn Places, target: &Target, bundle: &Bundle) -> Result<(), PortError> {
    let candidate = Digest::of("candidate");
    places.deploy(&Deployment { candidate, candidate_name: "c", ..Deployment::of(target, bundle) }).result
}

#[test]
fn a_deploy_is_pushed_on_top_of_what_is_there() {
    if !there_is_git() {
        return;
    }
    let world = World::new(Manner::default());
    let (places, target) = (world.places("cache"), world.target("main", "dev"));
    assert_eq!(places.look(&target, "app", None).expect("an empty repository"), Seen::default());
    deploy(&places, &target, &bundle("1")).expect("the branch is made");
    assert_eq!(world.commits("main"), 1);
    for n in 0..3 {
        world.work.pull();
        world.work.commit("ann", &[("readme", &n.to_string())]);
    }
    assert_eq!(places.look(&target, "app", None).expect("a look").bundle, Some(bundle("1").digest()));
    deploy(&places, &target, &bundle("2")).expect("deployed on top, of a history that is not here");
    deploy(&places, &target, &bundle("2")).expect("nothing to do");
    assert_eq!(world.commits("main"), 5);
    assert_eq!(world.work.show("main:readme"), "2");
    assert!(world.work.show("main:dev/app/configmap_a.yaml").contains("\"2\""));
    world.work.pull();
    world.work.commit("ann", &[("dev/app/configmap_a.yaml", "other: 1")]);
    let seen = places.look(&target, "app", None).expect("a look");
    assert_eq!(seen.drift, [("ConfigMap/a".to_string(), "was changed on the branch".to_string())]);
    deploy(&world.places("another"), &target, &bundle("2")).expect("put right, with nothing kept of before");
    assert_eq!(
        places.look(&target, "app", None).expect("a look"),
        Seen { bundle: Some(bundle("2").digest()), drift: vec![] }
    );
    world.work.verify();
}

#[test]
fn several_at_once_all_get_through() {
    if !there_is_git() {
        return;
    }
    let world = World::new(Manner::default());
    world.work.commit("ann", &[("readme", "1")]);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let world = &world;
            scope.spawn(move || {
                // Half of them share what they fetched.
                let (places, target) =
                    (world.places(&format!("cache-{}", number / 2)), world.target("main", &format!("e{number}")));
                for text in ["1", "2"] {
                    deploy(&places, &target, &bundle(text)).expect("deployed");
                }
            });
        }
    });
    assert_eq!(world.commits("main"), 9);
    for number in 0..4 {
        assert!(world.work.show(&format!("main:e{number}/app/configmap_a.yaml")).contains("\"2\""));
    }
    world.work.verify();
}

#[test]
fn who_may_not_push_hears_why() {
    if !there_is_git() {
        return;
    }
    // me:hunter2
    let world = World::new(Manner { wants: Some("bWU6aHVudGVyMg=="), ..Manner::default() });
    let target = world.target("main", "dev");
    let with = |password: &str| -> Arc<dyn Places> {
        world.places("cache").shown(Some(Credentials { username: "me".into(), password: password.into() }))
    };
    let error = deploy(&world.places("cache"), &target, &bundle("1")).expect_err("no credentials");
    assert_eq!((error.fault, error.message.ends_with("wants credentials")), (Fault::Denied, true), "{error}");
    let error = deploy(&*with("wrong-one"), &target, &bundle("1")).expect_err("wrong");
    assert!(
        error.message.contains("refuses the credentials") && !format!("{error:?}").contains("wrong-one"),
        "{error}"
    );
    deploy(&*with("hunter2"), &target, &bundle("1")).expect("deployed");
    let hook: PathBuf = world.work.root().join("app.git/hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").expect("a hook");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, executable).expect("executable");
    let error = deploy(&*with("hunter2"), &target, &bundle("2")).expect_err("a hook refuses it");
    assert_eq!(error.fault, Fault::Denied);
    assert!(error.message.contains("does not take a push to `main`") && error.message.contains("hook"), "{error}");
    assert_eq!(world.commits("main"), 1);
}

#[test]
fn a_server_that_takes_no_pushes_or_is_gone_is_named() {
    if !there_is_git() {
        return;
    }
    let world = World::new(Manner::default());
    world.work.configure("http.receivepack", "false");
    let error = deploy(&world.places("cache"), &world.target("main", "dev"), &bundle("1")).expect_err("read only");
    assert_eq!(error.fault, Fault::Denied, "{error}");
    let port = free_port();
    let mut target = world.target("main", "dev");
    if let Target::Branch { repository, .. } = &mut target {
        *repository = format!("http://127.0.0.1:{port}/app.git");
    }
    let error = deploy(&world.places("cache"), &target, &bundle("1")).expect_err("gone");
    assert_eq!(error.fault, Fault::Unavailable, "{error}");
}
