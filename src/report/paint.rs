//! The few ways in which a word may stand out.

use super::Style;
use owo_colors::{OwoColorize, Style as Ansi};

/// What a word is, so that it can stand out as that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Like everything else.
    #[default]
    Plain,
    /// A heading, a name.
    Strong,
    /// Beside the point.
    Faint,
    /// New, done, well.
    Good,
    /// Gone, failed.
    Bad,
    /// Changed, waiting for somebody.
    Notice,
    /// Something to type.
    Typed,
}

impl Paint {
    /// The text in this paint, where the style has colours.
    pub fn on(self, text: &str, style: Style) -> String {
        if !style.color || self == Paint::Plain || text.is_empty() {
            return text.to_string();
        }
        text.style(self.ansi()).to_string()
    }

    fn ansi(self) -> Ansi {
        match self {
            Paint::Plain => Ansi::new(),
            Paint::Strong => Ansi::new().bold(),
            Paint::Faint => Ansi::new().dimmed(),
            Paint::Good => Ansi::new().green(),
            Paint::Bad => Ansi::new().red(),
            Paint::Notice => Ansi::new().yellow(),
            Paint::Typed => Ansi::new().cyan(),
        }
    }
}
