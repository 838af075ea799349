//! Messages as they come and go: a header with a length, then JSON.
//!
//! A message that cannot be read is told and the next one is read; only the end of the input ends it. So a client that
//! sends garbage loses that and nothing else.

use lsp_server::Message;
use std::io::{self, BufRead, Read};

/// How large a message may be: several times the largest file that is read, since JSON escapes it.
const LARGEST: u64 = 64 << 20;

/// How long a line of a header may be; all known ones are below a hundred bytes.
const LINE: u64 = 4 << 10;

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Message(Message),
    /// Something that is none, and why.
    Garbage(String),
}

/// Reads what comes next; nothing at the end.
pub fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let length = match header(input)? {
        Header::End => return Ok(None),
        Header::NoLength => return Ok(Some(Incoming::Garbage("a message without a length".to_string()))),
        Header::Length(length) => length,
    };
    if length > LARGEST {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Some(Incoming::Garbage(format!("a message of {length} bytes; {LARGEST} are the limit"))));
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Garbage(format!("a message that cannot be read: {error}")),
    }))
}

enum Header {
    Length(u64),
    NoLength,
    End,
}

/// Reads the lines up to an empty one. What is no header is passed over, so that garbage in front of a message is none of it.
fn header(input: &mut impl BufRead) -> io::Result<Header> {
    let mut length = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(Header::End);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            return Ok(length.map_or(Header::NoLength, Header::Length));
        }
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_told_and_the_next_message_is_read() {
        let good = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let text =
            format!("nonsense\r\n\r\nContent-Length: 5\r\n\r\n{{]}}xxContent-Length: {}\r\n\r\n{good}", good.len());
        let mut input = io::Cursor::new(text.into_bytes());
        let mut seen = Vec::new();
        while let Some(incoming) = read(&mut input).expect("memory") {
            seen.push(matches!(incoming, Incoming::Message(_)));
        }
        assert_eq!(seen, [false, false, true]);
    }

    #[test]
    fn a_length_that_no_machine_has_is_not_reserved() {
        let mut input = io::Cursor::new(b"Content-Length: 18446744073709551615\r\n\r\nxyz".to_vec());
        assert!(matches!(read(&mut input), Ok(Some(Incoming::Garbage(_)))));
        assert!(matches!(read(&mut input), Ok(None)));
    }
}
