//! Builds without a daemon, from files to a layout folder and back, through the library's doors.

use lockgate::adapters::layout::Layouts;
use lockgate::digest::Digest;
use lockgate::image::{self, Base, Context, Image, LayerCache, Request, Tree, TreeCache};
use lockgate::ports::files::{Entry, Files, Listing, MemoryFiles, Mode};
use lockgate::ports::images::{Blobs, Images, Platform, Push, Repository};
use lockgate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

fn files(entries: &[(&str, &str)]) -> MemoryFiles {
    let mut files = MemoryFiles::default();
    for (path, content) in entries {
        files.add(*path, Mode::File, content.as_bytes());
    }
    files
}

fn at(path: &Path) -> Repository {
    Repository::layout(path.to_string_lossy())
}

/// Keeps nothing.
struct Nothing;

impl TreeCache for Nothing {
    fn get(&self, _: Digest) -> Option<Arc<Tree>> {
        None
    }
    fn put(&self, _: Digest, _: &Arc<Tree>) {}
}

impl LayerCache for Nothing {
    fn get(&self, _: Digest) -> Option<image::LayerInfo> {
        None
    }
    fn put(&self, _: Digest, _: image::LayerInfo) {}
}

/// Plans a build, its bases being tags of one layout; pushes it when there is somewhere to push it to.
fn build(files: &dyn Files, base: &Path, target: Option<(&Path, &str)>) -> Result<Image, Vec<PortError>> {
    let one = |error: PortError| vec![error];
    let context = Context::open(files, "app", None).map_err(one)?;
    let dockerfile = context.dockerfile()?;
    let args = BTreeMap::from([("BASE".to_string(), "1.*".to_string())]);
    let labels = BTreeMap::from([("team".to_string(), "integration".to_string())]);
    let platform = Platform::default();
    let request =
        Request { context: &context, dockerfile: &dockerfile, args: &args, target: None, labels: &labels, platform };
    let mut bases = BTreeMap::new();
    for needed in image::bases(&request)? {
        let resolved = Layouts.resolve(&at(base), &needed.text).map_err(one)?;
        let fetched = Base::fetch(&Layouts, &at(base), resolved.digest, &needed.platform, &Nothing).map_err(one)?;
        bases.insert(needed.text, fetched);
    }
    let recipe = image::recipe(&request, &bases)?;
    let image = recipe.plan(&context, &Nothing).map_err(one)?;
    if let Some((path, tag)) = target {
        let pushed = Layouts.push(&Push {
            target: &at(path),
            tags: &[tag.to_string()],
            manifest: &image.manifest,
            config: &image.config,
            blobs: &recipe.blobs(&context, &image),
            from: &[at(base)],
        });
        assert_eq!(pushed.map_err(one)?, image.digest);
    }
    Ok(image)
}

const BASE: &[(&str, &str)] = &[
    ("app/Dockerfile", "FROM scratch\nCOPY rootfs/ /\nENV HOME=/home/app\nUSER 802\n"),
    ("app/rootfs/etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:802:803::/home/app:/bin/sh\n"),
    ("app/rootfs/home/app/.profile", ""),
];

const APP: &[(&str, &str)] = &[
    ("app/Dockerfile", "ARG BASE\nFROM $BASE\nCOPY --chown=app *.car $HOME/carbonapps/\n"),
    ("app/orders.car", "orders"),
    ("app/README.md", "text"),
    ("other/file", "text"),
];

#[test]
fn the_digest_is_known_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (base, target) = (folder.path().join("base"), folder.path().join("target"));
    build(&files(BASE), &base, Some((&base, "1.0"))).expect("the base builds");
    let planned = build(&files(APP), &base, None).expect("the image is planned");
    assert!(!target.exists());
    let built = build(&files(APP), &base, Some((&target, "v1"))).expect("the image is built");
    assert_eq!(built, planned);
    assert_eq!(Layouts.resolve(&at(&target), "v1").map(|found| found.digest), Ok(planned.digest));
    // The pushed layout has the base's layers too.
    let fetched = Layouts.fetch(&at(&target), planned.digest, &Platform::default()).expect("it is there");
    let manifest: serde_json::Value = serde_json::from_slice(&fetched.manifest).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 2);
    for layer in layers {
        let digest = layer["digest"].as_str().and_then(|text| text.parse().ok()).expect("a digest");
        let mut blob = Layouts.blob(&at(&target), digest, layer["size"].as_u64().expect("a size")).expect("a blob");
        std::io::copy(&mut blob, &mut std::io::sink()).expect("it is sound");
    }
}

