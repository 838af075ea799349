//! The page on which somebody confirms what they are about to say: what it means, why, and one button. Buttons of other pages
//! lead here, so that nothing is said by following a link, and nothing needs a script.

use super::frame::{Tab, page};
use super::gate::REASON;
use super::parts::{self, Mark, mark};
use super::{Look, address};
use crate::plan::candidate::name_of;
use crate::plan::memory::{Has, Place};
use crate::report::history::by;
use crate::report::words;
use maud::{Markup, html};

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Look at everything now, and do what is to be done.
    Apply,
    /// Stop a run.
    Cancel,
    /// Leave an environment alone.
    Hold,
    /// Go on with it.
    Release,
    /// Bring an older candidate back.
    Rollback,
    /// Keep a source at a version.
    Pin,
    /// Let it move again.
    Unpin,
    /// Never use a version.
    Ban,
    /// Use it again.
    Unban,
    /// A step that was cut off was done.
    Done,
    /// It was not, and runs again.
    Again,
}

impl What {
    /// All of them.
    pub const ALL: [What; 11] = [
        What::Apply,
        What::Cancel,
        What::Hold,
        What::Release,
        What::Rollback,
        What::Pin,
        What::Unpin,
        What::Ban,
        What::Unban,
        What::Done,
        What::Again,
    ];

    /// It in a word, as it stands in addresses.
    pub fn word(self) -> &'static str {
        match self {
            What::Apply => "apply",
            What::Cancel => "cancel",
            What::Hold => "hold",
            What::Release => "release",
            What::Rollback => "rollback",
            What::Pin => "pin",
            What::Unpin => "unpin",
            What::Ban => "ban",
            What::Unban => "unban",
            What::Done => "done",
            What::Again => "again",
        }
    }

    /// What that word means.
    pub fn of(word: &str) -> Option<What> {
        What::ALL.into_iter().find(|w| w.word() == word)
    }

    /// Whether it has to be said why.
    pub fn needs_reason(self) -> bool {
        matches!(self, What::Hold | What::Rollback | What::Ban)
    }

    fn takes_reason(self) -> bool {
        !matches!(self, What::Apply | What::Cancel | What::Done | What::Again)
    }
}

/// What it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// An environment, a source, a step or a run.
    pub name: String,
    /// A candidate or a version.
    pub of: Option<String>,
}

/// The address of the page.
pub(super) fn to(look: &Look<'_>, what: What, name: &str, of: Option<&str>) -> String {
    let plain = |text: &str| address(&[text]).trim_start_matches('/').to_string();
    let of = of.map(|of| format!("&of={}", plain(of))).unwrap_or_default();
    format!("{}?about={}{of}", look.to(&["say", what.word()]), plain(name))
}

/// A link to the page, where the viewer may say that.
pub(super) fn link(look: &Look<'_>, what: What, name: &str, of: Option<&str>, text: &str) -> Markup {
    html! {
        @if look.viewer.may_operate {
            a.act href=(to(look, what, name, of)) { (text) @if !name.is_empty() { span.unseen { " " (parts::text(name)) } } }
        }
    }
}

/// What the page says.
struct Telling {
    title: String,
    means: String,
    button: String,
    /// Why there is nothing to confirm.
    not: Option<String>,
    choice: Markup,
}

/// The page; nothing where there is nothing that it could be about. `said` is what came of what was just asked.
pub fn html(look: &Look<'_>, what: What, about: &About, said: Option<&str>) -> Option<Markup> {
    let telling = telling(look, what, about)?;
    let body = html! {
        div.narrow #word {
            header.head {
                p.crumb { a href=(look.to(&[])) { "Board" } " / " (what.word()) }
                h1 { (parts::text(&telling.title)) }
            }
            @if let Some(said) = said { p.banner role="alert" { (mark(Mark::Unclear)) span { (parts::text(said)) } } }
            p { (parts::text(&telling.means)) }
            @match &telling.not {
                Some(not) => p.banner { (mark(Mark::Nothing)) span { (parts::text(not)) } },
                None => form method="post" action=(look.to(&["say", what.word()])) {
                    input type="hidden" name="csrf" value=(look.viewer.csrf);
                    input type="hidden" name="about" value=(about.name);
                    (telling.choice)
                    @if what.takes_reason() {
                        label {
                            span { "Why" @if !what.needs_reason() { " " span.muted { "(if you like)" } } }
                            input type="text" name="reason" maxlength=(REASON) required[what.needs_reason()] autocomplete="off";
                        }
                    }
                    button.primary type="submit" { (parts::text(&telling.button)) }
                }
            }
            p.more { a href=(look.to(&[])) { "Back to the board" } }
        }
    };
    Some(page(look, Tab::None, &telling.title, body))
}

