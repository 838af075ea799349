//! Dockerfiles from end to end: files in, the entries of layers and the configuration out, or errors with their places.

use super::archive::{self, Kind, Packing, tests::archive};
use super::config::{ImageConfig, Runtime};
use super::manifest::{self, Descriptor, Manifest};
use super::*;
use crate::digest::Digest;
use crate::ports::Fault;
use crate::ports::files::{MemoryFiles, Mode};
use crate::ports::images::{Blobs, Fetched, Platform};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tar::EntryType::{Directory, Link, Regular, Symlink};

type Errors = Vec<crate::ports::PortError>;

/// The context that the tests share.
fn files(dockerfile: &str) -> MemoryFiles {
    let mut files = MemoryFiles::default();
    files.add("Dockerfile", Mode::File, dockerfile.as_bytes());
    for path in ["a.car", "b.car", "conf/x.toml", "conf/deep/y.toml", "notes.md"] {
        files.add(path, Mode::File, path.as_bytes());
    }
    files.add("run.sh", Mode::Executable, *b"#!/bin/sh");
    files.add("conf/link", Mode::Link, *b"x.toml");
    files.add("to-conf", Mode::Link, *b"conf");
    files.add("out", Mode::Link, *b"../secret");
    files.add(".dockerignore", Mode::File, *b"*.md\n");
    let members =
        [("in/", Directory, ""), ("in/one", Regular, "1"), ("in/two", Link, "in/one"), ("in/three", Symlink, "one")];
    let chain = [("z", Regular, "1"), ("b", Link, "z"), ("a", Link, "b")];
    files.add("chain.tar", Mode::File, archive(&chain));
    files.add("some.tar", Mode::File, archive(&members));
    files
}

/// A base with users, a folder that is somebody's, and a link to a folder.
fn base() -> Base {
    let layer = archive(&[
        ("etc/", Directory, ""),
        ("etc/passwd", Regular, "root:x:0:0::/:\napp:x:802:803::/:\n"),
        ("etc/group", Regular, "wso2:x:804:\n"),
        ("home/", Directory, ""),
        ("home/app/", Directory, ""),
        ("usr/", Directory, ""),
        ("usr/bin/", Directory, ""),
        ("bin", Symlink, "usr/bin"),
    ]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","docker_version":"1","config":{{"Env":["PATH=/bin","HOME=/home/app"],"WorkingDir":"/home/app","Cmd":["old"],"User":"app"}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::of(&layer)
    );
    let layers = vec![Descriptor::new(manifest::DOCKER_LAYER_TAR, Digest::of(&layer), layer.len() as u64)];
    let config_descriptor = Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64);
    let media_type = Some(manifest::DOCKER_MANIFEST.to_string());
    let annotations = BTreeMap::new();
    let manifest = Manifest { schema_version: 2, media_type, config: config_descriptor, layers, annotations };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let mut tree = Tree::default();
    tree.add_layer("the layer", layer.as_slice()).unwrap();
    let fetched =
        Fetched { digest: Digest::of(&manifest), manifest: manifest.into(), config: config.into_bytes().into() };
    Base::new(&fetched, Some(Arc::new(tree))).unwrap()
}

/// What a build is asked for besides its files.
#[derive(Default)]
struct Asked<'a> {
    args: &'a [(&'a str, &'a str)],
    target: Option<&'a str>,
    labels: &'a [(&'a str, &'a str)],
}

fn with<T>(files: &MemoryFiles, asked: &Asked<'_>, then: impl FnOnce(&Request<'_>) -> T) -> Result<T, Errors> {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let context = Context::open(files, "", None).map_err(|error| vec![error])?;
    let dockerfile = context.dockerfile()?;
    let (args, labels) = (owned(asked.args), owned(asked.labels));
    let request = Request {
        context: &context,
        dockerfile: &dockerfile,
        args: &args,
        target: asked.target,
        labels: &labels,
        platform: Platform::default(),
    };
    Ok(then(&request))
}

