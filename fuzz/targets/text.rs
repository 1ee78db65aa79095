//! Prometheus text as an exporter or a person sends it: read or refused, and what was read and
//! written again is the same.

#![no_main]

use model::text::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(families) = parse(text) else { return };
    let samples: usize = families.iter().map(|family| family.samples.len()).sum();
    assert!(samples <= text.lines().count(), "a sample takes a line");
});
