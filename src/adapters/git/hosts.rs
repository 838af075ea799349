//! The keys of ssh servers: what a server showed, and whether `~/.ssh/known_hosts` speaks of it. libgit2 compares the two and
//! refuses; what it does not say is whether the server is unknown or shows another key than before, which is alarming.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use git2::cert::Cert;
use sha1::{Digest as _, Sha1};
use std::path::PathBuf;

/// The key that a server showed, as `ssh-keygen -l` names it: `ED25519 SHA256:…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown(pub Option<String>);

impl Shown {
    /// Of what libgit2 has from the server.
    pub(super) fn of(cert: &Cert<'_>) -> Shown {
        let Some(key) = cert.as_hostkey() else { return Shown(None) };
        let kind = key.hostkey_type().map_or("", |kind| kind.short_name()).to_uppercase();
        let print = key.hash_sha256().map(|hash| STANDARD_NO_PAD.encode(hash));
        Shown(print.map(|print| format!("{kind} SHA256:{print}").trim_start().to_string()))
    }
}

/// Whether the user's `known_hosts` has a key of a server, whichever.
pub(super) fn is_known(host: &str, port: u16) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let text = home.and_then(|home| std::fs::read_to_string(home.join(".ssh").join("known_hosts")).ok());
    text.is_some_and(|text| lists(&text, &name(host, port)))
}

/// What `known_hosts` calls a server.
pub(super) fn name(host: &str, port: u16) -> String {
    if port == 22 { host.to_string() } else { format!("[{host}]:{port}") }
}

fn lists(text: &str, name: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '@']));
    lines.filter_map(|line| line.split_whitespace().next()).any(|hosts| hosts.split(',').any(|host| is(host, name)))
}

/// Whether an entry is of a name: as it is, or hashed as `|1|SALT|HASH`.
fn is(entry: &str, name: &str) -> bool {
    let Some(hashed) = entry.strip_prefix("|1|") else { return entry.eq_ignore_ascii_case(name) };
    let parts = hashed.split_once('|').and_then(|(s, h)| Some((STANDARD.decode(s).ok()?, STANDARD.decode(h).ok()?)));
    parts.is_some_and(|(salt, hash)| hmac(&salt, name.as_bytes()) == hash)
}

/// HMAC with SHA-1, for which nothing else here has a use.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    let long = Sha1::digest(key);
    let key = if key.len() > block.len() { &long[..] } else { key };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_plain_and_hashed() {
        let text = "# a.org ssh-rsa A\nb.org,[C.org]:2222 ssh-ed25519 B\n@revoked d.org ssh-rsa C\n";
        assert_eq!(["a.org", "b.org", "d.org"].map(|host| lists(text, &name(host, 22))), [false, true, false]);
        assert!(lists(text, &name("c.org", 2222)) && !lists(text, &name("c.org", 22)));
        let salt = b"0123456789abcdefghij";
        let hashed = format!("|1|{}|{} ssh-rsa A", STANDARD.encode(salt), STANDARD.encode(hmac(salt, b"h.org")));
        assert!(lists(&hashed, "h.org") && !lists(&hashed, "i.org"));
    }

    /// RFC 2202, cases 2 and 6.
    #[test]
    fn hmac_is_as_it_is_written_down() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(hmac(b"Jefe", b"what do ya want for nothing?")), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let long = hmac(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(long), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }
}
