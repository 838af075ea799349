//! The shape of a text and nothing of its meaning: KDL 2 as a lossless tree, includes, references inside strings.
//!
//! ```text
//! bytes ─text_of→ text ─parse→ Tree ─include→ Document     there is a tree for any text; faults are values beside it
//! text ─tokens→ [Token] ─format→ text                      tokens are lossless: put together they are the text
//! Value ─reference::parse→ Template
//! ```
//!
//! Reading is linear in the size of the text, keeps its own stack, and is bounded by [`Limits`].
//!
//! ```
//! use lockgate::source::FileId;
//! use lockgate::syntax::{self, Document, Limits, reference};
//!
//! let text = "source app {\n    git \"https://git/{name}.git\" branch=main\n";
//! let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
//! assert_eq!(faults[0].message, "a block is not closed");
//!
//! let document = Document::from(tree);
//! let source = document.roots().next().expect("a tree comes from any text");
//! let git = source.children().next().expect("a child");
//! assert_eq!(git.prop("branch").and_then(|branch| branch.value().as_str()), Some("main"));
//!
//! let (template, _) = reference::parse(git.arg(0).expect("an argument"));
//! let name = template.refs().next().expect("a reference");
//! assert_eq!(&text[name.name_span.range()], "name");
//! ```

/// A text that a file says, on its own. Up to 24 bytes of it stand where it stands, without memory of their own:
/// most names, keys and values are that short, and a model is made of them.
pub type Said = compact_str::CompactString;

mod chars;
mod comment;
mod format;
pub mod include;
mod limits;
mod number;
mod parse;
pub mod reference;
mod roles;
mod string;
mod text;
mod token;
pub mod tree;

pub use format::{format, format_tree};
pub use limits::Limits;
pub use parse::parse;
pub use roles::{Role, Roles, roles};
pub use string::quoted;
pub use text::text_of;
pub use token::{Token, TokenKind, Tokens, tokens};
pub use tree::{At, Children, Document, Entries, Entry, InnerPlaces, Node, NodeId, Prop, Tree, Value, ValueKind};
