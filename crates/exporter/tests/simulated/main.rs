//! The exporter over simulated machines whose clock stands until it is told to move.

#![cfg(test)]

mod golden;
mod life;
mod textfile;
mod told;
mod watched;
