//! What libgit2 says, in words for those who wrote the pipeline.

use super::address::{Remote, Scheme};
use super::hosts::{self, Shown};
use crate::ports::{Fault, PortError};
use git2::{Error, ErrorClass, ErrorCode};

/// Why a server did not give what was asked for.
pub(super) fn from_server(error: &Error, remote: &Remote, with_credentials: bool, shown: &Shown) -> PortError {
    let (url, host, said) = (&remote.shown, &remote.host, error.message());
    let status = |code: &str| said.contains(&format!("status code: {code}"));
    match (error.class(), error.code()) {
        (_, ErrorCode::Certificate) if remote.scheme == Scheme::Ssh => unknown_host(remote, shown, hosts::is_known),
        (_, ErrorCode::Certificate) => untrusted(remote, said),
        (ErrorClass::Ssl, _) if said.contains("ertificate") => untrusted(remote, said),
        (_, ErrorCode::Auth) => denied(remote, with_credentials),
        _ if status("401") || status("403") || said.contains("uthentica") => denied(remote, with_credentials),
        _ if status("404") || status("410") || said.contains("Repository not found") => missing(remote),
        _ if said.contains("No space left") || said.contains("quota exceeded") => {
            unavailable(format!("there is no room on the disk to fetch `{url}`")).help("make room where the cache is")
        }
        (_, ErrorCode::Timeout) => unavailable(format!("`{host}` did not answer in time while `{url}` was asked")),
        (_, ErrorCode::Eof) if remote.scheme == Scheme::Ssh => unavailable(format!(
            "`{host}` let us in and closed the connection while `{url}` was asked"
        ))
        .help("look whether there is a git repository at that path which the user may read, and git on that machine"),
        (_, ErrorCode::Eof) => unavailable(format!("`{host}` closed the connection while `{url}` was asked")),
        (ErrorClass::Net | ErrorClass::Os | ErrorClass::Ssl, _) => {
            unavailable(format!("`{url}` cannot be reached: {said}"))
        }
        (ErrorClass::Http, _) => {
            unavailable(format!("`{host}` did not answer as a git server does for `{url}`: {said}"))
        }
        (ErrorClass::Ssh, _) if remote.scheme == Scheme::Ssh => {
            unavailable(format!("`{url}` cannot be reached by ssh: {said}"))
        }
        _ => unavailable(format!("`{url}` could not be read: {said}")),
    }
}

fn unavailable(message: String) -> PortError {
    PortError::new(Fault::Unavailable, message)
}

fn missing(remote: &Remote) -> PortError {
    PortError::new(Fault::NotFound, format!("there is no git repository at `{}`", remote.shown))
        .help("check the URL; many hosts also say this of a repository that the credentials do not open")
}

fn denied(remote: &Remote, with_credentials: bool) -> PortError {
    let url = &remote.shown;
    if with_credentials {
        return PortError::new(Fault::Denied, format!("`{url}` refuses the credentials")).help(match remote.scheme {
            Scheme::Http => "check that they are right, not expired, and may read the repository",
            Scheme::Ssh => {
                "check that the secret holds the whole private key, without a passphrase, and that the server knows its public half"
            }
        });
    }
    let help = match remote.scheme {
        Scheme::Http => "name a secret with user name and token in `credentials`",
        Scheme::Ssh => {
            "start an ssh agent that has the key, put a key into `~/.ssh`, or name a secret in `credentials`"
        }
    };
    PortError::new(Fault::Denied, format!("`{url}` wants credentials")).help(help)
}

fn untrusted(remote: &Remote, said: &str) -> PortError {
    PortError::new(Fault::Denied, format!("the certificate of `{}` is not trusted: {said}", remote.host))
        .help("add the authority that signed it to this machine's, or name its file in `SSL_CERT_FILE`")
}

/// The key of an ssh server is another one than before, or none is known.
fn unknown_host(remote: &Remote, shown: &Shown, is_known: impl Fn(&str, u16) -> bool) -> PortError {
    let (host, port) = (&remote.host, remote.port.unwrap_or(22));
    let name = hosts::name(host, port);
    let it_shows = shown.0.as_ref().map_or(String::new(), |key| format!(" (it shows {key})"));
    let scan = if port == 22 { format!("ssh-keyscan {host}") } else { format!("ssh-keyscan -p {port} {host}") };
    if is_known(host, port) {
        let message = format!("`{name}` shows another host key than `~/.ssh/known_hosts` has{it_shows}");
        return PortError::new(Fault::Denied, message).help(format!(
            "somebody may be in between; if its owner says that it has a new key, forget the old one with \
             `ssh-keygen -R '{name}'` and add that: `{scan} >> ~/.ssh/known_hosts`"
        ));
    }
    PortError::new(Fault::Denied, format!("the host key of `{name}` is not in `~/.ssh/known_hosts`{it_shows}"))
        .help(format!("compare the key with what its owner publishes, and add it: `{scan} >> ~/.ssh/known_hosts`"))
}

