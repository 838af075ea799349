//! Layouts as other tools write them, and the many ways in which one can be wrong.

use super::*;
use crate::image::manifest::{Descriptor, Manifest};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Layers by their digests.
struct Made(Vec<Vec<u8>>);

impl crate::ports::images::Blobs for Made {
    fn write(&self, digest: Digest, out: &mut dyn std::io::Write) -> Result<bool, PortError> {
        match self.0.iter().find(|bytes| Digest::of(bytes) == digest) {
            Some(bytes) => {
                out.write_all(bytes).map(|()| true).map_err(|e| PortError::new(Fault::Unavailable, e.to_string()))
            }
            None => Ok(false),
        }
    }
}

/// An image with these layers.
fn image(layers: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let ids: Vec<String> = layers.iter().map(|layer| format!("\"{}\"", Digest::of(layer))).collect();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    );
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(manifest::MANIFEST.into()),
        config: Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64),
        layers: layers.iter().map(|l| Descriptor::new(manifest::LAYER, Digest::of(l), l.len() as u64)).collect(),
        annotations: Default::default(),
    };
    (serde_json::to_vec(&manifest).unwrap(), config.into_bytes())
}

fn push(path: &Path, layers: &[&str], made: &[&str], tags: &[&str], from: &[&Path]) -> Result<Digest, PortError> {
    let (manifest, config) = image(layers);
    let tags: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
    Layouts.push(&Push {
        target: &at(path),
        tags: &tags,
        manifest: &manifest,
        config: &config,
        blobs: &Made(made.iter().map(|layer| layer.as_bytes().to_vec()).collect()),
        from: &from.iter().map(|path| at(path)).collect::<Vec<_>>(),
    })
}

fn at(path: &Path) -> Repository {
    Repository::layout(path.to_string_lossy())
}

fn temporary() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layout");
    (folder, path)
}

/// Every file with its content and the moment it was last written.
fn snapshot(path: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.clone(), fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_push_is_read_back() {
    let (_keep, path) = temporary();
    assert_eq!(Layouts.exists(&at(&path), Digest::of("")), Ok(false));
    let digest = push(&path, &["one", "two"], &["one", "two"], &["1.0", "latest"], &[]).unwrap();
    assert_eq!(Layouts.tags(&at(&path)).unwrap(), ["1.0", "latest"]);
    assert_eq!(Layouts.resolve(&at(&path), "1.*"), Ok(Resolved { tag: Some("1.0".into()), digest }));
    assert_eq!(Layouts.resolve(&at(&path), &digest.to_string()), Ok(Resolved { tag: None, digest }));
    let fetched = Layouts.fetch(&at(&path), digest, &Platform::default()).unwrap();
    assert_eq!((fetched.digest, &*fetched.manifest), (digest, &*image(&["one", "two"]).0));
    let mut text = String::new();
    Layouts.blob(&at(&path), Digest::of("two"), 3).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "two");
    assert_eq!(Layouts.exists(&at(&path), digest), Ok(true));
}

#[test]
fn the_same_push_again_changes_nothing() {
    let (_keep, path) = temporary();
    push(&path, &["one"], &["one"], &["1"], &[]).unwrap();
    let before = snapshot(&path);
    push(&path, &["one"], &["one"], &["1"], &[]).unwrap();
    push(&path, &["one"], &["one"], &[], &[]).unwrap();
    assert_eq!(snapshot(&path), before);
}

#[test]
fn tags_move_and_digests_stay() {
    let (_keep, path) = temporary();
    let first = push(&path, &["one"], &["one"], &["a", "b"], &[]).unwrap();
    let second = push(&path, &["two"], &["two"], &["a"], &[]).unwrap();
    let of = |tag: &str| Layouts.resolve(&at(&path), tag).unwrap().digest;
    assert_eq!((of("a"), of("b")), (second, first));
    push(&path, &["two"], &["two"], &["b"], &[]).unwrap();
    assert_eq!((of("a"), of("b")), (second, second));
    assert_eq!(Layouts.exists(&at(&path), first), Ok(true));
    let index = Folder::open(&path).unwrap().index().unwrap();
    assert_eq!(index.manifests.len(), 3);
    let none = push(&path, &["none"], &["none"], &[], &[]).unwrap();
    assert_eq!(Layouts.exists(&at(&path), none), Ok(true));
}

