//! `.dockerignore`: which files of a context do not exist for the build. The rules are those of Docker's documentation
//! and of its matcher: one pattern a line, `#` comments, `!` takes back, `**` crosses folders, the last pattern that
//! matches a file or one of its folders decides.

use super::limits;
use super::pattern::{Stars, compile};
use crate::ports::{Fault, PortError};
use regex::Regex;

/// The patterns of an ignore file.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    regex: Regex,
    takes_back: bool,
}

impl Ignore {
    /// Reads an ignore file. `path` is what errors call it. All faults of the file are in the error.
    pub fn parse(path: &str, text: &str) -> Result<Ignore, Vec<PortError>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            if rules.len() > limits::PATTERNS {
                let message = format!("there are more than {} patterns", limits::PATTERNS);
                errors.push(PortError::new(Fault::Limit, message).at(path, at + 1, 1));
                break;
            }
            match rule(line) {
                Ok(rule) => rules.extend(rule),
                Err(why) => {
                    let message = format!("`{}` is no pattern: {why}", line.trim());
                    let column = line.len() - line.trim_start().len() + 1;
                    errors.push(PortError::new(Fault::Invalid, message).at(path, at + 1, column));
                    if errors.len() >= limits::FAULTS {
                        break;
                    }
                }
            }
        }
        if errors.is_empty() { Ok(Ignore { rules }) } else { Err(errors) }
    }

    /// Whether that file of the context is ignored.
    pub fn ignores(&self, path: &str) -> bool {
        self.rules.iter().fold(false, |ignored, rule| {
            // Only a rule that can change the answer is asked.
            if rule.takes_back == ignored && rule.regex.is_match(path) { !rule.takes_back } else { ignored }
        })
    }
}

/// One line: a rule, nothing, or what is wrong.
fn rule(line: &str) -> Result<Option<Rule>, String> {
    if line.starts_with('#') || line.trim().is_empty() {
        return Ok(None);
    }
    let line = line.trim();
    let (pattern, takes_back) = line.strip_prefix('!').map_or((line, false), |tail| (tail.trim(), true));
    if pattern.is_empty() {
        return Err("nothing follows the `!`".to_string());
    }
    let regex = compile(&clean(pattern), Stars::Folders)?;
    Ok(Some(Rule { regex, takes_back }))
}

/// The path without `.`, `..`, doubled and outer slashes, as Go's `filepath.Clean` leaves it.
fn clean(pattern: &str) -> String {
    let rooted = pattern.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_string() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_as_docker_does() {
        // patterns, path, ignored
        for (patterns, path, expected) in [
            ("*.md", "a.md", true),
            ("*.md", "d/a.md", false),
            ("**/*.md", "d/e/a.md", true),
            ("target", "target/a/b", true),
            ("/target/", "target/a", true),
            ("./target", "target", true),
            ("d/../target", "target", true),
            ("target", "d/target", false),
            ("*/temp*", "d/temporary", true),
            ("*/*/temp*", "d/e/temp/x", true),
            ("temp?", "tempa", true),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false),
            ("d\n!d/keep", "d/keep", false),
            ("d\n!d/keep", "d/other", true),
            ("*\n!app", "app/x.car", false),
            ("*\n!app", "b", true),
            ("**\n! /app/*.car", "app/x.car", false),
            ("#a\n\n a ", "a", true),
            (" #a", "#a", true),
            ("a\r\nb\r\n", "a", true),
            (".git", ".gitignore", false),
            (".", "a", false),
            ("[ab]", "b", true),
            ("\\*", "*", true),
        ] {
            let ignore = Ignore::parse(".dockerignore", patterns).unwrap();
            assert_eq!(ignore.ignores(path), expected, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn every_fault_with_its_place() {
        let errors = Ignore::parse("app/.dockerignore", "a\n!\n  [\nb").unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "app/.dockerignore:2:1: `!` is no pattern: nothing follows the `!`");
        assert!(texts[1].starts_with("app/.dockerignore:3:3: `[` is no pattern"), "{texts:?}");
    }
}