/// Why a repository on this disk, or the cache, could not be read.
pub(super) fn from_disk(error: &Error, shown: &str) -> PortError {
    let fault = match error.code() {
        ErrorCode::NotFound => Fault::NotFound,
        _ if error.class() == ErrorClass::Os => Fault::Unavailable,
        _ => Fault::Invalid,
    };
    PortError::new(fault, format!("`{shown}` could not be read: {}", error.message()))
}

/// There is no such branch. `branches` are those that there are.
pub(super) fn no_branch(branch: &str, shown: &str, branches: &[String]) -> PortError {
    if branches.is_empty() {
        return PortError::new(Fault::NotFound, format!("the repository `{shown}` is empty: it has no branch yet"))
            .help(format!("commit something to `{branch}` and push it"));
    }
    let error = PortError::new(Fault::NotFound, format!("`{shown}` has no branch `{branch}`"));
    match nearest(branch, branches) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("it has {}", some_of(branches))),
    }
}

fn nearest<'a>(branch: &str, branches: &'a [String]) -> Option<&'a String> {
    // Who wrote `main` of an old repository meant `master`, whatever the letters say.
    let renamed = |other: &&String| matches!((branch, other.as_str()), ("main", "master") | ("master", "main"));
    let likeness = |other: &&String| (strsim::jaro_winkler(branch, other) * 1000.0) as u32;
    branches.iter().find(renamed).or_else(|| branches.iter().filter(|other| likeness(other) > 800).max_by_key(likeness))
}

/// The first few branches.
fn some_of(branches: &[String]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = branches.iter().take(NAMED).map(|branch| format!("`{branch}`")).collect();
    match branches.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The commit is not there any more.
pub(super) fn no_commit(id: &str, shown: &str) -> PortError {
    let short = id.get(..12).unwrap_or(id);
    PortError::new(Fault::NotFound, format!("`{shown}` no longer has the commit {short}"))
        .help("its branch was probably rewritten (a force-push); plan again to go on from what is there now")
}

#[cfg(test)]
mod tests {
    use super::super::address::Address;
    use super::*;

    fn said(url: &str, code: ErrorCode, class: ErrorClass, message: &str) -> PortError {
        match Address::parse(url) {
            Ok(Address::Remote(remote)) => from_server(&Error::new(code, class, message), &remote, false, &Shown(None)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_host_that_is_unknown_is_told_from_one_with_another_key() {
        let Ok(Address::Remote(remote)) = Address::parse("ssh://git@h.org:2222/a.git") else { panic!("an address") };
        let shown = Shown(Some("ED25519 SHA256:x".to_string()));
        let error = unknown_host(&remote, &shown, |_, _| false);
        assert_eq!(
            error.message,
            "the host key of `[h.org]:2222` is not in `~/.ssh/known_hosts` (it shows ED25519 SHA256:x)"
        );
        assert!(error.help.is_some_and(|help| help.contains("`ssh-keyscan -p 2222 h.org >>")));
        let error = unknown_host(&remote, &shown, |host, port| (host, port) == ("h.org", 2222));
        assert!(error.message.starts_with("`[h.org]:2222` shows another host key"), "{error}");
        assert!(error.help.is_some_and(|help| help.contains("ssh-keygen -R '[h.org]:2222'")));
    }

    #[test]
    fn what_libgit2_says_becomes_words() {
        use ErrorCode::{Auth, Certificate, GenericError, Timeout};
        let ssh = |code, message| said("git@h.org:a.git", code, ErrorClass::Ssh, message);
        assert!(ssh(Auth, "no credentials are left to try").help.is_some_and(|help| help.contains("ssh agent")));
        assert_eq!(ssh(GenericError, "failed to authenticate SSH session: bad key").fault, Fault::Denied);
        assert_eq!(ssh(GenericError, "ERROR: Repository not found.").fault, Fault::NotFound);
        assert_eq!(ssh(GenericError, "Failed to open SSH channel").fault, Fault::Unavailable);
        let http = |code, class, message| said("https://u:secret@h.org/a", code, class, message);
        let error = http(GenericError, ErrorClass::Http, "unexpected http status code: 403");
        assert_eq!((error.fault, error.message.as_str()), (Fault::Denied, "`https://…@h.org/a` wants credentials"));
        assert_eq!(http(Certificate, ErrorClass::Ssl, "the SSL certificate is invalid").fault, Fault::Denied);
        assert_eq!(http(Timeout, ErrorClass::Net, "could not read from socket").fault, Fault::Unavailable);
    }
}
