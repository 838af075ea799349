//! Places.

use crate::adapters::fake::{Deed, FakeWorld};
use crate::adapters::place::FolderPlaces;
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::bundle::{Bundle, Object};
use crate::ports::places::{Deployment, Places, Seen, Target};

fn bundle(release: &str, objects: &[(&str, &str)]) -> Bundle {
    let object = |(name, text): &(&str, &str)| Object {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: None,
        name: name.to_string(),
        template: String::new(),
        text: text.to_string(),
        body: serde_json::Value::Null,
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
        let (digest, candidate) = (bundle.digest(), Digest::of("candidate"));
        places.deploy(&Deployment { target, bundle, digest, candidate, candidate_name: "c" })
    };
    let look = |release: &str| places.look(target, release, None).expect("a look");
    let clean = |bundle: &Bundle| Seen { bundle: Some(bundle.digest()), drift: Vec::new() };

    assert_eq!(look("app"), Seen::default());
    deploy(&bundle("app", &[])).expect("nothing goes where nothing is");
    assert_eq!((look("app"), writes()), (Seen::default(), 0));

    let (one, two) = (bundle("app", &[("a", "1"), ("b", "2")]), bundle("app", &[("a", "1"), ("c", "3")]));
    deploy(&one).expect("deployed");
    assert_eq!(look("app"), clean(&one));
    let before = writes();
    deploy(&one).expect("deployed again");
    assert_eq!(writes(), before, "what is there already is not written");
    deploy(&two).expect("deployed");
    assert_eq!(look("app"), clean(&two));
    assert!(writes() > before);

    let other = bundle("other", &[("a", "4")]);
    deploy(&other).expect("deployed");
    assert_eq!((look("app"), look("other")), (clean(&two), clean(&other)), "releases do not touch each other");

    meddle("app", "a");
    let seen = look("app");
    assert_eq!((seen.bundle, seen.drift.len()), (Some(two.digest()), 1));
    assert_eq!(seen.drift[0].0, "ConfigMap/a");
    assert_eq!(look("other"), clean(&other));
    let before = writes();
    deploy(&two).expect("deployed");
    assert_eq!(look("app"), clean(&two), "a deploy puts it right");
    assert!(writes() > before);

    deploy(&bundle("app", &[])).expect("taken away");
    assert_eq!((look("app"), look("other")), (Seen::default(), clean(&other)));
    deploy(&one).expect("deployed");
    assert_eq!(look("app"), clean(&one));
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

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    let target =
        Target::Cluster { context: "c".into(), namespace: "shop".into(), create_namespace: false, pull_secret: None };
    let meddle = |release: &str, object: &str| {
        world.places.meddle(&target, release, &format!("ConfigMap/{object}"), "was changed by hand");
    };
    keeps_its_promises(&*world.places, &target, &meddle, &|| world.ledger.of(Deed::Deploy).len());
}
