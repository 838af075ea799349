use super::dir::fuse;
use super::*;
use crate::ports::bundle::{Hook, Object};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

fn object(kind: &str, name: &str, text: &str) -> Object {
    Object {
        api_version: "v1".into(),
        kind: kind.into(),
        namespace: None,
        name: name.into(),
        template: String::new(),
        text: text.into(),
        body: serde_json::Value::Null,
    }
}

/// A bundle of config maps, and of hooks where the name begins with `hook`.
fn bundle(objects: &[(&str, &str)]) -> Bundle {
    let mut bundle =
        Bundle { release: "app".into(), namespace: "shop".into(), chart: "app-1.0.0".into(), ..Bundle::default() };
    for (name, text) in objects {
        let object = object("ConfigMap", name, text);
        if name.starts_with("hook") {
            bundle.hooks.push(Hook { object, events: vec!["post-install".into()], weight: 0, delete: Vec::new() });
        } else {
            bundle.objects.push(object);
        }
    }
    bundle
}

struct World {
    dir: TempDir,
    target: Target,
}

impl World {
    fn new() -> World {
        // In memory where that can be: the tests wait for the disk some thousand times otherwise.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
        let target = Target::Folder { path: dir.path().join("env/dev"), namespace: "shop".into() };
        World { dir, target }
    }

    fn deploy(&self, bundle: &Bundle) -> Result<(), PortError> {
        let candidate = Digest::of("candidate");
        let deployment = Deployment { candidate, candidate_name: "c-1", ..Deployment::of(&self.target, bundle) };
        FolderPlaces.deploy(&deployment).result
    }

    fn look(&self) -> Seen {
        FolderPlaces.look(&self.target, "app", None).expect("a look")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("env/dev").join(path)
    }

    /// All files below the target with what they hold.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.path("")).expect("below").display().to_string();
                    files.insert(name, fs::read_to_string(&path).unwrap_or_default());
                }
            }
        }
        files
    }

    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// Number and times of each file.
    fn stamps(&self) -> Vec<(String, u64, i64, i64)> {
        let stamp = |name: String| {
            let meta = fs::metadata(self.path(&name)).expect("there");
            (name, meta.ino(), meta.mtime(), meta.mtime_nsec())
        };
        self.names().into_iter().map(stamp).collect()
    }
}

#[test]
fn a_deploy_is_files_and_a_record() {
    let world = World::new();
    assert_eq!(world.look(), Seen::default());
    let one = bundle(&[("a", "kind: A"), ("hook", "kind: H\n\n")]);
    world.deploy(&one).expect("deployed");
    assert_eq!(world.names(), ["app/.lockgate.json", "app/configmap_a.yaml", "app/hooks/configmap_hook.yaml"]);
    assert_eq!(world.files()["app/configmap_a.yaml"], "kind: A\n");
    assert_eq!(world.files()["app/hooks/configmap_hook.yaml"], "kind: H\n");
    assert_eq!(world.look(), Seen { bundle: Some(one.digest()), drift: Vec::new() });
    let record: serde_json::Value = serde_json::from_str(&world.files()["app/.lockgate.json"]).expect("JSON");
    assert_eq!(record["release"], "app");
    assert_eq!(record["candidateName"], "c-1");
    assert_eq!(record["bundle"], one.digest().to_string());
    assert_eq!(record["files"]["configmap_a.yaml"]["object"], "ConfigMap/a");
    assert_eq!(record["files"]["configmap_a.yaml"]["digest"], Digest::of("kind: A\n").to_string());
}

#[test]
fn an_unchanged_deploy_touches_nothing() {
    let world = World::new();
    let one = bundle(&[("a", "1"), ("b", "2"), ("hook", "3")]);
    world.deploy(&one).expect("deployed");
    let before = world.stamps();
    world.deploy(&one).expect("deployed");
    assert_eq!(world.stamps(), before);
}

#[test]
fn only_what_differs_is_written_and_what_is_gone_is_removed() {
    let world = World::new();
    world.deploy(&bundle(&[("a", "1"), ("b", "2"), ("c", "3"), ("hook", "4")])).expect("deployed");
    fs::write(world.path("app/README.md"), "mine").expect("written");
    let before = world.stamps();
    world.deploy(&bundle(&[("a", "1"), ("b", "new")])).expect("deployed");
    let kept: BTreeSet<_> = world.stamps().into_iter().collect();
    let untouched: Vec<_> = before.iter().filter(|stamp| kept.contains(stamp)).map(|stamp| stamp.0.as_str()).collect();
    assert_eq!(untouched, ["app/README.md", "app/configmap_a.yaml"]);
    assert_eq!(world.names(), ["app/.lockgate.json", "app/README.md", "app/configmap_a.yaml", "app/configmap_b.yaml"]);
    assert!(!world.path("app/hooks").exists());
}

