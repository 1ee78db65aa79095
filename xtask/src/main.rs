//! The one entry point for building and checking gpulse.
fn main() {}
