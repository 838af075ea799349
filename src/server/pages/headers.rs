//! What every answer says to a browser: what it may load, run and send, which is next to nothing.

/// The policy of all pages: everything is ours, nothing is inline, nobody puts us into a frame.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The headers of every answer, pages or not.
pub const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// How long pages are kept: never, since they show what is now, and to whom.
pub const PAGE: &str = "no-store";
/// How long the stylesheet and its like are kept: as long as one likes, since their names say what is in them.
pub const ASSET: &str = "public, max-age=31536000, immutable";
