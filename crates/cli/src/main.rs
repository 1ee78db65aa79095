//! The binary `gpulse`.
fn main() {}
