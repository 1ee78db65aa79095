//! The node's side of Kubernetes: who was given which device, and what the pods behind the ids of a
//! control group are called.
//!
//! Everything is asked in tasks of its own and published whole; whoever needs it reads the newest
//! answer and never waits. Which GPU an id stands for is not known here.

pub mod api;
pub mod pod_resources;
