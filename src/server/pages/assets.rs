//! The stylesheet, the script and the mark: in the binary, each under a name that says what is in it.

use crate::digest::Digest;
use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    /// Its address: `/assets/board-4be1a0c2d3e4.css`.
    pub path: String,
    /// Its media type.
    pub kind: &'static str,
    /// What is in it.
    pub body: &'static str,
}

/// What a page refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The one stylesheet.
    Style,
    /// The one script.
    Script,
    /// The mark in the browser's tab.
    Mark,
}

static ALL: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let asset = |name: &str, ending: &str, kind: &'static str, body: &'static str| Asset {
        path: format!("/assets/{name}-{}.{ending}", Digest::of(body).short()),
        kind,
        body,
    };
    [
        asset("board", "css", "text/css; charset=utf-8", include_str!("assets/board.css")),
        asset("board", "js", "text/javascript; charset=utf-8", include_str!("assets/board.js")),
        asset("mark", "svg", "image/svg+xml", include_str!("assets/mark.svg")),
    ]
});

/// The asset of that name.
pub fn get(name: Name) -> &'static Asset {
    let [style, script, mark] = &*ALL;
    match name {
        Name::Style => style,
        Name::Script => script,
        Name::Mark => mark,
    }
}

/// The asset at an address. One of another version is none.
pub fn find(path: &str) -> Option<&'static Asset> {
    ALL.iter().find(|a| a.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_in_them_and_nothing_loads_from_elsewhere() {
        for asset in ALL.iter() {
            assert!(asset.path.contains(&Digest::of(asset.body).short()));
            assert!(std::ptr::eq(find(&asset.path).unwrap(), asset));
            let foreign = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!foreign.contains("//www") && !foreign.contains("http") && !foreign.contains("@import"));
        }
        assert!(find("/assets/board.css").is_none() && find("/assets/../board.css").is_none());
    }
}