#[test]
fn drift_is_seen_and_put_right() {
    let world = World::new();
    let one = bundle(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.deploy(&one).expect("deployed");
    let clean = world.files();
    fs::write(world.path("app/configmap_a.yaml"), "changed").expect("written");
    fs::remove_file(world.path("app/configmap_b.yaml")).expect("removed");
    let drift = |name: &str, how: &str| (format!("ConfigMap/{name}"), how.to_string());
    let expected = vec![drift("a", "was changed by hand"), drift("b", "is missing")];
    assert_eq!(world.look(), Seen { bundle: Some(one.digest()), drift: expected });
    world.deploy(&one).expect("deployed");
    assert_eq!((world.files(), world.look().drift), (clean, Vec::new()));
}

#[test]
fn nothing_to_deploy_takes_the_release_away() {
    let world = World::new();
    world.deploy(&bundle(&[])).expect("nothing is there");
    assert!(!world.path("").exists(), "and nothing is made");
    world.deploy(&bundle(&[("a", "1"), ("hook", "2")])).expect("deployed");
    fs::write(world.path("app/README.md"), "mine").expect("written");
    world.deploy(&bundle(&[])).expect("removed");
    assert_eq!(world.names(), ["app/README.md"]);
    assert_eq!(world.look(), Seen::default());
    fs::remove_file(world.path("app/README.md")).expect("removed");
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    world.deploy(&bundle(&[])).expect("removed");
    assert!(!world.path("app").exists());
}

#[test]
fn releases_do_not_touch_each_other() {
    let world = World::new();
    let other = Bundle { release: "other".into(), ..bundle(&[("a", "2")]) };
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    world.deploy(&other).expect("deployed");
    world.deploy(&bundle(&[])).expect("removed");
    assert_eq!(world.names(), ["other/.lockgate.json", "other/configmap_a.yaml"]);
}

#[test]
fn what_is_not_ours_is_in_the_way_and_stays() {
    let world = World::new();
    fs::create_dir_all(world.path("app")).expect("made");
    fs::write(world.path("app/configmap_b.yaml"), "mine").expect("written");
    let error = world.deploy(&bundle(&[("a", "1"), ("b", "2")])).expect_err("in the way");
    let shown = world.path("app/configmap_b.yaml");
    assert_eq!(error.message, format!("`{}` is in the way: it is a file, and not from Lockgate", shown.display()));
    assert_eq!(world.names(), ["app/configmap_b.yaml"], "nothing was written");
    // One that holds just what is deployed is in nobody's way.
    world.deploy(&bundle(&[("b", "mine")])).expect_err("no line end");
    fs::write(&shown, "2\n").expect("written");
    world.deploy(&bundle(&[("b", "2")])).expect("deployed");
    fs::remove_file(&shown).expect("removed");
    fs::create_dir(&shown).expect("made");
    assert!(world.deploy(&bundle(&[("b", "2")])).expect_err("a folder").message.contains("it is a folder"));
    // Nor is it removed.
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    assert!(shown.is_dir());
}

#[test]
fn links_lead_nowhere() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("configmap_a.yaml"), "theirs").expect("written");
    let theirs = || fs::read_dir(outside.path()).expect("a folder").count();
    for sub in ["app", "app/hooks"] {
        let world = World::new();
        fs::create_dir_all(world.path(sub).parent().expect("a parent")).expect("made");
        symlink(outside.path(), world.path(sub)).expect("linked");
        for objects in [&[("a", "1"), ("hook", "2")][..], &[]] {
            let error = world.deploy(&bundle(objects)).expect_err("a link");
            assert!(error.message.contains("it is a link"), "{error}");
        }
        assert!(FolderPlaces.look(&world.target, "app", None).is_err());
        assert_eq!(theirs(), 1);
    }
    for file in ["app/configmap_a.yaml", "app/.lockgate.json", "app/.lockgate-unfinished.json"] {
        let world = World::new();
        world.deploy(&bundle(&[("a", "1")])).expect("deployed");
        let _ = fs::remove_file(world.path(file));
        symlink(outside.path().join("configmap_a.yaml"), world.path(file)).expect("linked");
        assert!(world.deploy(&bundle(&[("a", "2")])).expect_err("a link").message.contains("it is a link"));
        assert_eq!(fs::read_to_string(outside.path().join("configmap_a.yaml")).expect("read"), "theirs");
    }
}

#[test]
fn a_link_that_the_user_names_is_followed() {
    let world = World::new();
    let real = world.dir.path().join("real");
    fs::create_dir(&real).expect("made");
    fs::create_dir(world.dir.path().join("env")).expect("made");
    symlink(&real, world.path(""))
        .unwrap_or_else(|_| symlink(&real, world.dir.path().join("env/dev")).expect("linked"));
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    assert!(real.join("app/configmap_a.yaml").exists());
}