fn bases_at_hand() -> BTreeMap<String, Base> {
    BTreeMap::from([("base:1".to_string(), base())])
}

/// The recipe, and its layers as lines: what, path, permissions, owner, content.
fn build(files: &MemoryFiles, asked: &Asked<'_>) -> Result<(Recipe, Image, Vec<Vec<String>>), Errors> {
    with(files, asked, |request| {
        let recipe = recipe(request, &bases_at_hand())?;
        let image = recipe.plan(request.context, &()).map_err(|error| vec![error])?;
        let blobs = recipe.blobs(request.context, &image);
        let unpacked = image.layers.iter().map(|layer| {
            let mut bytes = Vec::new();
            assert!(blobs.write(layer.digest, &mut bytes).unwrap());
            assert_eq!(Digest::of(&bytes), layer.digest);
            lines(&bytes)
        });
        let layers = unpacked.collect();
        Ok((recipe.clone(), image, layers))
    })?
}

fn lines(layer: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let reader = archive::open(Packing::Gzip, layer).unwrap();
    archive::walk("layer", reader, 1 << 30, &mut |member, content| {
        let (path, mode) = (&member.path, member.mode);
        let owner =
            if (member.uid, member.gid) == (0, 0) { String::new() } else { format!(" {}:{}", member.uid, member.gid) };
        let mut text = String::new();
        content.read_to_string(&mut text).unwrap();
        lines.push(match member.kind {
            Kind::Folder => format!("{path}/ {mode:o}{owner}"),
            Kind::File => format!("{path} {mode:o}{owner} = {text}"),
            Kind::Link(target) => format!("{path} -> {target}{owner}"),
            Kind::Hard(target) => format!("{path} => {target}{owner}"),
            Kind::Special => format!("{path} ?"),
        });
        Ok(())
    })
    .unwrap();
    lines
}

/// The entries of all layers of a Dockerfile.
fn entries(dockerfile: &str) -> Vec<String> {
    match build(&files(dockerfile), &Asked::default()) {
        Ok((_, _, layers)) => layers.concat(),
        Err(errors) => panic!("{dockerfile}: {errors:#?}"),
    }
}

/// The first error of a Dockerfile.
fn error(dockerfile: &str) -> String {
    match build(&files(dockerfile), &Asked::default()) {
        Ok(_) => panic!("{dockerfile}: builds"),
        Err(errors) => errors[0].to_string(),
    }
}

fn config(dockerfile: &str, asked: &Asked<'_>) -> (ImageConfig, Runtime) {
    let (_, image, _) = build(&files(dockerfile), asked).unwrap_or_else(|errors| panic!("{dockerfile}: {errors:#?}"));
    let config: ImageConfig = serde_json::from_slice(&image.config).unwrap();
    let runtime = config.config.clone().unwrap();
    (config, runtime)
}

