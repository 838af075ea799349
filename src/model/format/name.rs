//! Names: of nodes, variables, branches, Kubernetes objects, people.

use super::{Format, Wrong, first_outside};
use crate::diag::codes;

/// The name of a node.
pub static NAME: Format = Format {
    placeholder: "NAME",
    is: "a name",
    prose: "a letter, then letters, digits, `-` and `_`, at most 63 in all",
    code: &codes::BAD_NAME,
    check: check_name,
};

/// The name of an environment or a namespace: a label as DNS has it.
pub static DNS_LABEL: Format = Format {
    placeholder: "NAME",
    is: "a name that Kubernetes takes",
    prose: "small letters, digits and `-`, a letter or digit at both ends, at most 63 in all",
    code: &codes::BAD_LABEL,
    check: |text| check_label(text, 63),
};

/// The name of a release.
pub static RELEASE_NAME: Format = Format {
    placeholder: "NAME",
    is: "a name that Helm takes",
    prose: "small letters, digits and `-`, a letter or digit at both ends, at most 53 in all",
    code: &codes::BAD_LABEL,
    check: |text| check_label(text, 53),
};

/// The name of an environment variable or build argument.
pub static VARIABLE: Format = Format {
    placeholder: "NAME",
    is: "the name of a variable",
    prose: "a letter or `_`, then letters, digits and `_`",
    code: &codes::BAD_VARIABLE,
    check: |text| {
        first_outside(text, |c| c.is_ascii_alphanumeric() || c == '_')?;
        match text.bytes().next() {
            None => Err(Wrong::new("it is empty")),
            Some(b'0'..=b'9') => Err(Wrong::new("it starts with a digit").at(0..1)),
            _ => Ok(()),
        }
    },
};

/// The name of a branch.
pub static BRANCH: Format = Format {
    placeholder: "BRANCH",
    is: "the name of a branch",
    prose: "as git takes it: `main`, `release/1.2`; without `refs/heads/`",
    code: &codes::BAD_BRANCH,
    check: check_branch,
};

/// An address for mail.
pub static EMAIL: Format = Format {
    placeholder: "ADDRESS",
    is: "an address for mail",
    prose: "`name@example.com`",
    code: &codes::BAD_EMAIL,
    check: |text| {
        let (name, host) = text.split_once('@').ok_or_else(|| Wrong::new("there is no `@` in it"))?;
        if let Some(at) = host.find('@') {
            return Err(Wrong::new("there are two `@` in it").at(name.len() + 1 + at..name.len() + 2 + at));
        }
        first_outside(text, |c| !c.is_whitespace() && !c.is_control())?;
        let complete = !name.is_empty() && !host.is_empty() && host.split('.').all(|part| !part.is_empty());
        if complete { Ok(()) } else { Err(Wrong::new("a part of it is missing")) }
    },
};

/// Somebody as git names its authors.
pub static PERSON: Format = Format {
    placeholder: "PERSON",
    is: "a name with an address for mail",
    prose: "`Name <name@example.com>`",
    code: &codes::BAD_EMAIL,
    check: |text| {
        let (name, address) = person(text).ok_or_else(|| Wrong::new("it is not of the form `Name <address>`"))?;
        first_outside(text, |c| !c.is_control())?;
        if let Some(at) = name.find(['<', '>']) {
            return Err(Wrong::new("a name has no `<` and `>`").at(at..at + 1));
        }
        if name.is_empty() {
            return Err(Wrong::new("there is no name before the address"));
        }
        let from = name.len() + text[name.len()..].find('<').unwrap_or_default() + 1;
        (EMAIL.check)(address)
            .map_err(|wrong| Wrong { range: wrong.range.map(|at| at.start + from..at.end + from), ..wrong })
    },
};

/// The name and the address of `Name <address>`; nothing where it is written otherwise.
pub fn person(text: &str) -> Option<(&str, &str)> {
    let (name, address) = text.strip_suffix('>')?.split_once('<')?;
    Some((name.trim_end(), address))
}

