//! A reader that knows what it should have read.

use crate::digest::Digest;
use sha2::Digest as _;
use std::io::{self, Read};

/// A reader whose end is only reached without an error if all its bytes have the digest.
pub(crate) struct Verified<R> {
    inner: R,
    hasher: sha2::Sha256,
    expected: Digest,
}

impl<R> Verified<R> {
    pub(crate) fn new(inner: R, expected: Digest) -> Verified<R> {
        Verified { inner, hasher: sha2::Sha256::new(), expected }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        let ended = count == 0 && !buffer.is_empty();
        if ended && Digest(self.hasher.clone().finalize().into()) != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the blob {} is damaged", self.expected)));
        }
        Ok(count)
    }
}