#[test]
fn a_record_that_cannot_be_trusted_is_an_error() {
    let record = |files: &str, version: u32| {
        format!(
            r#"{{"version":{version},"release":"app","chart":"","namespace":"","bundle":"{0}","candidate":"{0}","candidateName":"","files":{{{files}}}}}"#,
            Digest::of("")
        )
    };
    let escape = format!(r#""../../victim.yaml":{{"object":"x","digest":"{}"}}"#, Digest::of(""));
    for (content, words) in [
        ("{".to_string(), "cannot be read"),
        (record("", 2), "has version 2, and this Lockgate knows up to 1"),
        (record(&escape, 1), "names the file `../../victim.yaml`, which no Lockgate wrote"),
    ] {
        let world = World::new();
        fs::create_dir_all(world.path("app")).expect("made");
        fs::write(world.path("app/.lockgate.json"), &content).expect("written");
        fs::write(world.path("victim.yaml"), "").expect("written");
        for error in [
            FolderPlaces.look(&world.target, "app", None).expect_err(words),
            world.deploy(&bundle(&[("a", "1")])).expect_err(words),
            world.deploy(&bundle(&[])).expect_err(words),
        ] {
            assert!(error.message.contains(words), "{error}");
        }
        assert_eq!(world.names(), ["app/.lockgate.json", "victim.yaml"]);
    }
}

#[test]
fn names_of_releases_and_kinds_of_targets_are_checked() {
    let world = World::new();
    for release in ["", "..", "a/b", ".git"] {
        let wrong = Bundle { release: release.into(), ..bundle(&[("a", "1")]) };
        assert_eq!(world.deploy(&wrong).expect_err(release).fault, Fault::Invalid);
    }
    let cluster = Target::Cluster {
        context: "c".into(),
        namespace: "n".into(),
        create_namespace: false,
        pull_secret: None,
        adopt: false,
    };
    assert!(FolderPlaces.look(&cluster, "app", None).is_err());
    fs::remove_dir_all(world.path("")).expect("removed");
    fs::write(world.path(""), "").unwrap_or_else(|_| fs::write(world.dir.path().join("env/dev"), "").expect("written"));
    assert_eq!(world.deploy(&bundle(&[("a", "1")])).expect_err("a file").fault, Fault::Invalid);
}

#[test]
fn one_deploy_at_a_time() {
    let world = World::new();
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    let root = Dir::open(&world.path("")).expect("opened").expect("there");
    let other = Dir::open(&world.path("")).expect("opened").expect("there");
    let lock = other.lock().expect("locked");
    drop(other);
    assert_eq!(world.deploy(&bundle(&[("a", "2")])).expect_err("at work").fault, Fault::Unavailable);
    drop(lock);
    drop(root);
    world.deploy(&bundle(&[("a", "2")])).expect("deployed");
}

/// Stops a deploy before each of its changes, and deploys that bundle, the one before, or a third one after it.
#[test]
fn wherever_it_is_cut_off_the_next_deploy_repairs() {
    let (before, during) =
        (bundle(&[("a", "1"), ("b", "2"), ("hook", "3")]), bundle(&[("a", "new"), ("c", "4"), ("hook2", "5")]));
    let third = bundle(&[("d", "6")]);
    let empty = bundle(&[]);
    for (begin, cut_off) in [(&before, &during), (&empty, &during), (&before, &empty)] {
        for next in [cut_off, begin, &third] {
            let clean = World::new();
            clean.deploy(next).expect("deployed");
            let mut cuts = 0;
            loop {
                let world = World::new();
                world.deploy(begin).expect("deployed");
                fuse::set(cuts);
                let result = world.deploy(cut_off);
                fuse::set(usize::MAX);
                let seen = world.look();
                if result.is_err() && seen.bundle == Some(begin.digest()) && seen.drift.is_empty() {
                    // What isn't seen to be half done is not.
                    let names =
                        |world: &World| world.names().into_iter().filter(|n| n.ends_with(".yaml")).collect::<Vec<_>>();
                    let undisturbed = World::new();
                    undisturbed.deploy(begin).expect("deployed");
                    assert_eq!(names(&world), names(&undisturbed));
                }
                world.deploy(next).expect("repaired");
                assert_eq!(world.files(), clean.files(), "cut off before change {cuts}");
                if result.is_ok() {
                    break;
                }
                cuts += 1;
            }
            assert!(cuts > 3, "{cuts}");
        }
    }
}

#[test]
fn what_cannot_be_written_leaves_all_as_it_was() {
    let world = World::new();
    world.deploy(&bundle(&[("a", "1"), ("b", "2")])).expect("deployed");
    let before = world.stamps();
    // The second file does not get onto the disk any more.
    fuse::set(1);
    world.deploy(&bundle(&[("a", "new"), ("b", "new")])).expect_err("no room");
    fuse::set(usize::MAX);
    let left: Vec<_> = world.stamps().into_iter().filter(|stamp| !stamp.0.contains(disk::TEMPORARY)).collect();
    assert_eq!(left, before);
}
