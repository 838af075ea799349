//! Pages for when there is none. What is not there and what somebody may not see look the same.

use super::Viewer;
use super::frame::bare;
use maud::{Markup, html};

/// The one page for what is absent and for what is forbidden.
pub fn absent(viewer: &Viewer) -> Markup {
    let body = html! {
        div.narrow {
            header.head { h1 { "Nothing here" } }
            p { "There is no such page, or you may not see it." }
            @if viewer.name.is_none() { p { a.button href=(super::address(&["login"])) { "Sign in" } } }
            @else { p { a.button href="/" { "To the board" } } }
        }
    };
    bare(viewer, "Nothing here", None, body)
}

/// Something that was asked for and cannot be done, in a sentence, with the way back.
pub fn refused(viewer: &Viewer, title: &str, why: &str, back: Option<&str>) -> Markup {
    let body = html! {
        div.narrow {
            header.head { h1 { (title) } }
            p { (super::parts::text(why)) }
            p { a.button href=(back.filter(|b| super::login::is_ours(b)).unwrap_or("/")) { "Back" } }
        }
    };
    bare(viewer, title, None, body)
}