#[test]
fn an_image_is_the_same_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base");
    let of_base = build(&files(BASE), &base, Some((&base, "1.0"))).expect("the base builds");
    let of_app = build(&files(APP), &base, None).expect("the image is planned");
    // A change of these is a change of every image that was ever built: it belongs into the changelog.
    assert_eq!((of_base.digest.short().as_str(), of_app.digest.short().as_str()), ("17d7d24e276b", "27da8861bf6f"));
}

#[test]
fn only_what_is_copied_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base");
    build(&files(BASE), &base, Some((&base, "1.0"))).expect("the base builds");
    let digest = |changes: &[(&str, &str)]| {
        let mut files = files(APP);
        for (path, content) in changes {
            files.add(*path, Mode::File, content.as_bytes());
        }
        build(&files, &base, None).expect("it builds").digest
    };
    let first = digest(&[]);
    assert_eq!(digest(&[("app/README.md", "new"), ("other/file", "new"), ("app/more.txt", "")]), first);
    assert_ne!(digest(&[("app/orders.car", "new")]), first);
    assert_ne!(digest(&[("app/new.car", "")]), first);
    // A new base under a tag that fits the rule is a new image.
    build(
        &files(&[("app/Dockerfile", "FROM scratch\nCOPY x /etc/passwd"), ("app/x", "app:x:1:1\n")]),
        &base,
        Some((&base, "1.1")),
    )
    .expect("it builds");
    assert_ne!(digest(&[]), first);
}

#[test]
fn bad_input_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base");
    build(&files(BASE), &base, Some((&base, "1.0"))).expect("the base builds");
    let link = |target: &str| {
        let mut files = files(&[("app/Dockerfile", "FROM scratch\nCOPY l /"), ("app/x", "")]);
        files.add("app/l", Mode::Link, target.as_bytes());
        files
    };
    let with = |text: &str| files(&[("app/Dockerfile", text), ("app/x", "")]);
    for (files, expected) in [
        (with("FROM scratch\nCOPPY x /"), "app/Dockerfile:2:1: `COPPY` is no instruction of a Dockerfile"),
        (with("FROM 1.0\nRUN make"), "app/Dockerfile:2:1: RUN cannot be done by this builder"),
        (with("FROM scratch\nCOPY y /"), "app/Dockerfile:2:6: `y` is not in the context"),
        (with("FROM scratch\nCOPY ../y /"), "app/Dockerfile:2:6: `../y` is outside of the context"),
        (with("FROM scratch\nCOPY /etc/passwd /"), "app/Dockerfile:2:6: `/etc/passwd` is not in the context"),
        (link("../other"), "app/Dockerfile:2:6: `l` leaves the context through the link `l`"),
        (link("/etc/passwd"), "app/Dockerfile:2:6: `l` leaves the context through the link `l`"),
        (with(""), "app/Dockerfile:1:1: there is no FROM, so there is no image"),
        (self::files(&[("app/x", "")]), "there is no Dockerfile `Dockerfile` in `app`"),
        (self::files(&[("x", "")]), "the context `app` is not in the source"),
    ] {
        let errors = build(&files, &base, None).expect_err(expected);
        assert_eq!(errors[0].to_string(), expected);
        assert!(errors[0].help.is_some(), "{expected} has no help");
    }
    let missing = build(&with("FROM 2.0"), &base, None).expect_err("there is no such tag");
    assert_eq!((missing[0].fault, missing[0].help.as_deref()), (Fault::NotFound, Some("it has `1.0`")));
}

/// Files that are there to be listed only.
struct Huge;

impl Files for Huge {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        let entry = |path: &str, size| Entry { path: path.into(), digest: Digest::of(path), size, mode: Mode::File };
        Ok(Arc::new(Listing::new(vec![entry("app/Dockerfile", 30), entry("app/huge", 2 << 30)])))
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        assert_eq!(path, "app/Dockerfile", "nothing else is read");
        Ok(Arc::from(&b"FROM scratch\nCOPY huge /\n"[..]))
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let errors = build(&Huge, Path::new("/none"), None).expect_err("it is too large");
    assert!(errors[0].to_string().starts_with("app/Dockerfile:2:1: `/huge` has 2147483648 bytes"), "{errors:?}");
}

/// Takes so many bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 =
            self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let files = files(BASE);
    let context = Context::open(&files, "app", None).expect("a context");
    let dockerfile = context.dockerfile().expect("a Dockerfile");
    let (args, labels) = (BTreeMap::new(), BTreeMap::new());
    let platform = Platform::default();
    let request =
        Request { context: &context, dockerfile: &dockerfile, args: &args, target: None, labels: &labels, platform };
    let recipe = image::recipe(&request, &BTreeMap::new()).expect("a recipe");
    let image = recipe.plan(&context, &Nothing).expect("a plan");
    let error = recipe.blobs(&context, &image).write(image.layers[0].digest, &mut Full(10)).expect_err("it is full");
    assert_eq!(error.fault, Fault::Unavailable);
}
