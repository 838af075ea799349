//! The body of an answer, read as a file is.

use super::{Worker, unreachable};
use bytes::Bytes;
use reqwest::Response;
use std::io::{self, Read};

/// A body.
pub(crate) struct Body {
    host: String,
    worker: &'static Worker,
    response: Response,
    chunk: Bytes,
}

impl Body {
    pub(super) fn new(host: String, worker: &'static Worker, response: Response) -> Body {
        Body { host, worker, response, chunk: Bytes::new() }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.worker.wait(self.response.chunk()) {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) => return Ok(0),
                Err(error) => {
                    let why = unreachable(&self.host, &error);
                    return Err(io::Error::new(io::ErrorKind::ConnectionReset, why.message));
                }
            }
        }
        let count = buffer.len().min(self.chunk.len());
        let taken = self.chunk.split_to(count);
        buffer.iter_mut().zip(&taken).for_each(|(to, from)| *to = *from);
        Ok(count)
    }
}
