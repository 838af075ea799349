//! Hashes and passwords.

use super::encoding::hidden;
use crate::helm::template::FuncSpec;
use crate::helm::template::Param::String;
use sha2::Digest as _;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("sha256sum", &[String], |c, a| hidden(c, "sha256sum", a, |s| hex(&sha2::Sha256::digest(s)))),
    FuncSpec::fixed("sha512sum", &[String], |c, a| hidden(c, "sha512sum", a, |s| hex(&sha2::Sha512::digest(s)))),
];

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
}
