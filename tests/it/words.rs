//! Words that are stored stand in one page.

/// The names of the events, read from the source: a variant that is not in the page fails here.
#[test]
fn every_event_stands_in_the_page_of_stored_words() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join("src/run/event.rs")).expect("the source of the events");
    let page = std::fs::read_to_string(root.join("docs/stored-words.md")).expect("the page of stored words");
    let events = source.split("pub enum Event {").nth(1).and_then(|s| s.split("\n}\n").next()).expect("the events");
    let is_variant = |l: &&str| l.starts_with("    ") && l[4..].starts_with(|c: char| c.is_ascii_uppercase());
    let names: Vec<String> =
        events.lines().filter(is_variant).map(|l| kebab(l.trim().trim_end_matches(" {"))).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/stored-words.md does not tell of `{name}`");
    }
}

fn kebab(name: &str) -> String {
    let dash = |(i, c): (usize, char)| {
        if c.is_ascii_uppercase() && i > 0 {
            format!("-{}", c.to_ascii_lowercase())
        } else {
            c.to_ascii_lowercase().to_string()
        }
    };
    name.chars().enumerate().map(dash).collect()
}
