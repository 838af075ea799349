//! What a text allows of the ways to write it: libyaml's `analyze_scalar`, as go-yaml v2 has it.

/// How a scalar may be written in block context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowed {
    /// It has line breaks.
    pub multiline: bool,
    /// Without quotes.
    pub plain: bool,
    /// In single quotes.
    pub single: bool,
    /// As a literal block.
    pub block: bool,
}

/// go-yaml v2 counts as printable what is in the basic plane, without tab and byte order mark.
pub(super) fn printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

/// The characters at which YAML 1.1 breaks lines.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank_or_end(c: Option<char>) -> bool {
    c.is_none_or(|c| c == ' ' || c == '\t')
}

/// Looks at every character once.
pub(super) fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { multiline: false, plain: true, single: true, block: false };
    }
    let mut seen = Seen { indicator: text.starts_with("---") || text.starts_with("..."), ..Seen::default() };
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        seen.indicator(c, before, chars.peek().copied());
        seen.space(c, before.is_none(), chars.peek().is_none());
        before = Some(c);
    }
    seen.allowed()
}

#[derive(Default)]
struct Seen {
    indicator: bool,
    line_break: bool,
    special: bool,
    outer_space: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
    after_space: bool,
    after_break: bool,
}

impl Seen {
    fn indicator(&mut self, c: char, before: Option<char>, next: Option<char>) {
        self.indicator |= match (c, before) {
            ('#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`', None) => {
                true
            }
            ('?' | '-', None) | (':', _) => is_blank_or_end(next),
            ('#', Some(before)) => before == ' ' || before == '\t' || is_break(before),
            _ => false,
        };
    }

    fn space(&mut self, c: char, first: bool, last: bool) {
        self.special |= !printable(c);
        if c == ' ' {
            self.outer_space |= first || last;
            self.trailing_space |= last;
            self.break_space |= self.after_break;
        } else if is_break(c) {
            self.line_break = true;
            self.outer_space |= first || last;
            self.space_break |= self.after_space;
        }
        self.after_space = c == ' ';
        self.after_break = is_break(c);
    }

    fn allowed(&self) -> Allowed {
        let quoted_only = self.break_space || self.space_break || self.special;
        Allowed {
            multiline: self.line_break,
            plain: !(self.outer_space || quoted_only || self.line_break || self.indicator),
            single: !quoted_only,
            block: !(self.trailing_space || self.space_break || self.special),
        }
    }
}
