//! Tokens: `lg_ID_SECRET`. The id names the row, the secret is kept as its argon2id hash only and shown once.

use crate::adapters::sqlite::register::Token;
use crate::digest::Digest;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::io::Read as _;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look.
    Read,
    /// Approve and reject.
    Approve,
    /// Start, hold, release, pin, ban, roll back.
    Operate,
    /// See who did what to the server.
    Admin,
    /// Read `/metrics`.
    Metrics,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 5] = [Scope::Read, Scope::Approve, Scope::Operate, Scope::Admin, Scope::Metrics];

    /// The scope in a word.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Approve => "approve",
            Scope::Operate => "operate",
            Scope::Admin => "admin",
            Scope::Metrics => "metrics",
        }
    }

    /// The scope of that word.
    pub fn of(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|s| s.word() == word)
    }

    /// The scopes of those words; all where there are none.
    pub fn list(words: &[String]) -> Vec<Scope> {
        if words.is_empty() { Scope::ALL.to_vec() } else { words.iter().filter_map(|w| Scope::of(w)).collect() }
    }
}

/// Random bytes that nobody can foresee.
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A random word of letters and digits, with at least that many bits.
pub fn random_word<const N: usize>() -> std::io::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |b: u8| char::from(LETTERS.get(usize::from(b & 31)).copied().unwrap_or(b'a'));
    Ok(random::<N>()?.into_iter().map(letter).collect())
}

fn hasher() -> Argon2<'static> {
    // The second recommendation of RFC 9106 with less memory: the secret has 200 bits, and nobody guesses those.
    let params = Params::new(8 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A new token: what its owner gets, once, and what is kept.
pub fn new_token(
    person: &str,
    scopes: &[Scope],
    note: &str,
    now: i64,
    expires: Option<i64>,
) -> std::io::Result<(String, Token)> {
    let (id, secret) = (random_word::<8>()?, random_word::<40>()?);
    let failed = |e: argon2::password_hash::Error| std::io::Error::other(format!("the secret cannot be hashed: {e}"));
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(failed)?;
    let hash = hasher().hash_password(secret.as_bytes(), &salt).map_err(failed)?.to_string();
    let token = Token {
        id: id.clone(),
        person: person.to_string(),
        hash,
        scopes: scopes.iter().map(|s| s.word().to_string()).collect(),
        note: note.to_string(),
        created: now,
        expires,
        revoked: None,
    };
    Ok((format!("lg_{id}_{secret}"), token))
}

/// The id and the secret of a token; nothing where it is none.
pub fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.strip_prefix("lg_")?.split_once('_')?;
    let plain = |t: &str| t.len() <= 64 && !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain(id) && plain(secret)).then_some((id, secret))
}

/// Whether a secret is the one of that hash. Takes the same time whatever comes out.
pub fn verify(secret: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| hasher().verify_password(secret.as_bytes(), &hash).is_ok())
}

/// A hash that no secret has, so that an unknown token takes as long to refuse as a wrong one.
pub fn nobodys() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| {
        let salt = SaltString::encode_b64(b"nobody's token..").ok();
        let hash = salt.and_then(|salt| hasher().hash_password(b"-", &salt).ok().map(|h| h.to_string()));
        hash.unwrap_or_default()
    })
}

/// Under which name a secret may be kept in memory or in the register: its digest.
pub fn name_of(secret: &str) -> String {
    Digest::of(secret.as_bytes()).hex()
}

/// Whether two texts are the same, in a time that does not tell how far they are.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Digest::of(a).0, Digest::of(b).0);
    a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_with_its_secret_and_with_no_other() {
        let (shown, kept) = new_token("ann", &[Scope::Read], "ci", 1, None).expect("a token");
        let (id, secret) = parts(&shown).expect("its parts");
        assert_eq!(id, kept.id);
        assert!(kept.hash.starts_with("$argon2id$") && !kept.hash.contains(secret));
        assert!(verify(secret, &kept.hash));
        assert!(!verify("another", &kept.hash) && !verify(secret, "nonsense") && !verify(secret, nobodys()));
        let (other, _) = new_token("ann", &[], "", 1, None).expect("a token");
        assert_ne!(shown, other);
    }

    #[test]
    fn what_is_no_token_has_no_parts() {
        for text in ["", "lg_", "lg_a", "lg__b", "lg_a_", "lg_a_b_c", "xx_a_b", "lg_a_../b"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }
}
