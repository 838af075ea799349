//! Paths and globs.

use super::{Format, Wrong};
use crate::diag::codes;

/// A glob over the files of a source.
pub static GLOB: Format = Format {
    placeholder: "GLOB",
    is: "a glob",
    prose: "`*` is any part of a name, `**` any folders, `?` a character, `[a-z]` one of these, `{a,b}` either; paths from the source's root",
    code: &codes::BAD_GLOB,
    check: check_glob,
};

/// A path in a source.
pub static PATH: Format = Format {
    placeholder: "PATH",
    is: "a path in the source",
    prose: "from the source's root, with `/` between, and not out of it",
    code: &codes::PATH_ESCAPES,
    check: check_inside,
};

/// A path below a working folder.
pub static OUTPUT: Format = Format {
    placeholder: "PATH",
    is: "a path in the working folder",
    prose: "from the working folder, with `/` between, and not out of it",
    code: &codes::PATH_ESCAPES,
    check: check_inside,
};

/// A folder in a repository that is written to.
pub static BRANCH_FOLDER: Format = Format {
    placeholder: "PATH",
    is: "a folder in a repository",
    prose: "from the repository's root, with `/` between, and not out of it; `.` is the root",
    code: &codes::PATH_ESCAPES,
    check: |text| {
        check_inside(text)?;
        match text.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
            true => Err(Wrong::new("`.git` is git's own")),
            false => Ok(()),
        }
    },
};

/// A path of this machine.
pub static LOCAL_PATH: Format = Format {
    placeholder: "PATH",
    is: "a path",
    prose: "relative to the pipeline file, or absolute",
    code: &codes::BAD_PATH,
    check: |text| match text.find(['\0', '\n']) {
        Some(at) => Err(Wrong::new("a control character stands in it").at(at..at + 1)),
        None if text.is_empty() => Err(Wrong::new("it is empty")),
        None => Ok(()),
    },
};

fn check_glob(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::new("it is empty"));
    }
    if let Some(rest) = text.strip_prefix("./").or_else(|| text.strip_prefix('/')) {
        return Err(Wrong::new("it starts at the source's root anyway").at(0..text.len() - rest.len()).meant(rest));
    }
    check_inside(text)?;
    // Compiling a glob costs more than all else in a line, and most have nothing that could be wrong.
    if !text.bytes().any(|b| matches!(b, b'[' | b'{' | b'\\' | b'}')) {
        return Ok(());
    }
    match globset::GlobBuilder::new(text).literal_separator(true).build() {
        Ok(_) => Ok(()),
        Err(e) => Err(Wrong::new(e.kind().to_string())),
    }
}

/// Whether a path stays below the folder that it starts in.
pub fn check_inside(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::new("it is empty"));
    }
    if text.starts_with('/') {
        return Err(Wrong::new("it is absolute").at(0..1));
    }
    let odd = text.bytes().position(|b| matches!(b, b'\\' | b'\0'));
    if let Some(at) = odd.filter(|_| !text.contains(['*', '[', '{'])) {
        return Err(Wrong::new("`/` stands between the parts of a path").at(at..at + 1));
    }
    // `a/../b` stays inside, and is refused as well: what it says can be said without.
    let mut at = 0;
    for part in text.as_bytes().split(|b| *b == b'/') {
        if part == b".." {
            return Err(Wrong::new("`..` leads out of it").at(at..at + 2));
        }
        at += part.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_checked() {
        for good in ["**", "src/*.rs", "values-*.yaml", "a/{b,c}/**", "[a-z].txt", "**/*.{yaml,yml}"] {
            assert_eq!(check_glob(good), Ok(()), "{good}");
        }
        for bad in ["", "[a", "{a", "a}", "../x", "/abs", "./x"] {
            assert!(check_glob(bad).is_err(), "{bad}");
        }
        assert_eq!(check_glob("./x").err().and_then(|w| w.meant), Some("x".to_string()));
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(check_inside("a/b..c/...d"), Ok(()));
        for bad in ["", "/a", "..", "a/../b", "a\\b"] {
            assert!(check_inside(bad).is_err(), "{bad}");
        }
        assert_eq!((BRANCH_FOLDER.check)("."), Ok(()));
        assert!((BRANCH_FOLDER.check)("a/.GIT/hooks").is_err());
    }
}