#[test]
fn what_is_copied_where() {
    let from = "FROM scratch\n";
    for (dockerfile, expected) in [
        ("COPY a.car /x", vec!["x 644 = a.car"]),
        ("COPY a.car /x/", vec!["x/ 755", "x/a.car 644 = a.car"]),
        ("COPY a.car .", vec!["a.car 644 = a.car"]),
        ("COPY run.sh /bin/", vec!["bin/ 755", "bin/run.sh 755 = #!/bin/sh"]),
        ("COPY /a.car ./b.car /x/", vec!["x/ 755", "x/a.car 644 = a.car", "x/b.car 644 = b.car"]),
        ("COPY *.car /x/", vec!["x/ 755", "x/a.car 644 = a.car", "x/b.car 644 = b.car"]),
        ("COPY [\"a.car\", \"/a b/\"]", vec!["a b/ 755", "a b/a.car 644 = a.car"]),
        (
            "COPY conf /etc/c",
            vec![
                "etc/ 755",
                "etc/c/ 755",
                "etc/c/deep/ 755",
                "etc/c/deep/y.toml 644 = conf/deep/y.toml",
                "etc/c/link -> x.toml",
                "etc/c/x.toml 644 = conf/x.toml",
            ],
        ),
        (
            "COPY conf/* /c/",
            vec!["c/ 755", "c/link 644 = conf/x.toml", "c/x.toml 644 = conf/x.toml", "c/y.toml 644 = conf/deep/y.toml"],
        ),
        ("COPY to-conf/?.toml /", vec!["x.toml 644 = conf/x.toml"]),
        ("COPY to-conf/x.toml /", vec!["x.toml 644 = conf/x.toml"]),
        ("COPY to-conf/deep /d", vec!["d/ 755", "d/y.toml 644 = conf/deep/y.toml"]),
        ("COPY conf/link /l", vec!["l 644 = conf/x.toml"]),
        ("COPY --chown=5:6 --chmod=700 conf/deep /d", vec!["d/ 755 5:6", "d/y.toml 700 5:6 = conf/deep/y.toml"]),
        (
            "COPY <<EOF /x\na $PATH \"q\"\nEOF",
            vec!["x 644 = a /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \"q\"\n"],
        ),
        ("COPY <<'E' <<F /d/\n$PATH\nE\nF", vec!["d/ 755", "d/E 644 = $PATH\n", "d/F 644 = "]),
        (
            "WORKDIR /w/x\nCOPY a.car y/",
            vec!["w/ 755", "w/x/ 755", "w/ 755", "w/x/ 755", "w/x/y/ 755", "w/x/y/a.car 644 = a.car"],
        ),
        (
            "WORKDIR /w\nWORKDIR x\nWORKDIR ..\nCOPY a.car .",
            vec!["w/ 755", "w/ 755", "w/x/ 755", "w/ 755", "w/a.car 644 = a.car"],
        ),
        ("COPY a.car /x/\nCOPY b.car /x", vec!["x/ 755", "x/a.car 644 = a.car", "x/ 755", "x/b.car 644 = b.car"]),
        ("ARG D=/d\nENV E=$D/e\nCOPY a.car ${E}/", vec!["d/ 755", "d/e/ 755", "d/e/a.car 644 = a.car"]),
        ("ADD a.car /x", vec!["x 644 = a.car"]),
        (
            "ADD some.tar /t",
            vec![
                "t/ 755",
                "t/in/ 750 7:8",
                "t/in/three -> one 7:8",
                "t/in/one 640 7:8 = 1",
                "t/in/two => t/in/one 7:8",
            ],
        ),
        (
            "ADD --chown=1 some.tar /",
            vec!["in/ 750 1:1", "in/three -> one 1:1", "in/one 640 1:1 = 1", "in/two => in/one 1:1"],
        ),
        ("ADD chain.tar /", vec!["z 640 7:8 = 1", "a => z 7:8", "b => z 7:8"]),
        ("ENV A=1", vec![]),
    ] {
        assert_eq!(entries(&format!("{from}{dockerfile}")), expected, "{dockerfile}");
    }
}

#[test]
fn on_top_of_a_base() {
    let from = "FROM base:1\n";
    for (dockerfile, expected) in [
        // Folders of the base keep their owners.
        (
            "COPY a.car /home/app/x/",
            vec!["home/ 750 7:8", "home/app/ 750 7:8", "home/app/x/ 755", "home/app/x/a.car 644 = a.car"],
        ),
        // The base's working directory and environment count.
        ("COPY a.car x", vec!["home/ 750 7:8", "home/app/ 750 7:8", "home/app/x 644 = a.car"]),
        ("COPY a.car $HOME", vec!["home/ 750 7:8", "home/app/ 750 7:8", "home/app/a.car 644 = a.car"]),
        // Links of the base are followed and not hidden.
        ("COPY run.sh /bin/", vec!["usr/ 750 7:8", "usr/bin/ 750 7:8", "usr/bin/run.sh 755 = #!/bin/sh"]),
        ("COPY --chown=app a.car /x", vec!["x 644 802:803 = a.car"]),
        ("COPY --chown=app:wso2 a.car /x", vec!["x 644 802:804 = a.car"]),
        ("WORKDIR /home/app", vec![]),
        ("WORKDIR new", vec!["home/ 750 7:8", "home/app/ 750 7:8", "home/app/new/ 755"]),
    ] {
        assert_eq!(entries(&format!("{from}{dockerfile}")), expected, "{dockerfile}");
    }
}

