//! Signing in: with a token, or with whom people sign in elsewhere.

use super::frame::bare;
use super::parts::{self, Mark, mark};
use super::{Viewer, address};
use maud::{Markup, html};

/// How long a token may be.
pub const TOKEN: usize = 512;

/// What the page offers.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The name of the provider that people can sign in with, if there is one.
    pub provider: Option<String>,
    /// Where to go afterwards: an address of ours.
    pub to: Option<String>,
    /// Why it did not work.
    pub fault: Option<String>,
    /// How somebody who has no token comes to one, in words of who set this up.
    pub hint: Option<String>,
}

/// The page.
pub fn html(viewer: &Viewer, offer: &Offer) -> Markup {
    let to = offer.to.as_deref().filter(|to| is_ours(to));
    let body = html! {
        div.narrow {
            header.head { h1 { "Sign in" } }
            @if let Some(fault) = &offer.fault { p.banner.bad role="alert" { (mark(Mark::Failed)) span { (parts::text(fault)) } } }
            @if let Some(provider) = &offer.provider {
                p { a.button.primary.wide href=(elsewhere(to)) rel="nofollow" { "Sign in with " (parts::text(provider)) } }
                p.or { span { "or" } }
            }
            form method="post" action=(address(&["login"])) {
                (hidden(viewer, to))
                label { "Token" input type="password" name="token" required maxlength=(TOKEN) autocomplete="current-password" spellcheck="false" autofocus[offer.provider.is_none()]; }
                button.primary[offer.provider.is_none()] type="submit" { "Sign in" }
            }
            @match &offer.hint {
                Some(hint) => p.muted { (parts::text(hint)) },
                None => p.muted { "A token is shown once, when it is made. Whoever runs this server makes one for you." }
            }
        }
    };
    bare(viewer, "Sign in", None, body)
}

/// The address that leads to whom people sign in with elsewhere.
fn elsewhere(to: Option<&str>) -> String {
    let to = to.map(|to| format!("?to={}", address(&[to]).trim_start_matches('/'))).unwrap_or_default();
    address(&["login", "oidc"]) + &to
}

fn hidden(viewer: &Viewer, to: Option<&str>) -> Markup {
    html! {
        input type="hidden" name="csrf" value=(viewer.csrf);
        @if let Some(to) = to { input type="hidden" name="to" value=(to); }
    }
}

/// The address of this page that leads on to one of ours.
pub fn address_for(to: &str) -> String {
    let parts: Vec<&str> = to.trim_start_matches('/').split('/').collect();
    let inner: Vec<String> = parts.iter().map(|p| address(&[p]).trim_start_matches('/').to_string()).collect();
    format!("{}?to=%2F{}", address(&["login"]), inner.join("%2F"))
}

/// Whether an address is one of ours, and cannot be taken for one of somebody else.
pub fn is_ours(to: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%/?=&#".contains(c);
    to.starts_with('/') && !to.starts_with("//") && to.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert!(is_ours("/p/first-light/gates/staging") && is_ours("/"));
        for foreign in ["//evil", "https://evil", "/\\evil", "javascript:alert(1)", "", "/\t/evil", "/a b"] {
            assert!(!is_ours(foreign), "{foreign}");
        }
        assert_eq!(address_for("/p/a%20b/gates/x"), "/login?to=%2Fp%2Fa%2520b%2Fgates%2Fx");
    }
}