/// The path of a value in a chart's values.
pub static SET_PATH: Format = Format {
    placeholder: "PATH",
    is: "the path of a value",
    prose: "keys with dots between, numbers of list items in brackets: `image.tag`, `hosts[0].name`; `\\.` is a dot in a key",
    code: &codes::BAD_SET_PATH,
    check: |text| {
        let plain = |key: &[u8]| !key.is_empty() && key.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        // Most paths are keys with dots between.
        if text.as_bytes().split(|b| *b == b'.').all(plain) { Ok(()) } else { set_path(text).map(drop) }
    },
};

/// Whether a text can be the name of a node.
pub fn is_name(text: &str) -> bool {
    check_name(text).is_ok()
}

fn check_name(text: &str) -> Result<(), Wrong> {
    first_outside(text, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')?;
    match text.bytes().next() {
        None => Err(Wrong::new("it is empty")),
        Some(b) if !b.is_ascii_alphabetic() => Err(Wrong::new("it does not start with a letter").at(0..1)),
        _ if text.len() > 63 => Err(Wrong::new(format!("it has {} characters", text.len()))),
        _ => Ok(()),
    }
}

fn check_label(text: &str, most: usize) -> Result<(), Wrong> {
    check_label_strictly(text, most).map_err(|wrong| {
        let small = text.to_ascii_lowercase().replace(['_', '.', ' '], "-");
        if check_label_strictly(&small, most).is_ok() { wrong.meant(small) } else { wrong }
    })
}

fn check_label_strictly(text: &str, most: usize) -> Result<(), Wrong> {
    first_outside(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')?;
    match text {
        "" => Err(Wrong::new("it is empty")),
        _ if text.starts_with('-') => Err(Wrong::new("it starts with `-`").at(0..1)),
        _ if text.ends_with('-') => Err(Wrong::new("it ends with `-`").at(text.len() - 1..text.len())),
        _ if text.len() > most => Err(Wrong::new(format!("it has {} characters", text.len()))),
        _ => Ok(()),
    }
}

/// What `git check-ref-format --branch` refuses.
fn check_branch(text: &str) -> Result<(), Wrong> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !text.is_empty() && text.bytes().all(plain) {
        return Ok(());
    }
    let at = |part: &str| text.find(part).map(|i| i..i + part.len());
    for part in ["..", "@{", "//", "/."] {
        if let Some(range) = at(part) {
            return Err(Wrong::new(format!("`{part}` cannot stand in it")).at(range));
        }
    }
    first_outside(text, |c| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))?;
    let ends = text.ends_with(['/', '.']) || text.ends_with(".lock");
    if text.is_empty() {
        Err(Wrong::new("it is empty"))
    } else if let Some(name) = text.strip_prefix("refs/heads/") {
        Err(Wrong::new("it is a whole reference").at(0..11).meant(name))
    } else if text.starts_with(['-', '/', '.']) || ends || text == "@" {
        Err(Wrong::new("git takes no such name"))
    } else {
        Ok(())
    }
}

/// The parts of a path in values: keys as they are, numbers of list items with their brackets.
pub fn set_path(text: &str) -> Result<Vec<String>, Wrong> {
    let mut parts = Vec::new();
    // The key that is being read; none behind a bracket, where only a dot or another bracket may follow.
    let mut key = Some(String::new());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let here = at..at + c.len_utf8();
        match (c, &mut key) {
            ('\\', Some(key)) => key.extend(chars.next().map(|(_, c)| c)),
            ('.' | '[', _) => {
                let finished = key.take();
                if finished.as_ref().is_some_and(String::is_empty) {
                    return Err(Wrong::new("a key is empty").at(here));
                }
                parts.extend(finished);
                if c == '.' {
                    key = Some(String::new());
                } else {
                    let item = list_item(text.get(at..).unwrap_or_default())?;
                    // What is in the brackets is ASCII, one character a byte, of which the first is read already.
                    chars.nth(item.len() - 2);
                    parts.push(item);
                }
            }
            ('=' | ',' | '{' | '}' | ']', _) => return Err(Wrong::new(format!("`{c}` cannot stand in it")).at(here)),
            (_, Some(key)) => key.push(c),
            (_, None) => return Err(Wrong::new("a dot is missing before the key").at(here)),
        }
    }
    match key {
        Some(key) if key.is_empty() => Err(Wrong::new(if parts.is_empty() { "it is empty" } else { "a key is empty" })),
        last => {
            parts.extend(last);
            Ok(parts)
        }
    }
}

