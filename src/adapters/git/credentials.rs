//! What we show to a server that asks who we are.

use super::address::Remote;
use crate::ports::sources::Credentials;
use git2::{Cred, CredentialType, Error, ErrorClass, ErrorCode};
use std::collections::VecDeque;
use std::path::PathBuf;

/// The keys that ssh looks for by itself, in its order.
const KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Everything that may be tried with one server, each once: libgit2 asks again after every refusal, for ever if let.
pub(super) struct Answers<'a> {
    host: &'a str,
    given: Option<&'a Credentials>,
    password_tried: bool,
    ssh: VecDeque<SshKey>,
}

/// A key to try with ssh.
enum SshKey {
    Given,
    Agent,
    File(PathBuf),
}

impl<'a> Answers<'a> {
    /// The answers for a server.
    pub(super) fn new(remote: &'a Remote, given: Option<&'a Credentials>) -> Answers<'a> {
        let is_key = given.is_some_and(|given| given.password.trim_start().starts_with("-----BEGIN"));
        let ssh = match is_key {
            true => VecDeque::from([SshKey::Given]),
            false => std::iter::once(SshKey::Agent).chain(own_keys().map(SshKey::File)).collect(),
        };
        Answers { host: &remote.host, given, password_tried: false, ssh }
    }

    /// The next answer of a kind that the server takes.
    pub(super) fn next(&mut self, url: &str, user: Option<&str>, allowed: CredentialType) -> Result<Cred, Error> {
        let given_name = self.given.map(|given| given.username.as_str()).filter(|name| !name.is_empty());
        let user = user.or(given_name).unwrap_or("git");
        if allowed.is_username() {
            return Cred::username(user);
        }
        if allowed.is_user_pass_plaintext()
            && let Some(given) = self.given
            && !self.password_tried
            && self.is_for(url)
        {
            self.password_tried = true;
            // Hosts that take a token want some user name beside it, and don't care which.
            return Cred::userpass_plaintext(given_name.unwrap_or("git"), &given.password);
        }
        if allowed.is_ssh_key() {
            while let Some(key) = self.ssh.pop_front() {
                if let Ok(credential) = self.ssh_key(&key, user) {
                    return Ok(credential);
                }
            }
        }
        Err(Error::new(ErrorCode::Auth, ErrorClass::Net, "no credentials are left to try"))
    }

    fn ssh_key(&self, key: &SshKey, user: &str) -> Result<Cred, Error> {
        match (key, self.given) {
            (SshKey::Given, Some(given)) => Cred::ssh_key_from_memory(user, None, &given.password, None),
            (SshKey::File(path), _) => Cred::ssh_key(user, None, path, None),
            _ => Cred::ssh_key_from_agent(user),
        }
    }

    /// Whether the question comes from the server that the credentials are for, and not from one it redirected to.
    fn is_for(&self, url: &str) -> bool {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest.split('/').next().unwrap_or(rest));
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        place
            .trim_start_matches('[')
            .strip_prefix(self.host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ']', '/']))
    }
}

fn own_keys() -> impl Iterator<Item = PathBuf> {
    let folder = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh"));
    folder.into_iter().flat_map(|folder| KEYS.map(|name| folder.join(name))).filter(|path| path.is_file())
}
