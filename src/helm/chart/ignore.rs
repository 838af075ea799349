//! `.helmignore`: which files of a folder are no part of the chart. Helm's `pkg/ignore`, with its oddities: the first rule
//! that matches decides, and a negated rule excludes everything it does not match.

use super::ChartError;

/// The rules of a `.helmignore`, and the built-in one: no hidden files in templates/.
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    negated: bool,
    folders_only: bool,
    whole_path: bool,
}

/// What names are compared with. Nearly all rules are of the first two kinds.
#[derive(Clone, Debug)]
enum Pattern {
    /// This name.
    Plain(String),
    /// A name that ends so.
    Ending(String),
    /// A pattern of [`glob`].
    Glob(Vec<char>),
}

impl Default for IgnoreRules {
    fn default() -> IgnoreRules {
        IgnoreRules { rules: Rule::parse("templates/.?*").ok().flatten().into_iter().collect() }
    }
}

impl IgnoreRules {
    /// Reads the rules of a text.
    ///
    /// # Errors
    /// A pattern with `**`, or one that `filepath.Match` refuses.
    pub fn parse(text: &[u8]) -> Result<IgnoreRules, ChartError> {
        let text = String::from_utf8_lossy(text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut rules = Vec::new();
        for line in text.lines() {
            rules.extend(Rule::parse(line)?);
        }
        rules.extend(IgnoreRules::default().rules);
        Ok(IgnoreRules { rules })
    }

    /// Whether a file is left out, for itself or for a folder it lies in.
    pub fn ignores_file(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(i, _)| &path[..i]);
        folders.into_iter().any(|folder| self.ignores(folder, true)) || self.ignores(path, false)
    }

    fn ignores(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.rules {
            if rule.negated {
                if (rule.folders_only && !is_folder) || !rule.matches(path, name) {
                    return true;
                }
            } else if (is_folder || !rule.folders_only) && rule.matches(path, name) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Rule>, ChartError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err(ChartError::Ignore("double-star (**) syntax is not supported".to_string()));
        }
        if !valid(line) {
            return Err(ChartError::Ignore(format!("syntax error in pattern {line:?}")));
        }
        let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
        let (pattern, whole_path) = match rest.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rest, rest.contains('/')),
        };
        let is_plain = |text: &str| !text.contains(['*', '?', '[', '\\']);
        let pattern = match pattern.strip_prefix('*') {
            // A name has no slash, at which a star would end.
            Some(ending) if !whole_path && is_plain(ending) => Pattern::Ending(ending.to_string()),
            _ if is_plain(pattern) => Pattern::Plain(pattern.to_string()),
            _ => Pattern::Glob(pattern.chars().collect()),
        };
        Ok(Some(Rule { pattern, negated, folders_only, whole_path }))
    }

    /// Whether it matches a path, whose last part is `name`.
    fn matches(&self, path: &str, name: &str) -> bool {
        let text = if self.whole_path { path } else { name };
        match &self.pattern {
            Pattern::Plain(name) => text == name,
            Pattern::Ending(ending) => text.ends_with(ending.as_str()),
            Pattern::Glob(pattern) => glob(pattern, text),
        }
    }
}

/// Whether a pattern is well-formed for `filepath.Match`.
fn valid(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    let mut i = 0;
    while let Some(c) = chars.get(i) {
        i += match c {
            '\\' if i + 1 == chars.len() => return false,
            '\\' => 2,
            '[' => match class(&chars[i..], '\0') {
                Some((_, used)) => used,
                None => return false,
            },
            _ => 1,
        };
    }
    true
}

/// Go's `filepath.Match` on Unix: `*` and `?` do not match a slash. Iterative: a star is retried where it last stood.
fn glob(mut pattern: &[char], name: &str) -> bool {
    let mut name = name.chars();
    let mut retry = None;
    loop {
        if let ['*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, name.clone()));
            continue;
        }
        let mut after = name.clone();
        let next = after.next();
        if next.is_none() && pattern.is_empty() {
            return true;
        }
        if let Some(used) = next.and_then(|c| one(pattern, c)) {
            (pattern, name) = (&pattern[used..], after);
            continue;
        }
        // The last star stands for one more.
        let Some((rest, from)) = &mut retry else { return false };
        if from.next().is_none_or(|c| c == '/') {
            return false;
        }
        (pattern, name) = (rest, from.clone());
    }
}

/// How much of the pattern matches this one character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => (c != '/').then_some(1),
        '[' => class(pattern, c).filter(|(matches, _)| *matches).map(|(_, used)| used),
        '\\' => (pattern.get(1) == Some(&c)).then_some(2),
        p => (*p == c).then_some(1),
    }
}

/// Whether a character class matches, and its length; nothing if it is malformed.
fn class(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let mut i = 1;
    let negated = pattern.get(i) == Some(&'^');
    i += usize::from(negated);
    let start = i;
    let mut matches = false;
    loop {
        if pattern.get(i) == Some(&']') && i > start {
            return Some((matches != negated, i + 1));
        }
        let low = class_char(pattern, &mut i)?;
        let mut high = low;
        if pattern.get(i) == Some(&'-') {
            i += 1;
            high = class_char(pattern, &mut i)?;
        }
        matches |= (low..=high).contains(&c);
    }
}

fn class_char(pattern: &[char], i: &mut usize) -> Option<char> {
    let mut c = *pattern.get(*i)?;
    if c == '-' || c == ']' {
        return None;
    }
    if c == '\\' {
        *i += 1;
        c = *pattern.get(*i)?;
    }
    *i += 1;
    Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let cases = [
            ("", "templates/.hidden", true),
            ("", "templates/x/.hidden", false),
            ("", ".hidden", false),
            ("*.md", "docs/a.md", true),
            ("/docs/", "docs/a.md", true),
            ("docs/*.md", "docs/x/a.md", false),
            ("docs", "charts/docs/a", true),
            ("ci/", "ci/x.yaml", true),
            ("a[0-9]?", "a1b", true),
            ("a*c", "abbc", true),
            ("# x\n\n.git/", ".git/config", true),
            ("!a", "b", true),
            ("*", "a", true),
            ("*a", "ba", true),
            ("*a/", "ba/c", true),
            ("*a", "b", false),
            ("*/a", "b/a", true),
            ("/*a", "b/a", false),
            ("\\*a", "*a", true),
            ("\\*a", "ba", false),
        ];
        for (rules, path, expected) in cases {
            let rules = IgnoreRules::parse(rules.as_bytes()).expect("rules");
            assert_eq!(rules.ignores_file(path), expected, "{path} {rules:?}");
        }
        assert!(IgnoreRules::parse(b"a/**/b").is_err() && IgnoreRules::parse(b"[a").is_err());
    }
}
