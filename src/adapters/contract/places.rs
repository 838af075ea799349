//! Places.

use crate::adapters::fake::{Deed, FakeWorld};
use crate::adapters::place::FolderPlaces;
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::bundle::{Bundle, Object};
use crate::ports::places::{Deployment, Places, Rehearsed, Seen, Target};

fn bundle(release: &str, objects: &[(&str, &str)]) -> Bundle {
    let object = |(name, text): &(&str, &str)| {
        let body = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": {"text": text},
        });
        Object {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: None,
            name: name.to_string(),
            template: String::new(),
            text: body.to_string(),
            body,
        }
    };
    let objects = objects.iter().map(object).collect();
    Bundle {
        release: release.into(),
        namespace: "shop".into(),
        chart: "app-1.0.0".into(),
        objects,
        ..Bundle::default()
    }
}

/// `meddle` changes an object of a release behind our back; `writes` counts what was changed so far.
fn keeps_its_promises(places: &dyn Places, target: &Target, meddle: &dyn Fn(&str, &str), writes: &dyn Fn() -> usize) {
    let deploy = |bundle: &Bundle| -> Result<(), PortError> {
        let candidate = Digest::of("candidate");
        places.deploy(&Deployment { candidate, candidate_name: "c", ..Deployment::of(target, bundle) }).result
    };
    let look = |bundle: &Bundle| places.look(target, &bundle.release, Some(bundle)).expect("a look");
    let clean = |bundle: &Bundle| Seen { bundle: Some(bundle.digest()), drift: Vec::new() };

    let (one, two) = (bundle("app", &[("a", "1"), ("b", "2")]), bundle("app", &[("a", "1"), ("c", "3")]));
    assert_eq!(look(&one), Seen::default());
    deploy(&bundle("app", &[])).expect("nothing goes where nothing is");
    assert_eq!((look(&one), writes()), (Seen::default(), 0));

    deploy(&one).expect("deployed");
    assert_eq!(look(&one), clean(&one));
    let before = writes();
    deploy(&one).expect("deployed again");
    assert_eq!(writes(), before, "what is there already is not written");
    deploy(&two).expect("deployed");
    assert_eq!(look(&two), clean(&two));
    assert!(writes() > before);

    let other = bundle("other", &[("d", "4")]);
    deploy(&other).expect("deployed");
    assert_eq!((look(&two), look(&other)), (clean(&two), clean(&other)), "releases do not touch each other");

    meddle("app", "a");
    let seen = look(&two);
    assert_eq!((seen.bundle, seen.drift.len()), (Some(two.digest()), 1));
    assert_eq!(seen.drift[0].0, "ConfigMap/a");
    assert_eq!(look(&other), clean(&other));
    let before = writes();
    deploy(&two).expect("deployed");
    assert_eq!(look(&two), clean(&two), "a deploy puts it right");
    assert!(writes() > before);

    deploy(&bundle("app", &[])).expect("taken away");
    assert_eq!((look(&two), look(&other)), (Seen::default(), clean(&other)));
    deploy(&one).expect("deployed");
    assert_eq!(look(&one), clean(&one));
}

#[test]
fn of_a_folder() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("dev");
    let target = Target::Folder { path: root.clone(), namespace: "shop".into() };
    let meddle = |release: &str, object: &str| {
        std::fs::write(root.join(release).join(format!("configmap_{object}.yaml")), "other").expect("written");
    };
    // The number of different files that were ever seen stands for what was written.
    let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let writes = || {
        let folders = std::fs::read_dir(&root).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        let stamp = |file: std::fs::DirEntry| {
            let meta = file.metadata().expect("there");
            (meta.ino(), meta.mtime(), meta.mtime_nsec())
        };
        seen.borrow_mut().extend(files.map(stamp));
        seen.borrow().len()
    };
    keeps_its_promises(&FolderPlaces, &target, &meddle, &writes);
}

#[cfg(feature = "git")]
#[test]
fn of_a_branch() {
    use crate::adapters::git::Branches;
    use crate::adapters::git::trial::Bare;
    let bare = Bare::new();
    let target = bare.target("main", "env/dev");
    let places = Branches::new(bare.folder().join("cache"));
    let meddle = |release: &str, object: &str| {
        bare.write("main", &[(&format!("env/dev/{release}/configmap_{object}.yaml"), Some("other: 1"))]);
    };
    keeps_its_promises(&places, &target, &meddle, &|| bare.commits("main").len());
    let before = bare.commits("main").len();
    tells_what_it_would_do(&places, &target, &meddle);
    assert_eq!(bare.commits("main").len(), before + 3, "two deploys, and what somebody meddled with");
}