#[test]
fn stages() {
    let copy = "FROM scratch AS one\nCOPY --chown=1:2 conf /c\nFROM scratch\nCOPY --from=one /c/deep /d\nCOPY --from=0 /c/x.toml /x";
    let expected = ["d/ 755", "d/y.toml 644 1:2 = conf/deep/y.toml", "x 644 1:2 = conf/x.toml"];
    assert_eq!(entries(copy), expected);
    let on_top = "FROM base:1 AS one\nCOPY a.car /x\nFROM one\nCOPY b.car /y";
    assert_eq!(entries(on_top), ["x 644 = a.car", "y 644 = b.car"]);
    // What the target does not need is not built, not even when it could not be.
    let unused = "FROM none:1 AS one\nCOPY nothing /\nFROM scratch\nCOPY a.car /x";
    assert_eq!(entries(unused), ["x 644 = a.car"]);
    let asked = Asked { target: Some("one"), ..Asked::default() };
    let (_, _, layers) = build(&files("FROM scratch AS one\nCOPY a.car /x\nFROM scratch"), &asked).unwrap();
    assert_eq!(layers.concat(), ["x 644 = a.car"]);
    let matched = "FROM scratch AS t\nCOPY conf /c\nFROM scratch\nCOPY --from=t /c/*.toml /x/";
    assert_eq!(entries(matched), ["x/ 755", "x/x.toml 644 = conf/x.toml"]);
    let chain = "FROM scratch AS t\nADD some.tar /\nFROM scratch\nCOPY --from=t /in/two /in/one /x/";
    assert_eq!(entries(chain), ["x/ 755", "x/one 640 7:8 = 1", "x/two => x/one 7:8"]);
}

