//! The shape of a text and nothing of its meaning: KDL 2 as a lossless tree, includes, references inside strings.
//!
//! ```text
//! bytes ─text_of→ text ─parse→ Tree ─include→ Document          a tree comes from any text; faults are values beside it
//! text ─tokens→ [Token] ─format→ text                           tokens are lossless: put together they are the text
//! Value ─reference::parse→ Template
//! ```
//!
//! Reading is linear in the size of the text, keeps its own stack, and is bounded by [`Limits`].

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