#[test]
fn base_layers_come_from_other_layouts_or_stay_away() {
    let (_keep, base) = temporary();
    let (_keep_too, target) = temporary();
    push(&base, &["one"], &["one"], &["1"], &[]).unwrap();
    push(&target, &["one", "two", "absent"], &["two"], &["1"], &[&base]).unwrap();
    let folder = Folder::open(&target).unwrap();
    let has = ["one", "two", "absent"].map(|layer| folder.has(Digest::of(layer)));
    assert_eq!(has, [true, true, false]);
    let missing = Layouts.blob(&at(&target), Digest::of("absent"), 6).err().map(|e| e.fault);
    assert_eq!(missing, Some(Fault::NotFound));
}

#[test]
fn a_damaged_layer_is_not_taken() {
    let (_keep, base) = temporary();
    let (_keep_too, target) = temporary();
    push(&base, &["one"], &["one"], &["1"], &[]).unwrap();
    fs::write(Folder::open(&base).unwrap().blob_path(Digest::of("one")), "0ne").unwrap();
    let error = push(&target, &["one"], &[], &["1"], &[&base]).unwrap_err();
    assert!(error.message.contains("is damaged"), "{error}");
    assert_eq!(Layouts.tags(&at(&target)), Ok(Vec::new()));
    let mut blob = Layouts.blob(&at(&base), Digest::of("one"), 3).unwrap();
    assert!(std::io::copy(&mut blob, &mut std::io::sink()).is_err());
    assert!(Layouts.blob(&at(&base), Digest::of("one"), 4).is_err());
}

#[test]
fn what_was_cut_off_is_swept_away() {
    let (_keep, path) = temporary();
    push(&path, &["one"], &["one"], &["1"], &[]).unwrap();
    fs::write(path.join(".lockgate-left"), "half").unwrap();
    push(&path, &["two"], &["two"], &["2"], &[]).unwrap();
    assert!(!path.join(".lockgate-left").exists());
}

#[test]
fn writers_wait_for_each_other() {
    let (_keep, path) = temporary();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let layer = format!("layer {n}");
                push(path, &[&layer], &[&layer], &[&n.to_string(), "latest"], &[]).unwrap();
            });
        }
    });
    assert_eq!(Layouts.tags(&at(&path)).unwrap().len(), 9);
}

#[test]
fn the_head_of_a_source() {
    let (_keep, path) = temporary();
    push(&path, &["one"], &["one"], &["1.0"], &[]).unwrap();
    let digest = push(&path, &["two"], &["two"], &["1.10"], &[]).unwrap();
    let repository = path.to_string_lossy().into_owned();
    let origin =
        Origin::Image { repository, layout: true, tag: "1.*".into(), newest: Default::default(), plain: false };
    let query = HeadQuery { origin, paths: vec![], ignore: vec![], last: None, credentials: None };
    let head = Layouts.head(&query).unwrap();
    let expected = Version { id: digest.to_string(), name: Some("1.10".into()), content: digest };
    assert_eq!(head.version, expected);
}

#[test]
fn images_of_several_platforms() {
    let (_keep, path) = temporary();
    let digest = push(&path, &["one"], &["one"], &[], &[]).unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{digest}","size":1,"platform":{{"os":"linux","architecture":"arm64"}}}}]}}"#,
        manifest::MANIFEST
    );
    let outer = Digest::of(&index);
    fs::write(Folder::open(&path).unwrap().blob_path(outer), &index).unwrap();
    let fetch = |platform: &str| Layouts.fetch(&at(&path), outer, &platform.parse().unwrap());
    assert_eq!(fetch("linux/arm64").unwrap().digest, digest);
    let error = fetch("linux/amd64").unwrap_err();
    assert_eq!((error.fault, error.help.as_deref()), (Fault::NotFound, Some("it has images for linux/arm64")));
}