#[test]
fn errors_have_places() {
    for (dockerfile, expected) in [
        ("COPY nothing /", "Dockerfile:2:6: `nothing` is not in the context"),
        ("COPY a.car \\\n  c.car /x/", "Dockerfile:3:3: `c.car` is not in the context"),
        ("COPY ../secret /", "Dockerfile:2:6: `../secret` is outside of the context"),
        ("COPY /../secret /", "Dockerfile:2:6: `/../secret` is outside of the context"),
        ("COPY ../* /", "Dockerfile:2:6: `../*` is outside of the context"),
        ("COPY out /", "Dockerfile:2:6: `out` leaves the context through the link `out`"),
        ("COPY notes.md /", "Dockerfile:2:6: `notes.md` is taken out of the context by the ignore file"),
        ("COPY *.md /", "Dockerfile:2:6: nothing matches `*.md`"),
        ("COPY [ab /x", "Dockerfile:2:6: `[ab` is no pattern: a `[` has no `]`"),
        ("COPY a.car b.car /x", "Dockerfile:2:18: `/x` takes in 2 sources but is not said to be a folder"),
        ("COPY *.car /x", "Dockerfile:2:12: `/x` takes in 2 sources but is not said to be a folder"),
        ("COPY --chown=app a.car /", "Dockerfile:2:14: the image's /etc/passwd has no user `app`"),
        ("COPY --chmod=x a.car /", "Dockerfile:2:14: `x` is no set of permissions"),
        ("COPY --from=x a /", "Dockerfile:2:13: `x` is no earlier stage"),
        ("COPY $NONE /", "Dockerfile:2:6: `$NONE` comes to nothing"),
        ("COPY ${A /", "Dockerfile:2:6: a `${` has no `}`"),
        (
            "ADD https://example.com/x /",
            "Dockerfile:2:5: `https://example.com/x` is not a file of the context; nothing is fetched while building",
        ),
        ("COPY a.car /x\nCOPY b.car /x/", "Dockerfile:3:6: `/x` is a file, so nothing can be put into it"),
        (
            "COPY a.car /conf/x.toml/y\nCOPY conf /conf",
            "Dockerfile:3:6: `/conf/x.toml` is a folder, and a file would replace it",
        ),
        ("WORKDIR $NONE", "Dockerfile:2:9: `$NONE` comes to nothing"),
        ("EXPOSE 80:80", "Dockerfile:2:8: `80:80` is no port"),
        ("EXPOSE 70000", "Dockerfile:2:8: `70000` is no port"),
        ("LABEL a=\"x", "Dockerfile:2:9: a \" is never closed"),
        ("FROM $NONE", "Dockerfile:2:6: `$NONE` comes to nothing, so FROM names no image"),
        ("FROM none:1", "Dockerfile:2:6: the base image `none:1` is not at hand"),
        ("FROM --platform=x base:1", "Dockerfile:2:17: `x` is not a platform"),
        (
            "FROM base:1 AS b\nFROM scratch\nCOPY --from=b /etc/passwd /",
            "Dockerfile:4:15: `/etc/passwd` may come from the stage's base image, whose files are not at hand",
        ),
        (
            "FROM base:1 AS b\nFROM scratch\nCOPY --from=b /etc/pass* /",
            "Dockerfile:4:15: `/etc/pass*` may come from the stage's base image, whose files are not at hand",
        ),
        ("FROM scratch\nCOPY --from=0 /none /", "Dockerfile:3:15: the stage has no `/none`"),
    ] {
        assert_eq!(error(&format!("FROM scratch\n{dockerfile}")), expected, "{dockerfile}");
    }
    let doubling: String = (1..40).map(|n| format!("ENV A{n}=$A{m}$A{m}\n", m = n - 1)).collect();
    let full = build(&files(&format!("FROM scratch\nENV A0=x\n{doubling}")), &Asked::default()).map(|_| ());
    let full = full.unwrap_err();
    assert_eq!((full.len(), full[0].fault), (1, Fault::Limit));
    let many = "COPY a.car /\n".repeat(200);
    assert_eq!(error(&format!("FROM scratch\n{many}")), "Dockerfile:129:1: the image has more than 127 layers");
    let all = build(&files("FROM scratch\nCOPY x /\nCOPY y z /w/\nWORKDIR ''"), &Asked::default());
    assert_eq!(all.map(|_| ()).unwrap_err().len(), 4);
    let typo = build(&files("FROM scratch\nCOPY a.cra /"), &Asked::default()).map(|_| ()).unwrap_err();
    assert_eq!(typo[0].help.as_deref(), Some("did you mean `a.car`?"));
    let target = Asked { target: Some("x"), ..Asked::default() };
    assert!(build(&files("FROM scratch AS y"), &target).map(|_| ()).unwrap_err()[0].message.contains("no stage `x`"));
}

#[test]
fn the_configuration() {
    let text = "FROM base:1\nARG V=1\nENV A=$V B=\"x y\"\nENV A=2\nLABEL l=$A m='$A'\nUSER 5\nEXPOSE 80 90-91/UDP\nVOLUME /v\n\
                STOPSIGNAL SIGINT\nENTRYPOINT [\"/run\", \"$A\"]\nHEALTHCHECK --retries=2 CMD curl x\nMAINTAINER me";
    let asked = Asked { args: &[("V", "7")], labels: &[("l", "3")], ..Asked::default() };
    let (config, runtime) = config(text, &asked);
    let expected = serde_json::json!({
        "User": "5",
        "ExposedPorts": { "80/tcp": {}, "90/udp": {}, "91/udp": {} },
        "Env": ["PATH=/bin", "HOME=/home/app", "A=2", "B=x y"],
        "Entrypoint": ["/run", "$A"],
        "Volumes": { "/v": {} },
        "WorkingDir": "/home/app",
        "Labels": { "l": "3", "m": "$A", "org.opencontainers.image.authors": "me" },
        "StopSignal": "SIGINT",
        "Healthcheck": { "Test": ["CMD-SHELL", "curl x"], "Retries": 2 },
    });
    assert_eq!(serde_json::to_value(runtime).unwrap(), expected);
    assert_eq!(config.created.as_deref(), Some("1970-01-01T00:00:00Z"));
    assert!(!config.other.contains_key("docker_version"));
    let history = config.history.unwrap();
    assert_eq!((history.len(), history.iter().filter(|h| !h.empty_layer).count()), (12, 1));
    // What is given as a build argument is not written into the history.
    assert_eq!(history[2].created_by.as_deref(), Some("ENV A=$V B=\"x y\""));
}

