//! The exporter over simulated machines whose clock stands until it is told to move.

#![cfg(test)]

mod energy;
mod golden;
mod holders;
mod life;
mod textfile;
mod told;
mod watched;
mod xids;
