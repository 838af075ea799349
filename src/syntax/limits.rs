//! What a text may cost before it is refused.

/// The bounds under which a text is read. Each is named in the message that refuses a text for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one file. Pipelines are written by hand; a file beyond this is a mistake or an attack.
    pub size: usize,
    /// Blocks in blocks. Readers of the tree may recurse as deep as this, and need no more than their usual stack.
    pub depth: usize,
    /// Block comments in block comments.
    pub comment_depth: usize,
    /// Diagnostics shown of one file; of the rest only the number is said.
    pub diagnostics: usize,
    /// Files that include files that include files.
    pub include_depth: usize,
    /// Files in one document, counted as often as they are included.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { size: 8 << 20, depth: 64, comment_depth: 64, diagnostics: 100, include_depth: 16, files: 256 }
    }
}

impl Limits {
    /// The size limit in words, for messages.
    pub(super) fn size_in_words(&self) -> String {
        match self.size {
            n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
            n if n >= 1 << 10 && n % (1 << 10) == 0 => format!("{} KiB", n >> 10),
            n => format!("{n} bytes"),
        }
    }
}
