//! Paths inside a context and inside an image: texts with `/` between the parts and none at the ends. The root is the
//! empty text.

/// Joins two paths and takes out what is not needed: `.`, doubled slashes, and `..`, which at the root stays there.
/// An absolute second path replaces the first.
pub(super) fn join(folder: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The path from the root, or nothing if `..` leaves it.
pub(super) fn inside(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder a path is in.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last part of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

/// A path below a folder; either may be the root.
pub(super) fn below(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) => path.to_string(),
        (folder, "") => folder.to_string(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

/// The folders above a path, from the top, without the root.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The path from a folder that it is below.
pub(super) fn relative<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let tail = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
    (!tail.is_empty()).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(join("a/b", "../c/./d//"), "a/c/d");
        assert_eq!(join("a", "/../x"), "x");
        assert_eq!(inside("/a/../b").as_deref(), Some("b"));
        assert_eq!(inside("a/../../b"), None);
        assert_eq!((parent("a/b/c"), base("a/b/c"), parent("a"), base("a")), ("a/b", "c", "", "a"));
        assert_eq!((below("", "a"), below("a", ""), below("a", "b")), ("a".into(), "a".into(), "a/b".into()));
        assert_eq!(above("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!((relative("a/b", "a"), relative("a", ""), relative("a", "a")), (Some("b"), Some("a"), None));
        assert_eq!(relative("ab", "a"), None);
    }
}
