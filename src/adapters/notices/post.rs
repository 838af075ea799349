//! Notices by HTTP.

use crate::adapters::web::{Web, Worker, unreachable};
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::time::Duration;

/// What the receiver is called in errors: its address may be a secret.
const RECEIVER: &str = "the receiver";

/// Posts a body, with its id and, where there is a key, its signature.
pub(super) fn post(
    web: &Web,
    id: &str,
    url: &SecretString,
    body: &str,
    key: Option<&SecretString>,
    patience: Duration,
) -> Result<(), PortError> {
    let bad = || PortError::new(Fault::Invalid, "the address is no URL of `https:` or `http:`");
    let url = Url::parse(url.expose_secret().trim()).map_err(|_| bad())?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(bad)?;
    let host = url.port().map_or(host.to_string(), |port| format!("{host}:{port}"));
    // A message that is sent on to somewhere else would arrive there as a question.
    let client = web.client_that_stays(&host).map_err(|e| hidden(e, &host))?;
    let mut request = client.post(url).timeout(patience).body(body.to_string());
    request = request.header("content-type", "application/json").header("x-lockgate-notice", id);
    if let Some(key) = key {
        request = request.header("x-lockgate-signature", format!("sha256={}", signature(key, body.as_bytes())?));
    }
    let answer = Worker::get()?.wait(async move { request.send().await });
    let status = answer.map_err(|e| hidden(unreachable(RECEIVER, &e), &host))?.status();
    let says =
        |fault, what: &str| Err(PortError::new(fault, format!("{RECEIVER} answers HTTP {}{what}", status.as_u16())));
    match status.as_u16() {
        200..=299 => Ok(()),
        300..=399 => says(Fault::Invalid, ", and sends us elsewhere; write the address that it moved to"),
        401 | 403 => says(Fault::Denied, ""),
        404 | 410 => says(Fault::Invalid, ": nothing is there"),
        408 | 425 | 429 | 500..=599 => says(Fault::Unavailable, ""),
        _ => says(Fault::Invalid, ""),
    }
}

/// HMAC-SHA256 of a body, in hexadecimal digits.
fn signature(key: &SecretString, body: &[u8]) -> Result<String, PortError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .map_err(|_| PortError::new(Fault::Invalid, "the secret is no key"))?;
    mac.update(body);
    Ok(Digest(mac.finalize().into_bytes().into()).hex())
}

fn hidden(error: PortError, host: &str) -> PortError {
    let hide = |text: String| text.replace(host, RECEIVER);
    PortError { message: hide(error.message), help: error.help.filter(|h| !h.contains("registry")).map(hide), ..error }
}
