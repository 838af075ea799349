//! The functions of Helm's templates, one family a file: sprig v3.3 without `env` and `expandenv`, and Helm's own.
//!
//! Each family is a table of [`FuncSpec`]s; [`registry`] is all of them. The oddities are sprig's.

mod args;
mod certs;
mod crypto;
mod data;
mod dates;
mod defaults;
mod der;
mod encoding;
mod helm;
mod keys;
mod layout;
mod lists;
mod maps;
mod merge;
mod montgomery;
mod numbers;
mod paths;
mod primes;
mod random;
mod re2;
mod regexes;
mod strings;
mod toml;
mod urls;
mod versions;
mod words;

use super::template::{FuncSpec, Registry};
use std::sync::LazyLock;

/// All families.
pub const FAMILIES: &[&[FuncSpec]] = &[
    strings::FUNCTIONS,
    words::FUNCTIONS,
    numbers::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    merge::FUNCTIONS,
    defaults::FUNCTIONS,
    encoding::FUNCTIONS,
    crypto::FUNCTIONS,
    certs::FUNCTIONS,
    random::FUNCTIONS,
    dates::FUNCTIONS,
    regexes::FUNCTIONS,
    versions::FUNCTIONS,
    urls::FUNCTIONS,
    paths::FUNCTIONS,
    data::FUNCTIONS,
    helm::FUNCTIONS,
];

/// Every function a chart may call.
pub fn registry() -> &'static Registry {
    static ALL: LazyLock<Registry> = LazyLock::new(|| Registry::new(FAMILIES));
    &ALL
}

pub(crate) use data::to_yaml;
pub(crate) use paths::clean;
pub(crate) use re2::adapt as adapt_pattern;
