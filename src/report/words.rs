//! Versions, people and steps as they are called.

use super::layout::one_line;
use crate::plan::work::{Exec, Work};
use crate::plan::{Plan, Step};
use crate::ports::sources::{About, Head, Version};
use std::path::Path;

/// A version, short: the name it was found under, seven digits of a commit, or twelve of a digest.
pub fn version(version: &Version) -> String {
    version.name.as_deref().map_or_else(|| id(version), one_line)
}

/// The id of a version, short.
pub fn id(version: &Version) -> String {
    let digits = version.id.strip_prefix("sha256:");
    let length = if digits.is_some() { 12 } else { 7 };
    let is_hex = |text: &str| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match digits.unwrap_or(&version.id) {
        text if is_hex(text) => text.chars().take(length).collect(),
        text => one_line(text),
    }
}

/// How a version moved: by its name, or, where that stayed, by what it names.
pub fn moved(before: &Version, now: &Version) -> String {
    if before.name.is_some() && before.name == now.name {
        return format!("{} {} → {}", version(now), id(before), id(now));
    }
    format!("{} → {}", version(before), version(now))
}

/// Somebody's name without their address.
pub fn person(person: &str) -> String {
    let name = person.split('<').next().unwrap_or_default().trim();
    one_line(if name.is_empty() { person } else { name })
}

/// Whether a name is that of a person: what begins by itself is begun by Lockgate.
pub fn is_person(name: &str) -> bool {
    name != "lockgate"
}

/// The first line of the message and who wrote it, as far as they are known: `Fix the probe (Ann)`.
pub fn about(about: &About) -> String {
    let subject = about.subject.as_deref().map(one_line).unwrap_or_default();
    match about.author.as_deref().map(person) {
        Some(author) if subject.is_empty() => format!("by {author}"),
        Some(author) => format!("{subject} ({author})"),
        None => subject,
    }
}

/// A head in one line: its version and what is known of it.
pub fn head(head: &Head) -> String {
    format!("{}  {}", version(&head.version), about(&head.about)).trim_end().to_string()
}

/// The kind of a step: what stands before the first dot of its id.
pub fn kind(step: &Step) -> &str {
    step.id.split('.').next().unwrap_or_default()
}

/// What a step does, as a verb with its object: `build sha256:4be1a0c2d3e4`, `run ./tests/unit.sh`.
pub fn work(step: &Step) -> String {
    match &step.work {
        Work::None => String::new(),
        Work::Exec(exec) => format!("run {}", program(exec)),
        Work::Build(work) => match work.digest {
            Some(digest) => format!("build sha256:{}", digest.short()),
            None => format!("build (digest known after {})", step.id),
        },
        Work::Push(work) => format!("push {}:{}", place(&work.repository), work.tag),
        Work::Deploy(work) => format!("deploy {}", work.release),
        Work::Http(work) => format!("ask {}", work.url),
        Work::HelmTest(work) => {
            let names: Vec<&str> = work.releases.iter().map(|r| r.release.as_str()).collect();
            format!("run the tests of {}", names.join(", "))
        }
    }
}

/// A program with its arguments, in one line.
pub fn program(exec: &Exec) -> String {
    let words: Vec<String> = exec.argv.iter().map(|t| quoted(&one_line(&t.to_string()))).collect();
    words.join(" ")
}

/// A repository of images as it is; of a path of this machine the last two parts.
fn place(repository: &str) -> String {
    let path = Path::new(repository);
    if !path.is_absolute() {
        return one_line(repository);
    }
    let parts: Vec<_> = path.iter().rev().take(2).map(|p| p.to_string_lossy()).collect();
    one_line(&parts.iter().rev().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
}

/// A word as a shell would take it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,~{}".contains(c) || !c.is_ascii();
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The name of the newest candidate of a plan.
pub fn candidate(plan: &Plan) -> String {
    plan.candidate().map(crate::plan::Candidate::name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn of(id: &str, name: Option<&str>) -> Version {
        Version { id: id.into(), name: name.map(String::from), content: Digest::default() }
    }

    #[test]
    fn versions_are_short() {
        let (commit, digest) = ("3f2a1c7".repeat(6), Digest::of("a").to_string());
        assert_eq!(version(&of(&commit[..40], None)), "3f2a1c7");
        assert_eq!(version(&of(&digest, None)), Digest::of("a").short());
        assert_eq!(version(&of(&digest, Some("1.2.3"))), "1.2.3");
        assert_eq!(moved(&of("a", Some("1")), &of("b", Some("2"))), "1 → 2");
        assert_eq!(moved(&of("a", Some("1")), &of("b", Some("1"))), "1 a → b");
    }

    #[test]
    fn people_are_called_by_their_names() {
        assert_eq!(person("Ann Author <ann@example.com>"), "Ann Author");
        assert_eq!(person("<ann@example.com>"), "<ann@example.com>");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("examples/01-first-light"), "examples/01-first-light");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
