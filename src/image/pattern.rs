//! File name patterns as Go's `path/filepath.Match` reads them: `*`, `?`, `[a-z]`, `\` and nothing else. Docker's
//! wildcards are these; the ignore file adds `**`.

use super::limits;
use regex::Regex;

/// What a `**` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stars {
    /// The same as one star: COPY and ADD.
    One,
    /// Any number of folders: the ignore file. There a pattern that matches a folder matches all that is below it.
    Folders,
}

/// Whether the text has a wildcard at all.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The pattern as an anchored regular expression, or what is wrong with it.
pub(super) fn compile(pattern: &str, stars: Stars) -> Result<Regex, String> {
    if pattern.len() > limits::PATH {
        return Err(format!("it is longer than {} bytes", limits::PATH));
    }
    let mut regex = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    // `**.md` is every path that ends so; but with any other wildcard in it, Docker reads `**` as whole folders.
    let suffix = pattern.strip_prefix("**").is_some_and(|tail| !has_wildcard(tail) && !tail.contains('\\'));
    while let Some(c) = rest.next() {
        match c {
            '*' if stars == Stars::Folders && rest.next_if_eq(&'*').is_some() => {
                let folder = rest.next_if_eq(&'/').is_some();
                let everything = rest.peek().is_none() || (suffix && !folder);
                regex.push_str(if everything { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => class(&mut rest, &mut regex)?,
            '\\' => literal(rest.next().ok_or("a `\\` at the end escapes nothing")?, &mut regex),
            c => literal(c, &mut regex),
        }
    }
    regex.push_str(if stars == Stars::Folders { "(/.*)?$" } else { "$" });
    Regex::new(&regex).map_err(|_| "it is too long".to_string())
}

/// A character of a pattern as itself.
fn literal(c: char, regex: &mut String) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// A class `[…]`, behind its bracket. Go negates with `^` and knows no `!` and no named classes.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, regex: &mut String) -> Result<(), String> {
    const OPEN: &str = "a `[` has no `]`";
    let negated = rest.next_if_eq(&'^').is_some();
    // A class never takes in the separator.
    regex.push_str(if negated { "[^/" } else { "[" });
    let mut members = 0;
    loop {
        let low = match rest.next().ok_or(OPEN)? {
            ']' if members > 0 => break,
            ']' | '-' => return Err("a `[` has nothing inside".to_string()),
            '\\' => rest.next().ok_or(OPEN)?,
            c => c,
        };
        let mut high = low;
        if rest.next_if_eq(&'-').is_some() {
            high = match rest.next().ok_or(OPEN)? {
                '\\' => rest.next().ok_or(OPEN)?,
                ']' => return Err("a range in `[…]` has no end".to_string()),
                c => c,
            };
        }
        if low > high {
            return Err(format!("the range `{low}-{high}` runs backwards"));
        }
        regex.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", low as u32, high as u32));
        members += 1;
    }
    regex.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        for (pattern, text, expected) in [
            ("*.car", "a.car", true),
            ("*.car", "d/a.car", false),
            ("d/*", "d/a", true),
            ("**", "d/a", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[.]x", ".x", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a.b", "axb", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(compile(pattern, Stars::One).unwrap().is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn two_stars_cross_folders_in_the_ignore_file() {
        for (pattern, text, expected) in [
            ("**", "d/a", true),
            ("**/a", "a", true),
            ("**/a", "d/e/a", true),
            ("**/a", "ba", false),
            ("d/**", "d/e/f", true),
            ("d/**", "d", false),
            ("d", "d/e/f", true),
            ("d", "de", false),
            ("d/*", "d/e/f", true),
            ("d/**/f", "d/f", true),
            ("d/**/f", "d/e/e/f", true),
            ("d/**f", "d/e/f", true),
            ("d/**f", "d/e/xf", false),
            ("**.md", "d/a.md", true),
            ("**?.md", "d/a.md", true),
        ] {
            assert_eq!(compile(pattern, Stars::Folders).unwrap().is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for pattern in ["[", "[]", "[a", "a\\", "[b-a]", "[a-]", "[a-", "[\\"] {
            assert!(compile(pattern, Stars::One).is_err(), "{pattern}");
        }
    }
}
