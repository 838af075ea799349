//! As much of DER as certificates need: writing elements, and walking those of a certificate.

/// An element of a tag and its contents.
pub(super) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        short @ 0..=127 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let used = &bytes[bytes.iter().position(|b| *b != 0).unwrap_or(0)..];
            out.push(0x80 | used.len() as u8);
            out.extend_from_slice(used);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// A SEQUENCE of these elements.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(numbers: &[u32]) -> Vec<u8> {
    let (head, rest) = match numbers {
        [a, b, rest @ ..] => (a * 40 + b, rest),
        _ => (0, &[][..]),
    };
    let mut out = Vec::new();
    for number in std::iter::once(head).chain(rest.iter().copied()) {
        let groups = (0..5).rev().map(|i| number >> (7 * i) & 0x7f).skip_while(|g| *g == 0).collect::<Vec<_>>();
        let groups = if groups.is_empty() { vec![0] } else { groups };
        let last = groups.len() - 1;
        out.extend(groups.iter().enumerate().map(|(i, g)| *g as u8 | if i < last { 0x80 } else { 0 }));
    }
    element(6, &out)
}

/// A positive INTEGER of these big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len().saturating_sub(1));
    let digits = &bytes[start..];
    let sign: &[u8] = if digits.first().is_none_or(|b| b & 0x80 != 0) { &[0] } else { &[] };
    element(2, &[sign, digits].concat())
}

/// A BIT STRING of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(3, &[&[0], bytes].concat())
}

/// The first element: tag, contents, the element as a whole, and what follows it.
#[allow(clippy::type_complexity, reason = "four pieces of one text, taken apart at once")]
pub(super) fn first(der: &[u8]) -> Option<(u8, &[u8], &[u8], &[u8])> {
    let (tag, length) = (*der.first()?, *der.get(1)?);
    let (start, length) = match length {
        short @ 0..=127 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let bytes = der.get(2..2 + count).filter(|_| count <= 4)?;
            (2 + count, bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
        }
    };
    let end = start.checked_add(length)?;
    Some((tag, der.get(start..end)?, der.get(..end)?, der.get(end..)?))
}

/// All elements: tag, contents, the element as a whole.
pub(super) fn all(mut der: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let mut out = Vec::new();
    while let Some((tag, contents, whole, rest)) = first(der) {
        out.push((tag, contents, whole));
        der = rest;
    }
    out
}

/// What a certificate says that its issuing of others needs.
pub(super) struct Issuer {
    /// The subject, as DER.
    pub subject: Vec<u8>,
    /// The public key, as DER of SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The subject key identifier, if it has one.
    pub key_id: Option<Vec<u8>>,
}

/// Reads a certificate.
pub(super) fn certificate(der: &[u8]) -> Option<Issuer> {
    let (0x30, outer, _, _) = first(der)? else { return None };
    let (0x30, body, _, _) = first(outer)? else { return None };
    let mut parts = all(body);
    if parts.first()?.0 == 0xa0 {
        parts.remove(0);
    }
    let [_serial, _algorithm, _issuer, _validity, subject, public_key, rest @ ..] = &parts[..] else { return None };
    let extensions = rest.iter().find(|(tag, _, _)| *tag == 0xa3).and_then(|(_, inner, _)| first(inner));
    let key_id = extensions.and_then(|(_, list, _, _)| {
        let wanted = oid(&[2, 5, 29, 14]);
        all(list).into_iter().map(|(_, extension, _)| all(extension)).find_map(|extension| {
            let named = extension.first().is_some_and(|(_, _, whole)| *whole == wanted);
            let (_, contents, _) = extension.last().filter(|_| named)?;
            first(contents).map(|(_, id, _, _)| id.to_vec())
        })
    });
    Some(Issuer { subject: subject.2.to_vec(), public_key: public_key.2.to_vec(), key_id })
}
