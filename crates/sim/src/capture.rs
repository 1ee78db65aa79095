//! Captures of real GPUs turned into scenarios.
