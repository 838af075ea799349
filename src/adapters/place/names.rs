//! Which files a bundle becomes, and how they are called.

use super::record::Recorded;
use crate::digest::{Digest, Hasher};
use crate::ports::bundle::{Bundle, Object};
use std::collections::BTreeMap;

/// The folder of objects that are run at certain moments and are no part of the release.
pub(in crate::adapters) const HOOKS: &str = "hooks";
/// How long a name may be before it is cut; file systems end at 255 bytes.
const LIMIT: usize = 200;

/// A file to write.
pub(in crate::adapters) struct Wanted {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What is recorded of it.
    pub recorded: Recorded,
}

/// The files of a bundle by their paths below the release's folder.
pub(in crate::adapters) fn files(bundle: &Bundle) -> BTreeMap<String, Wanted> {
    let wanted = |(path, object): (String, &Object)| {
        let bytes = content(object);
        let recorded = Recorded { object: object.id(), digest: Digest::of(&bytes) };
        (path, Wanted { bytes, recorded })
    };
    placed(bundle).into_iter().map(wanted).collect()
}

/// The objects of a bundle and then its hooks, in their order, each with its path below the release's folder.
pub(in crate::adapters) fn placed(bundle: &Bundle) -> Vec<(String, &Object)> {
    let objects: Vec<&Object> = bundle.objects.iter().collect();
    let hooks: Vec<&Object> = bundle.hooks.iter().map(|hook| &hook.object).collect();
    let below = |(name, object)| (format!("{HOOKS}/{name}"), object);
    named(&objects).into_iter().chain(named(&hooks).into_iter().map(below)).collect()
}

/// The objects with a name each. Those that would be called alike are all told apart by their ids, so that a name does
/// not depend on the order.
fn named<'a>(objects: &[&'a Object]) -> Vec<(String, &'a Object)> {
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects {
        *alike.entry(object.file_name()).or_default() += 1;
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let name = |object: &&'a Object| {
        let plain = object.file_name();
        let fits = plain.len() <= LIMIT && !plain.starts_with('.');
        let name = if fits && alike.get(&plain) == Some(&1) { plain } else { told_apart(object, &plain) };
        // One and the same object twice: as many files, in their order.
        let count = taken.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { name } else { format!("{}_{count}.yaml", name.trim_end_matches(".yaml")) };
        (name, *object)
    };
    objects.iter().map(name).collect()
}

fn told_apart(object: &Object, plain: &str) -> String {
    let mut hasher = Hasher::new("file name");
    hasher
        .field(&object.api_version)
        .field(&object.kind)
        .field(object.namespace.as_deref().unwrap_or(""))
        .field(&object.name);
    let stem = plain.trim_end_matches(".yaml").trim_start_matches('.');
    // All of it is ASCII.
    format!("{}~{}.yaml", stem.get(..LIMIT).unwrap_or(stem), hasher.finish().short())
}

/// The object as it was rendered, with one line end at its end.
fn content(object: &Object) -> Vec<u8> {
    format!("{}\n", object.text.trim_end_matches(['\n', '\r'])).into_bytes()
}

/// Whether a path is one that we may have written.
pub(in crate::adapters) fn is_ours(path: &str) -> bool {
    let name = path.strip_prefix("hooks/").unwrap_or(path);
    name.ends_with(".yaml") && !name.starts_with('.') && !name.contains(['/', '\0'])
}

/// Whether a text can name the folder of a release.
pub(in crate::adapters) fn is_release(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= LIMIT && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Object {
        Object {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
            template: String::new(),
            text: format!("kind: {kind}\n\n"),
            body: serde_json::Value::Null,
        }
    }

    fn names(objects: &[Object]) -> Vec<String> {
        named(&objects.iter().collect::<Vec<_>>()).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn names_do_not_depend_on_the_order() {
        let (a, b) = (object("v1", "Service", None, "web"), object("v1", "service", None, "Web"));
        let c = object("v1", "ConfigMap", None, "web");
        let one = names(&[a.clone(), b.clone(), c.clone()]);
        let mut other = names(&[c, b, a]);
        other.reverse();
        assert_eq!(one, other);
        assert_eq!(one[2], "configmap_web.yaml");
        assert!(
            one[0].starts_with("service_web~") && one[1].starts_with("service_web~") && one[0] != one[1],
            "{one:?}"
        );
    }

    #[test]
    fn one_object_twice_is_two_files() {
        let a = object("v1", "Service", None, "web");
        let all = names(&[a.clone(), a.clone(), a]);
        assert!(all[1].ends_with("_2.yaml") && all[2].ends_with("_3.yaml"), "{all:?}");
        assert!(all.iter().all(|name| is_ours(name)));
    }

    #[test]
    fn odd_names_are_safe() {
        let long = "x".repeat(300);
        for (kind, name) in
            [(".lockgate", "x"), ("..", "../.."), ("Kind", long.as_str()), ("", ""), ("a/b", "c\0d"), ("Ä", "ö")]
        {
            let name = names(&[object("v1", kind, None, name)]).remove(0);
            assert!(is_ours(&name) && name.len() < 255, "{name}");
        }
    }

    #[test]
    fn the_text_ends_with_one_line_end() {
        for (text, bytes) in
            [("a: 1", "a: 1\n"), ("a: 1\n\n", "a: 1\n"), ("a: 1\r\n", "a: 1\n"), ("\na:\n  b: 1\n", "\na:\n  b: 1\n")]
        {
            assert_eq!(content(&Object { text: text.into(), ..object("v1", "A", None, "a") }), bytes.as_bytes());
        }
    }

    #[test]
    fn what_may_be_ours() {
        for path in
            ["../x.yaml", "/x.yaml", "hooks/../x.yaml", "a/x.yaml", ".x.yaml", "hooks/.x.yaml", "x.json", "hooks"]
        {
            assert!(!is_ours(path), "{path}");
        }
        for name in ["", ".", "..", ".git", "a/b", "a b", "ä"] {
            assert!(!is_release(name), "{name}");
        }
    }
}
