//! Tests of the driver's gate: handles, lives, faults, what is missing.
