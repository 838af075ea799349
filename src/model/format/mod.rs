//! Texts with a grammar of their own: durations, globs, image names, URLs and the like, one file a family.
//!
//! A [`Format`] is what such a text is, an example, the code of the fault when it is not, and the check. Formats are named
//! in the specs of nodes; whatever has one is checked without further code.

mod file;
mod image;
mod name;
mod time;
mod url;

pub use file::{BRANCH_FOLDER, GLOB, LOCAL_PATH, OUTPUT, PATH};
pub use image::{IMAGE, PLATFORM, TAG, VERSION_RANGE, is_range};
pub use name::{BRANCH, DNS_LABEL, EMAIL, NAME, PERSON, RELEASE_NAME, SET_PATH, VARIABLE, is_name, person, set_path};
pub use time::{CRON, DURATION, HOURS, TIME_ZONE};
pub use url::{GIT_URL, REPO_URL, Url, parse_url};

use crate::diag::Code;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;
use std::thread::LocalKey;

/// A grammar of texts.
#[derive(Debug)]
pub struct Format {
    /// What stands for such a text in a usage line, in capitals.
    pub placeholder: &'static str,
    /// What it is, with its article: "a duration".
    pub is: &'static str,
    /// How it is written, for help and for the reference.
    pub prose: &'static str,
    /// The code of the fault.
    pub code: &'static Code,
    /// What is wrong with a text; nothing when it is right.
    pub check: fn(&str) -> Result<(), Wrong>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The fault, as the end of a sentence: "`5x` is no duration: …".
    pub why: String,
    /// The part of the text that it is about; all of it when there is none.
    pub range: Option<Range<usize>>,
    /// The text that was probably meant.
    pub meant: Option<String>,
}

impl Wrong {
    /// A fault of the whole text.
    pub fn new(why: impl Into<String>) -> Wrong {
        Wrong { why: why.into(), range: None, meant: None }
    }

    /// Says which part it is about.
    pub fn at(mut self, range: Range<usize>) -> Wrong {
        self.range = Some(range);
        self
    }

    /// Says what was probably meant.
    pub fn meant(mut self, text: impl Into<String>) -> Wrong {
        self.meant = Some(text.into());
        self
    }
}

/// The first character that is not allowed, with its place, as a fault.
#[inline]
fn first_outside(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), Wrong> {
    // Most texts are ASCII and have none, for which a look at their bytes is enough.
    for byte in text.bytes() {
        if !byte.is_ascii() || !allowed(char::from(byte)) {
            return look_closely(text, &allowed);
        }
    }
    Ok(())
}

fn look_closely(text: &str, allowed: &dyn Fn(char) -> bool) -> Result<(), Wrong> {
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            Err(Wrong::new(format!("`{}` cannot stand in it", c.escape_debug())).at(at..at + c.len_utf8()))
        }
    }
}

/// Texts that were found right.
type Right = RefCell<HashSet<String>>;

/// How many of them are remembered.
const REMEMBERED: usize = 256;

/// A check that remembers which texts were right: for one that takes longer than looking a text up, since a file says the
/// same few again and again.
fn remembered(
    right: &'static LocalKey<Right>,
    text: &str,
    check: impl Fn(&str) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    if right.with_borrow(|right| right.contains(text)) {
        return Ok(());
    }
    check(text)?;
    right.with_borrow_mut(|right| {
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(text.to_string());
    });
    Ok(())
}