#[test]
fn bad_layouts_name_the_file() {
    let (_keep, path) = temporary();
    push(&path, &["one"], &["one"], &["1"], &[]).unwrap();
    let good = fs::read(path.join("index.json")).unwrap();
    let twice = String::from_utf8(good.clone()).unwrap();
    let entry = twice.split_once('[').unwrap().1.rsplit_once(']').unwrap().0.to_string();
    let other = entry.replace(&Digest::of(image(&["one"]).0).to_string(), &Digest::of("x").to_string());
    let twice = twice.replace(&entry, &format!("{entry},{other}"));
    for (file, content, expected) in [
        ("oci-layout", "{", "oci-layout` is not as it should be"),
        ("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#, "oci-layout` says version 2.0.0"),
        ("index.json", "[]", "index.json` is not as it should be"),
        ("index.json", r#"{"schemaVersion":2,"config":1}"#, "index.json` is not as it should be"),
        ("index.json", &twice, "gives the tag `1` to 2 images"),
    ] {
        let before = fs::read(path.join(file)).unwrap();
        fs::write(path.join(file), content).unwrap();
        let error = Layouts.resolve(&at(&path), "1").unwrap_err();
        assert!(error.message.contains(expected), "{file} {content}: {error}");
        fs::write(path.join(file), before).unwrap();
    }
    let resolve = |path: &Path, tag: &str| Layouts.resolve(&at(path), tag).unwrap_err();
    assert!(resolve(&path, "2").help.unwrap().contains("it has `1`"));
    assert_eq!(resolve(&path, "^").fault, Fault::Invalid);
    assert_eq!(resolve(&path.join("none"), "1").fault, Fault::NotFound);
    assert!(resolve(&path.join("index.json"), "1").message.contains("is a file"));
    assert!(resolve(path.parent().unwrap(), "1").message.contains("no OCI layout"));
    fs::remove_file(path.join("index.json")).unwrap();
    assert!(resolve(&path, "1").message.contains("index.json` does not exist"));
}

#[test]
fn other_folders_are_left_alone() {
    let (_keep, path) = temporary();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "x").unwrap();
    let error = push(&path, &[], &[], &["1"], &[]).unwrap_err();
    assert!(error.message.contains("neither empty nor an OCI layout"));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    assert!(push(&path.join("mine"), &[], &[], &["1"], &[]).is_err());
}

#[test]
fn what_nobody_names_goes_with_the_layers_that_are_of_no_other() {
    let (_keep, path) = temporary();
    let long_ago = std::time::UNIX_EPOCH;
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    assert_eq!(prune(&path, &|_| false, later, false), Ok(Gone::default()), "there is no layout");
    let named = push(&path, &["base", "one"], &["base", "one"], &["1"], &[]).unwrap();
    let other = push(&path, &["base", "two"], &["base", "two"], &["2"], &[]).unwrap();
    let before = snapshot(&path);
    let is_named = |digest| digest == named;
    assert_eq!(prune(&path, &is_named, long_ago, false), Ok(Gone::default()), "nothing is old enough");
    let told = prune(&path, &is_named, later, true).unwrap();
    assert_eq!(snapshot(&path), before, "it was only told");
    let (manifest, config) = image(&["base", "two"]);
    assert_eq!(told, Gone { images: 1, bytes: (manifest.len() + config.len() + 3) as u64 });
    assert_eq!(prune(&path, &is_named, later, false), Ok(told));
    assert_eq!((Layouts.exists(&at(&path), named), Layouts.exists(&at(&path), other)), (Ok(true), Ok(false)));
    assert_eq!(Layouts.tags(&at(&path)).unwrap(), ["1"]);
    for (layer, is_there) in [("base", true), ("one", true), ("two", false)] {
        assert_eq!(Folder::open(&path).unwrap().has(Digest::of(layer)), is_there, "{layer}");
    }
    // It comes again as any other.
    assert_eq!(push(&path, &["base", "two"], &["two"], &["2"], &[]), Ok(other));
    assert_eq!(prune(&path, &is_named, later, false).map(|gone| gone.images), Ok(1));
    assert_eq!(prune(&path, &is_named, later, false), Ok(Gone::default()));
}