fn telling(look: &Look<'_>, what: What, about: &About) -> Option<Telling> {
    let name = about.name.as_str();
    let plain = |title: String, means: String, button: String| Telling {
        title,
        means,
        button,
        not: None,
        choice: about.of.as_deref().map(hidden).unwrap_or_default(),
    };
    Some(match what {
        What::Apply => plain(
            "Apply now?".into(),
            "Every source is looked at now, and what is to be done is done, as far as the gates let it.".into(),
            "Apply now".into(),
        ),
        What::Cancel => {
            let number: u64 = name.parse().ok()?;
            let open = look.state.open.get(&number);
            let means = if open.is_some_and(|o| o.cancelled) {
                "It is being stopped: nothing new of it begins. This stops its running programs, too."
            } else {
                "Nothing new of it begins, and what runs comes to its end. Asked again, running programs are stopped."
            };
            let not = open.is_none().then(|| format!("Run {number} is not under way."));
            Telling { not, ..plain(format!("Stop run {number}?"), means.into(), format!("Stop run {number}")) }
        }
        What::Hold | What::Release | What::Rollback => of_environment(look, what, about, plain)?,
        What::Pin | What::Unpin | What::Ban | What::Unban => of_source(look, what, about, plain)?,
        What::Done | What::Again => {
            let known = look.state.intents.get(name).filter(|i| i.indeterminate);
            let not = known.is_none().then(|| format!("What became of {name} is known."));
            let (title, means, button) = if what == What::Done {
                ("was done?", "It counts as done, and what comes after it goes on.", "It was done")
            } else {
                ("runs again?", "It runs once more, as if it had not begun.", "Run it again")
            };
            Telling { not, ..plain(format!("{name} {title}"), means.into(), button.into()) }
        }
    })
}

fn of_environment(
    look: &Look<'_>,
    what: What,
    about: &About,
    plain: impl Fn(String, String, String) -> Telling,
) -> Option<Telling> {
    let name = look.environments().find(|e| *e == about.name)?;
    let place = look.state.memory.environments.get(name);
    Some(match what {
        What::Hold => plain(
            format!("Hold {name}?"),
            format!("{name} stays as it is until somebody releases it, whatever comes and whoever approves."),
            format!("Hold {name}"),
        ),
        What::Release => {
            let hold = place.and_then(|p| p.hold.as_ref());
            let means = hold
                .map_or_else(String::new, |h| format!("It is held {}. From then on candidates enter again.", by(h)));
            let not = hold.is_none().then(|| format!("{name} is not held."));
            Telling { not, ..plain(format!("Release {name}?"), means, format!("Release {name}")) }
        }
        _ => {
            let means = format!(
                "The candidate goes through the same plan and the same gate. {name} is held from then on, so that automation does not undo it."
            );
            let had = place.map(had).unwrap_or_default();
            let not = had.is_empty().then(|| format!("{name} had no other candidate before."));
            let choice = candidates(look, &had, about.of.as_deref());
            let telling = plain(format!("Bring {name} back?"), means, format!("Bring {name} back"));
            Telling { not, choice, ..telling }
        }
    })
}

/// What an environment had before, the newest first, each candidate once.
fn had(place: &Place) -> Vec<&Has> {
    let mut all: Vec<&Has> = Vec::new();
    for has in place.had.iter().rev() {
        let is_there = place.has.as_ref().is_some_and(|h| h.candidate == has.candidate);
        if !is_there && !all.iter().any(|h| h.candidate == has.candidate) {
            all.push(has);
        }
    }
    all
}

fn candidates(look: &Look<'_>, had: &[&Has], wanted: Option<&str>) -> Markup {
    html! {
        label {
            span { "To" }
            select name="of" {
                @for has in had {
                    @let hex = has.candidate.hex();
                    option value=(hex) selected[wanted == Some(hex.as_str())] {
                        (name_of(has.candidate)) ", there since " (look.clock.stamp(has.since))
                    }
                }
            }
        }
    }
}

fn of_source(
    look: &Look<'_>,
    what: What,
    about: &About,
    plain: impl Fn(String, String, String) -> Telling,
) -> Option<Telling> {
    let source = look.graph.pipeline().sources.iter().find(|s| s.name.value == about.name)?;
    let name = source.name.value.as_str();
    let memory = &look.state.memory;
    let head = memory.heads.get(name).map(|h| &h.version);
    let seen = memory.candidates.values().filter_map(|c| c.versions.get(name)).chain(head);
    let version = match about.of.as_deref() {
        Some(of) => seen.filter(|v| v.id == of).map(words::version).next().unwrap_or_else(|| of.to_string()),
        None => head.map(words::version).unwrap_or_default(),
    };
    let none = version.is_empty().then(|| format!("No version of {name} was seen yet."));
    Some(match what {
        What::Pin => Telling {
            not: none,
            ..plain(
                format!("Pin {name} at {version}?"),
                format!("{name} stays at this version, whatever is newer, until somebody unpins it."),
                format!("Pin {name}"),
            )
        },
        What::Unpin => {
            let pin = memory.pins.get(name);
            let means = pin.map_or_else(String::new, |p| {
                format!(
                    "It is pinned at {} {}. From then on it moves again.",
                    words::version(&p.head.version),
                    by(&p.word)
                )
            });
            let not = pin.is_none().then(|| format!("{name} is not pinned."));
            Telling { not, ..plain(format!("Unpin {name}?"), means, format!("Unpin {name}")) }
        }
        What::Ban => Telling {
            not: none,
            ..plain(
                format!("Ban {version} of {name}?"),
                "No candidate with this version enters any environment any more. What has it already keeps it.".into(),
                format!("Ban {version}"),
            )
        },
        _ => {
            let banned =
                memory.bans.iter().find(|b| b.source == name && Some(b.version.as_str()) == about.of.as_deref());
            let means = banned.map_or_else(String::new, |b| format!("It is banned {}.", by(&b.word)));
            let not = banned.is_none().then(|| "That version is not banned.".to_string());
            Telling { not, ..plain(format!("Use {version} of {name} again?"), means, "Use it again".into()) }
        }
    })
}

fn hidden(of: &str) -> Markup {
    html! { input type="hidden" name="of" value=(of); }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_means_one_thing() {
        for what in What::ALL {
            assert_eq!(What::of(what.word()), Some(what));
            assert!(!what.needs_reason() || what.takes_reason());
        }
        assert_eq!(What::of("approve"), None);
    }
}