/// The `[12]` at the start of the text.
fn list_item(text: &str) -> Result<String, Wrong> {
    let inner = text.strip_prefix('[').and_then(|t| t.split_once(']'));
    let (digits, _) = inner.ok_or_else(|| Wrong::new("a `[` is not closed"))?;
    let number = digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u32>().is_ok();
    if number {
        Ok(format!("[{digits}]"))
    } else {
        Err(Wrong::new(format!("`[{digits}]` is not the number of a list item")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_values_have_keys_and_numbers() {
        let parts = |text: &str| set_path(text).map_err(|w| w.why);
        assert_eq!(parts("image.tag"), Ok(vec!["image".into(), "tag".into()]));
        assert_eq!(parts("hosts[0].name"), Ok(vec!["hosts".into(), "[0]".into(), "name".into()]));
        assert_eq!(parts("a[1][2]"), Ok(vec!["a".into(), "[1]".into(), "[2]".into()]));
        assert_eq!(parts(r"node\.kubernetes\.io/zone"), Ok(vec!["node.kubernetes.io/zone".into()]));
        for bad in ["", ".a", "a.", "a..b", "[0]", "a[", "a[]", "a[x]", "a[0]b", "a=b", "a]"] {
            assert!(set_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_keep_to_their_grammar() {
        let meant = |format: &Format, text: &str| (format.check)(text).err().map(|w| w.meant.unwrap_or_default());
        assert!(is_name("mi-app_2"));
        for bad in ["", "2a", "-a", "a.b", "ä"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(meant(&DNS_LABEL, "wso2mi-dev"), None);
        assert_eq!(meant(&DNS_LABEL, "My_Space"), Some("my-space".into()));
        assert_eq!(meant(&DNS_LABEL, "-a"), Some("".into()));
        assert_eq!(meant(&BRANCH, "release/1.2"), None);
        assert_eq!(meant(&BRANCH, "refs/heads/main"), Some("main".into()));
        for bad in ["", "a..b", "a b", "a~1", "x.lock", "-x", "a//b", "@"] {
            assert!(meant(&BRANCH, bad).is_some(), "{bad}");
        }
        assert_eq!(meant(&VARIABLE, "BASE_IMAGE"), None);
        assert!(meant(&VARIABLE, "BASE-IMAGE").is_some() && meant(&VARIABLE, "1A").is_some());
        assert_eq!(meant(&EMAIL, "a@example.com"), None);
        assert!(meant(&EMAIL, "a@b@c").is_some() && meant(&EMAIL, "a@b.").is_some());
        assert_eq!(meant(&PERSON, "Robin of Deliveries <robin@example.com>"), None);
        assert_eq!(person("Robin <r@x.org>"), Some(("Robin", "r@x.org")));
        for bad in ["r@x.org", "<r@x.org>", "Robin <r@x.org", "Robin r@x.org>", "A <B> <r@x.org>", "A\n<r@x.org>"] {
            assert!(meant(&PERSON, bad).is_some(), "{bad}");
        }
        let wrong = (PERSON.check)("Robin <r@x@org>").expect_err("two of them");
        assert_eq!(wrong.range, Some(10..11), "{}", wrong.why);
    }
}