#[test]
fn commands_and_shells() {
    for (text, entrypoint, cmd) in [
        ("CMD a b", None, Some(vec!["/bin/sh", "-c", "a b"])),
        ("SHELL [\"/bash\"]\nCMD a b", None, Some(vec!["/bash", "a b"])),
        ("ENTRYPOINT [\"x\"]", Some(vec!["x"]), None),
        ("CMD [\"y\"]\nENTRYPOINT [\"x\"]", Some(vec!["x"]), Some(vec!["y"])),
        ("ENTRYPOINT [\"x\"]\nCMD [\"y\"]", Some(vec!["x"]), Some(vec!["y"])),
        ("USER x", None, Some(vec!["old"])),
    ] {
        let owned = |words: Option<Vec<&str>>| words.map(|words| words.into_iter().map(String::from).collect());
        let (_, runtime) = config(&format!("FROM base:1\n{text}"), &Asked::default());
        assert_eq!((runtime.entrypoint, runtime.cmd), (owned(entrypoint), owned(cmd)), "{text}");
    }
}

#[test]
fn arguments() {
    let of = |text: &str, args: &[(&str, &str)]| {
        let (_, runtime) = config(text, &Asked { args, ..Asked::default() });
        runtime.variables().find(|(name, _)| *name == "R").map(|(_, value)| value.to_string()).unwrap()
    };
    assert_eq!(of("ARG G=1\nFROM scratch\nENV R=$G", &[]), "");
    assert_eq!(of("ARG G=1\nFROM scratch\nARG G\nENV R=$G", &[]), "1");
    assert_eq!(of("ARG G=1\nFROM scratch\nARG G\nENV R=$G", &[("G", "2")]), "2");
    assert_eq!(of("ARG G=1\nFROM scratch\nARG G=3\nENV R=$G", &[]), "3");
    assert_eq!(of("FROM scratch\nARG G=3 H=${G}4\nENV R=$H", &[]), "34");
    assert_eq!(of("FROM scratch\nENV G=5\nARG G=3\nENV R=$G", &[("G", "2")]), "5");
    assert_eq!(of("FROM scratch\nARG TARGETARCH\nENV R=$TARGETARCH", &[]), "amd64");
    assert_eq!(of("FROM scratch AS a\nARG G=1\nFROM a\nENV R=x$G", &[]), "x");
    assert_eq!(of("ARG B=nothing\nARG I=$B\nFROM $I\nENV R=x", &[("B", "base:1")]), "x");
    let (recipe, _, _) = build(&files("FROM scratch"), &Asked { args: &[("X", "1")], ..Asked::default() }).unwrap();
    assert_eq!(recipe.notes()[0].message, "no ARG of Dockerfile takes the build argument `X`");
}

#[test]
fn bases_are_named() {
    let text = "ARG V=1\nFROM base:$V AS a\nFROM --platform=linux/arm64 other\nCOPY --from=a /x /y\nFROM unused";
    let found = |target| {
        let asked = Asked { target, ..Asked::default() };
        with(&files(text), &asked, bases).unwrap().unwrap()
    };
    let texts = |target| found(target).into_iter().map(|base| base.text).collect::<Vec<_>>();
    assert_eq!(texts(Some("1")), ["base:1", "other"]);
    assert_eq!(texts(None), ["unused"]);
    let other = &found(Some("1"))[1];
    assert_eq!((other.platform.to_string().as_str(), other.place.line), ("linux/arm64", 3));
}

