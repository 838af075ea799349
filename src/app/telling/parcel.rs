//! From a letter and somebody who is told to what is sent.

use super::Voice;
use crate::engine::{may_use, secret_value};
use crate::model::{Notify, NotifyTo, Part, Template};
use crate::ports::notices::{Parcel, To};
use crate::ports::{Fault, PortError};
use crate::report::notices::Letter;
use secrecy::SecretString;

/// The parcel. Secrets are asked for each time, since they may have changed.
pub(super) fn parcel(voice: &Voice, receiver: &Notify, id: &str, letter: &Letter) -> Result<Parcel, PortError> {
    let nowhere = || PortError::new(Fault::Invalid, "it does not say where it goes");
    let to = match receiver.to.as_ref().ok_or_else(nowhere)? {
        NotifyTo::Slack(url) => To::Post { url: address(voice, url)?, body: letter.slack(id), key: None },
        NotifyTo::Webhook { url, sign } => {
            let key = sign.as_ref().map(|name| secret(voice, name)).transpose()?;
            To::Post { url: address(voice, url)?, body: letter.json(id), key: key.map(SecretString::from) }
        }
        NotifyTo::Email(address) => {
            To::Mail { address: address.value.to_string(), subject: letter.title.clone(), text: letter.mail() }
        }
    };
    Ok(Parcel { id: id.to_string(), to })
}

/// An address with its secrets put in.
fn address(voice: &Voice, template: &Template) -> Result<SecretString, PortError> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Ref(reference) if reference.fields.is_empty() => {
                text.push_str(secret(voice, &reference.name)?.trim())
            }
            Part::Ref(reference) => {
                let message = format!("`{}` in the address is no secret", reference.name);
                return Err(PortError::new(Fault::Invalid, message));
            }
        }
    }
    Ok(SecretString::from(text))
}

fn secret(voice: &Voice, name: &str) -> Result<String, PortError> {
    may_use(&voice.graph, name, None)?;
    secret_value(&voice.world, &voice.graph, name)
}
