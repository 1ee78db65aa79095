//! Collections over simulated machines.
