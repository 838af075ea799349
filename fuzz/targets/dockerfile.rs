//! Any text is a Dockerfile, or faults with places.
#![no_main]
use libfuzzer_sys::fuzz_target;
use lockgate::image::Dockerfile;

fuzz_target!(|text: &str| {
    let _ = Dockerfile::parse("Dockerfile", text);
});
