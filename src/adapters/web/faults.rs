//! What went wrong on the way to a host, in words.

use crate::ports::{Fault, PortError};
use std::error::Error as _;
use std::io::ErrorKind;

/// Why there was no answer.
pub(crate) fn unreachable(host: &str, error: &reqwest::Error) -> PortError {
    let reason = reason(error);
    if reason.contains("certificate") || reason.contains("Certificate") {
        return PortError::new(Fault::Invalid, format!("the certificate of {host} is not to be trusted: {reason}")).help(
            format!("put the authority that signed it into `/etc/docker/certs.d/{host}/ca.crt`, or name it with SSL_CERT_FILE"),
        );
    }
    if error.is_redirect() {
        return PortError::new(Fault::Invalid, format!("{host}: {reason}"));
    }
    if error.is_builder() {
        return PortError::new(Fault::Invalid, format!("{host} cannot be asked: {reason}"));
    }
    let how = match io_kind(error) {
        Some(ErrorKind::ConnectionRefused) => "connection refused".to_string(),
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            return PortError::new(Fault::Unavailable, format!("{host} cut the connection"));
        }
        _ if error.is_timeout() => return PortError::new(Fault::Unavailable, format!("{host} did not answer in time")),
        _ if reason.contains("corrupt message") || reason.contains("InvalidContentType") => {
            return PortError::new(Fault::Invalid, format!("{host} does not speak TLS"))
                .help("a registry without TLS must be on this machine, or the file must say `plain-http=#true`");
        }
        _ if chain(error).any(|text| text.contains("dns error")) => format!("its name is not known ({reason})"),
        _ if !error.is_connect() => {
            return PortError::new(Fault::Unavailable, format!("{host} cut the connection: {reason}"));
        }
        _ => reason,
    };
    PortError::new(Fault::Unavailable, format!("{host} cannot be reached: {how}"))
}

/// The innermost reason of an error, without the URL, which may hold what is not to be seen.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    chain(error).last().unwrap_or_else(|| "no reason is given".to_string())
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = String> {
    let mut next = error.source();
    let mut texts = Vec::new();
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.into_iter()
}

fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut next = error.source();
    let mut found = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            found = Some(io.kind());
        }
        next = error.source();
    }
    found
}
