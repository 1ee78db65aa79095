//! The built libraries, seen from outside: what they export, and how their functions treat a C
//! caller.

#![cfg(test)]
#![expect(unsafe_code, reason = "the tests are C callers")]

mod built;
mod calls;
mod exports;
mod layout;
mod program;
mod same;
