//! What the engine or the way to it says, in words.

use crate::ports::{Fault, PortError};
use bollard::errors::Error;
use std::io::ErrorKind;

/// The engine cannot be spoken with at all.
pub(super) fn no_engine(host: &str, error: &Error) -> PortError {
    let kind = io_kind(error);
    if kind == Some(ErrorKind::PermissionDenied) {
        return PortError::new(Fault::Denied, format!("the Docker engine at {host} may not be used: permission denied"))
            .help("become a member of the group that owns the socket (`docker` as a rule), or set DOCKER_HOST to another engine");
    }
    let help = "start the engine, or set DOCKER_HOST to one that runs; what is done already is not done again";
    match (error, kind) {
        (Error::SocketNotFoundError(path), _) => PortError::new(
            Fault::Unavailable,
            format!("there is no Docker engine at {host}: there is no socket {path}"),
        )
        .help(help),
        (Error::UnsupportedURISchemeError { .. }, _) => {
            PortError::new(Fault::Invalid, format!("`{host}` is no address of a Docker engine that is read here"))
                .help("DOCKER_HOST is `unix://PATH`, `tcp://HOST:PORT` or `https://HOST:PORT`")
        }
        (_, Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound)) => {
            let message = format!("there is no Docker engine at {host}: nobody listens there");
            PortError::new(Fault::Unavailable, message).help(help)
        }
        _ => PortError::new(
            Fault::Unavailable,
            format!("the Docker engine at {host} cannot be spoken with: {}", chain(error)),
        )
        .help(help),
    }
}

/// Something that was asked of an engine went wrong. `what` says what it was, as `making a container`.
pub(super) fn of(host: &str, what: &str, error: &Error) -> PortError {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            PortError::new(by_status(*status_code, message), format!("{what}: {}", message.trim()))
        }
        Error::DockerStreamError { error } => {
            PortError::new(by_message(error).unwrap_or(Fault::Invalid), format!("{what}: {}", error.trim()))
        }
        Error::RequestTimeoutError => {
            PortError::new(Fault::Unavailable, format!("{what}: the Docker engine at {host} has not answered in time"))
        }
        _ if went_away(error) => gone(host, what),
        _ => PortError::new(Fault::Unavailable, format!("{what}: {}", chain(error))),
    }
}

/// The engine stopped answering in the middle of something.
pub(super) fn gone(host: &str, what: &str) -> PortError {
    PortError::new(Fault::Unavailable, format!("{what}: the Docker engine at {host} went away"))
        .help("start it again and run `apply` again: what is done is not done again, and what runs there is found")
}

/// Whether the line to the engine was cut, or the engine is not there any more.
pub(super) fn went_away(error: &Error) -> bool {
    match error {
        Error::SocketNotFoundError(_) | Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } => true,
        Error::IOError { err } => err.kind() != ErrorKind::InvalidData,
        _ => false,
    }
}

/// Whether the engine says that there is no such thing.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether the engine says that it is there, or is that way, already.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 409 | 304, .. })
}

fn by_status(status: u16, message: &str) -> Fault {
    match status {
        401 | 403 => Fault::Denied,
        404 => by_message(message).unwrap_or(Fault::NotFound),
        400 => Fault::Invalid,
        _ => by_message(message).unwrap_or(Fault::Unavailable),
    }
}

/// What the engine means by a message: it wraps what registries and runtimes say into 500.
pub(super) fn by_message(message: &str) -> Option<Fault> {
    let lower = message.to_ascii_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if says(&["unauthorized", "authentication required", "access denied", "no basic auth", "denied:"]) {
        return Some(Fault::Denied);
    }
    if says(&["manifest unknown", "not found", "no such image", "no such file"]) {
        return Some(Fault::NotFound);
    }
    if says(&["no space left", "toomanyrequests", "too many requests"]) {
        return Some(Fault::Limit);
    }
    if says(&[
        "no such host",
        "connection refused",
        "i/o timeout",
        "tls handshake",
        "connection reset",
        "context canceled",
    ]) {
        return Some(Fault::Unavailable);
    }
    None
}

/// The error with all its causes, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.iter().any(|other| other.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}

/// What the system said, deep inside.
fn io_kind(error: &Error) -> Option<ErrorKind> {
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError { status_code, message: message.into() }
    }

    #[test]
    fn tells_what_kind_it_was() {
        let fault = |error: &Error| of("unix:///x", "pulling `a`", error).fault;
        for (status, message, expected) in [
            (404, "manifest unknown", Fault::NotFound),
            (404, "pull access denied for a, repository does not exist", Fault::Denied),
            (500, "Get \"https://r/v2/\": dial tcp: lookup r: no such host", Fault::Unavailable),
            (500, "write /var/lib/docker/x: no space left on device", Fault::Limit),
            (500, "unauthorized: authentication required", Fault::Denied),
            (400, "invalid reference format", Fault::Invalid),
            (503, "busy", Fault::Unavailable),
        ] {
            assert_eq!(fault(&server(status, message)), expected, "{message}");
        }
        assert_eq!(fault(&Error::DockerStreamError { error: "whatever".into() }), Fault::Invalid);
    }

    #[test]
    fn an_engine_that_is_not_there_says_where_it_was_looked_for_and_what_to_do() {
        let error = no_engine("unix:///run/x.sock", &Error::SocketNotFoundError("/run/x.sock".into()));
        assert_eq!(error.fault, Fault::Unavailable);
        assert!(error.message.contains("/run/x.sock"));
        assert!(error.help.unwrap().contains("DOCKER_HOST"));
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let error = no_engine("unix:///run/x.sock", &Error::IOError { err: denied });
        assert_eq!(error.fault, Fault::Denied);
        assert!(error.help.unwrap().contains("group"));
    }
}