#[test]
fn only_what_is_read_counts() {
    let text = "FROM base:1\nCOPY *.car /x/\n";
    let key = |files: &MemoryFiles| {
        let (recipe, image, _) = build(files, &Asked::default()).unwrap();
        (recipe.key(), image.digest)
    };
    let first = key(&files(text));
    let (recipe, _, _) = build(&files(text), &Asked::default()).unwrap();
    let read: Vec<&str> = recipe.inputs().iter().map(|entry| &*entry.path).collect();
    assert_eq!(read, [".dockerignore", "Dockerfile", "a.car", "b.car"]);
    let guessed = with(&files("FROM base:1\nCOPY --chown=app *.car /x/"), &Asked::default(), inputs).unwrap();
    assert_eq!(guessed.unwrap().len(), 4);
    let mut other = files(&format!("# hello\n{text}"));
    other.add("conf/x.toml", Mode::File, *b"changed").add("new", Mode::File, *b"");
    assert_eq!(key(&other), first);
    other.add("a.car", Mode::File, *b"changed");
    assert_ne!(key(&other), first);
    let mut more = files(text);
    more.add("c.car", Mode::File, *b"");
    assert_ne!(key(&more), first);
    assert_ne!(key(&files(&text.replace("/x/", "/y/"))), first);
}

#[test]
fn layers_are_packed_once() {
    #[derive(Default)]
    struct Cache {
        known: RefCell<HashMap<Digest, LayerInfo>>,
        puts: Cell<usize>,
    }
    impl LayerCache for Cache {
        fn get(&self, key: Digest) -> Option<LayerInfo> {
            self.known.borrow().get(&key).cloned()
        }
        fn put(&self, key: Digest, info: LayerInfo) {
            self.puts.set(self.puts.get() + 1);
            self.known.borrow_mut().insert(key, info);
        }
    }
    let cache = Cache::default();
    let plan = |text: &str| {
        with(&files(text), &Asked::default(), |request| {
            recipe(request, &bases_at_hand()).unwrap().plan(request.context, &cache).unwrap()
        })
        .unwrap()
    };
    let first = plan("FROM scratch\nCOPY a.car /\nCOPY b.car /");
    assert_eq!(cache.puts.get(), 2);
    assert_eq!(plan("FROM scratch\nCOPY a.car /\nCOPY b.car /"), first);
    plan("FROM base:1\nENV A=1\nCOPY b.car /");
    assert_eq!(cache.puts.get(), 2);
}

#[test]
fn the_documents() {
    let (_, image, _) = build(&files("FROM base:1\nCOPY a.car /x"), &Asked::default()).unwrap();
    let manifest: Manifest = serde_json::from_slice(&image.manifest).unwrap();
    let config: ImageConfig = serde_json::from_slice(&image.config).unwrap();
    assert_eq!(image.digest, Digest::of(&image.manifest));
    assert_eq!(manifest.config.digest, Digest::of(&image.config));
    // Docker's names of kinds become OCI's.
    let kinds: Vec<&str> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
    assert_eq!(kinds, [manifest::LAYER, manifest::LAYER_GZIP]);
    assert_eq!(config.rootfs.diff_ids.len(), 2);
    assert_eq!(config.rootfs.diff_ids[1], image.layers[0].diff_id);
    let base = base().digest().to_string();
    assert_eq!(manifest.annotations.get("org.opencontainers.image.base.digest"), Some(&base));
}

#[test]
fn what_changed_meanwhile_is_not_pushed() {
    let before = files("FROM scratch\nCOPY a.car /x");
    let mut after = before.clone();
    after.add("a.car", Mode::File, *b"A.car");
    with(&before, &Asked::default(), |request| {
        let recipe = recipe(request, &BTreeMap::new()).unwrap();
        let image = recipe.plan(request.context, &()).unwrap();
        let moved = Context::open(&after, "", None).unwrap();
        let error = recipe.blobs(&moved, &image).write(image.layers[0].digest, &mut Vec::new()).unwrap_err();
        assert_eq!(error.fault, Fault::Moved);
    })
    .unwrap();
}
