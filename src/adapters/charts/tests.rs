#[cfg(feature = "registry")]
mod elsewhere;

use super::*;

/// A chart packed from those paths, as they are, without a look at whether they are good.
fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        // `set_path` refuses what a hostile archive may hold.
        for (byte, to) in path.bytes().zip(header.as_old_mut().name.iter_mut()) {
            *to = byte;
        }
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("an entry");
    }
    builder.into_inner().and_then(|gz| gz.finish()).expect("an archive")
}

fn unpack(files: &[(&str, &str)]) -> Result<crate::ports::files::MemoryFiles, PortError> {
    archive::unpack(&packed(files), "x.tgz")
}

#[test]
fn folder_and_archive_show_the_same_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = [("mi/Chart.yaml", "name: mi\nversion: \"1.2.0\" # the second\n"), ("mi/charts/dep/Chart.yaml", "x")];
    for (path, content) in files {
        let full = dir.path().join(path);
        std::fs::create_dir_all(full.parent().expect("a parent")).expect("folders");
        std::fs::write(full, content).expect("a file");
    }
    std::fs::write(dir.path().join("mi/.gitignore"), "charts\n").expect("a file");
    let archive = dir.path().join("mi-1.2.0.tgz");
    std::fs::write(&archive, packed(&files)).expect("an archive");
    for path in [dir.path().join("mi"), archive.clone()] {
        let (head, files) = look(&path).expect("a chart");
        assert_eq!(head.version.name.as_deref(), Some("1.2.0"));
        assert_eq!(head.version.id, head.version.content.to_string());
        assert_eq!(&*files.read("charts/dep/Chart.yaml").expect("git's ignores don't count in charts"), b"x");
        let again = open(&path, &head.version).expect("the same");
        assert_eq!(again.read("Chart.yaml").expect("a file"), files.read("Chart.yaml").expect("a file"));
    }
    let (head, _) = look(&archive).expect("a chart");
    std::fs::write(&archive, packed(&[("mi/Chart.yaml", "version: 2.0.0")])).expect("another");
    let error = open(&archive, &head.version).err().expect("moved");
    assert_eq!(error.fault, Fault::Moved);
    assert!(error.message.contains("when version 1.2.0 was seen"), "{error}");
}

#[test]
fn what_is_no_chart_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = |name: &str| look(&dir.path().join(name)).err().expect("no chart");
    assert_eq!(error("nowhere").fault, Fault::NotFound);
    std::fs::create_dir(dir.path().join("empty")).expect("a folder");
    assert!(error("empty").message.contains("is no chart: it has no `Chart.yaml`"));
    for (name, text) in [("a", ""), ("b", "name: x\n  version: 1\n"), ("c", "version: # none\n"), ("d", "version: ''")]
    {
        std::fs::create_dir(dir.path().join(name)).expect("a folder");
        std::fs::write(dir.path().join(name).join("Chart.yaml"), text).expect("a file");
        assert!(error(name).message.contains("has no version"), "{name}");
    }
    std::fs::write(dir.path().join("text.tgz"), "not gzip").expect("a file");
    assert!(error("text.tgz").message.contains("is not a readable `.tgz`"));
    let mut half = packed(&[("mi/Chart.yaml", &"version: 1\n".repeat(1000))]);
    half.truncate(half.len() / 2);
    std::fs::write(dir.path().join("half.tgz"), half).expect("a file");
    assert_eq!(error("half.tgz").fault, Fault::Invalid);
}

#[test]
fn archives_cannot_lead_out() {
    for path in ["../Chart.yaml", "mi/../../x", "/etc/passwd", "mi//x", "Chart.yaml", "mi/./x", "C:/x", r"mi\..\..\x"] {
        let error = unpack(&[(path, "")]).expect_err(path);
        assert!(error.message.contains("not inside a folder of it"), "{path}: {error}");
    }
    assert!(unpack(&[("mi/a", ""), ("./mi/a", "")]).expect_err("twice").message.contains("holds `a` twice"));
}

#[test]
fn archives_hold_regular_files_only() {
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo] {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, "mi/x", "/etc/passwd").expect("an entry");
        let packed = builder.into_inner().and_then(|gz| gz.finish()).expect("an archive");
        let error = archive::unpack(&packed, "x.tgz").expect_err("no file");
        assert!(error.message.contains("`mi/x`, which is no regular file"), "{kind:?}: {error}");
    }
}

#[test]
fn archives_are_bounded() {
    let large = "x".repeat((5 << 20) + 1);
    assert_eq!(unpack(&[("mi/large", &large)]).expect_err("large").fault, Fault::Limit);
    let names: Vec<String> = (0..25).map(|n| format!("mi/{n}")).collect();
    let nearly = "x".repeat(5 << 20);
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), nearly.as_str())).collect();
    let error = unpack(&files).expect_err("together too large");
    assert_eq!(error.fault, Fault::Limit);
    assert!(error.message.contains("unpacks to more than 100 MiB"), "{error}");
    let names: Vec<String> = (0..20_001).map(|n| format!("mi/{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let error = unpack(&files).expect_err("too many");
    assert!(error.message.contains("has more than 20000 entries"), "{error}");
}
