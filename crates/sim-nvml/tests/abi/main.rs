//! The built libraries, seen from outside: what they export, and how their functions treat a C
//! caller.

#![cfg(test)]

mod built;
mod exports;
