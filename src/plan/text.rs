//! Texts that are not wholly known yet: typed unknowns, and secrets that are never known here.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A field of a step that is only known when the step has run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unknown {
    /// The step that will tell.
    pub step: Arc<str>,
    /// The field of it.
    pub field: String,
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} known after {})", self.field, self.step)
    }
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Piece {
    /// Known text.
    Text(String),
    /// Something that a step will tell.
    Unknown(Unknown),
    /// The value of a secret, put in where it is used and nowhere else.
    Secret(String),
}

/// A text of known pieces, unknowns and secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Piece>);

impl Text {
    /// A known text.
    pub fn known(text: impl Into<String>) -> Text {
        Text(vec![Piece::Text(text.into())])
    }

    /// A text that a step will tell.
    pub fn unknown(step: Arc<str>, field: impl Into<String>) -> Text {
        Text(vec![Piece::Unknown(Unknown { step, field: field.into() })])
    }

    /// The text, if all of it is known and no secret is in it.
    pub fn as_known(&self) -> Option<String> {
        self.fill(&|_| None, &|_| None)
    }

    /// What it waits for.
    pub fn unknowns(&self) -> impl Iterator<Item = &Unknown> {
        self.0.iter().filter_map(|p| if let Piece::Unknown(u) = p { Some(u) } else { None })
    }

    /// The names of the secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|p| if let Piece::Secret(s) = p { Some(s.as_str()) } else { None })
    }

    /// Adds another text at the end.
    pub fn push(&mut self, other: Text) {
        for piece in other.0 {
            match (self.0.last_mut(), piece) {
                (Some(Piece::Text(last)), Piece::Text(more)) => last.push_str(&more),
                (_, piece) => self.0.push(piece),
            }
        }
    }

    /// The text with unknowns and secrets put in; nothing when one of them is not to be had.
    pub fn fill(
        &self,
        unknown: &dyn Fn(&Unknown) -> Option<String>,
        secret: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => out.push_str(t),
                Piece::Unknown(u) => out.push_str(&unknown(u)?),
                Piece::Secret(s) => out.push_str(&secret(s)?),
            }
        }
        Some(out)
    }

    /// The text with those unknowns put in that are known by now.
    pub fn learn(&self, unknown: &dyn Fn(&Unknown) -> Option<String>) -> Text {
        let mut out = Text::default();
        for piece in &self.0 {
            let piece = match piece {
                Piece::Unknown(u) => unknown(u).map_or_else(|| piece.clone(), Piece::Text),
                other => other.clone(),
            };
            out.push(Text(vec![piece]));
        }
        out
    }
}

/// For people: unknowns say what they wait for, secrets only their name.
impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => f.write_str(t)?,
                Piece::Unknown(u) => write!(f, "{u}")?,
                Piece::Secret(s) => write!(f, "(secret {s})")?,
            }
        }
        Ok(())
    }
}