/// Places that rehearse tell of a deploy what it then does.
fn tells_what_it_would_do(places: &dyn Places, target: &Target, meddle: &dyn Fn(&str, &str)) {
    let rehearse = |bundle: &Bundle| -> Vec<(String, &str)> {
        let rehearsed = places.rehearse(target, bundle, &[]).expect("a rehearsal");
        let word = |one: &Rehearsed| match (&one.before, &one.after) {
            (None, Some(_)) => "comes",
            (Some(_), None) => "goes",
            (before, after) if before == after => "stays",
            _ => "changes",
        };
        rehearsed.objects.iter().map(|one| (one.object.clone(), word(one))).collect()
    };
    let told = |told: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        told.iter().map(|(object, word)| (format!("ConfigMap/{object}"), *word)).collect()
    };
    let deploy = |bundle: &Bundle| places.deploy(&Deployment::of(target, bundle)).result.expect("deployed");
    let (one, two) = (bundle("tour", &[("a", "1"), ("b", "2")]), bundle("tour", &[("a", "1"), ("c", "3")]));
    assert_eq!(rehearse(&one), told(&[("a", "comes"), ("b", "comes")]));
    assert_eq!(places.look(target, "tour", None).expect("a look"), Seen::default(), "a rehearsal changes nothing");
    deploy(&one);
    assert_eq!(rehearse(&one), told(&[("a", "stays"), ("b", "stays")]));
    assert_eq!(rehearse(&two), told(&[("a", "stays"), ("c", "comes"), ("b", "goes")]));
    let stamps = |bundle: &Bundle| -> Vec<_> {
        places.rehearse(target, bundle, &[]).expect("a rehearsal").objects.iter().map(Rehearsed::stamp).collect()
    };
    let before = stamps(&one);
    assert_eq!(before, stamps(&one), "two looks at one state are the same");
    meddle("tour", "b");
    assert_eq!(rehearse(&one), told(&[("a", "stays"), ("b", "changes")]));
    let after = stamps(&one);
    assert_eq!((before[0] == after[0], before[1] == after[1]), (true, false), "who moved can be told");
    deploy(&two);
    assert_eq!(rehearse(&two), told(&[("a", "stays"), ("c", "stays")]));
}

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    let target = Target::Cluster {
        context: "c".into(),
        namespace: "shop".into(),
        create_namespace: false,
        pull_secret: None,
        adopt: false,
    };
    let meddle = |release: &str, object: &str| {
        world.places.meddle(&target, release, &format!("ConfigMap/{object}"), "was changed by hand");
    };
    keeps_its_promises(&*world.places, &target, &meddle, &|| world.ledger.of(Deed::Deploy).len());
    tells_what_it_would_do(&*world.places, &target, &meddle);
}

/// The real one, where a cluster is there for it.
#[cfg(feature = "kubernetes")]
#[test]
fn of_a_cluster() {
    use crate::adapters::kube::{Applying, Clusters, Resource};
    use serde_json::{Value, json};
    if std::env::var("LOCKGATE_LIVE").as_deref() != Ok("1") {
        eprintln!("skipped: of_a_cluster (it needs a cluster; LOCKGATE_LIVE=1 says that it is there)");
        return;
    }
    let context = std::env::var("LOCKGATE_LIVE_CONTEXT").unwrap_or_else(|_| "test".to_string());
    let namespace = format!("kube-contract-{:x}", std::process::id());
    let clusters = Clusters::new();
    let target = Target::Cluster {
        context: context.clone(),
        namespace: namespace.clone(),
        create_namespace: true,
        pull_secret: None,
        adopt: false,
    };
    let cluster = clusters.cluster(&context).expect("a cluster");
    let maps = Resource::known("v1", "ConfigMap", "configmaps", true);
    let meddle = |_: &str, object: &str| {
        let patch = json!({"data": {"text": "other"}});
        let at = maps.at(&namespace, object);
        clusters.wait(async { Ok(cluster.merge(&at, &patch).await?) }).expect("changed");
    };
    // What is ours says so by the version that moves with each write.
    let writes = || {
        let all = clusters.wait(cluster.list(&maps, Some(&namespace), "lockgate.dev/release")).expect("a list");
        let version = |o: &Value| o.pointer("/metadata/resourceVersion")?.as_str()?.parse::<usize>().ok();
        all.iter().filter_map(version).max().unwrap_or(0)
    };
    let kept = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        keeps_its_promises(&clusters, &target, &meddle, &writes);
        // What is deployed under one name cannot be deployed under another.
        clusters.deploy(&Deployment::of(&target, &bundle("app", &[]))).result.expect("gone");
        one_release_an_object(&clusters, &target);
        tells_what_it_would_do(&clusters, &target, &meddle);
        let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign"}});
        let at = maps.at(&namespace, "foreign");
        clusters
            .wait(async { Ok(cluster.apply(&at, &foreign, Applying::default()).await?) })
            .expect("made by somebody else");
        let error = clusters.rehearse(&target, &bundle("tour", &[("foreign", "1")]), &[]).expect_err("not ours");
        assert!(error.message.starts_with("ConfigMap/foreign is there already"), "{error}");
    }));
    let at = Resource::known("v1", "Namespace", "namespaces", false).at("", &namespace);
    clusters.wait(cluster.delete(&at, None)).expect("gone");
    if let Err(fault) = kept {
        std::panic::resume_unwind(fault);
    }
}

/// Two releases cannot have the same object in a cluster, as they can in folders of their own.
#[cfg(feature = "kubernetes")]
fn one_release_an_object(places: &dyn Places, target: &Target) {
    let deploy = |bundle: &Bundle| places.deploy(&Deployment::of(target, bundle)).result;
    deploy(&bundle("first", &[("mine", "1")])).expect("deployed");
    let error = deploy(&bundle("second", &[("mine", "1"), ("other", "1")])).expect_err("it is another's");
    assert!(error.message.contains("belongs to release"), "{error}");
    let rehearsed = places.rehearse(target, &bundle("second", &[("other", "1")]), &[]).expect("a rehearsal");
    assert_eq!(rehearsed.objects[0].before, None, "nothing is done where something is refused");
    deploy(&bundle("first", &[])).expect("gone");
}
