//! Helm charts: chart and values in, manifests out, byte for byte what Helm writes. Pure: no IO, no clock, no async.

pub mod template;
pub mod value;
pub mod yaml;
