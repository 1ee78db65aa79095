//! The simulated NVML as a shared library, for programs that are not gpulse.
//!
//! Built, it is `libsim_nvml.so`: what `libnvidia-ml.so.1` of driver 590.48.01 exports, name for
//! name, over the simulated world of the `sim` crate. The example `sim_nvml_610` is the same with
//! the names that 610.57.04 added. A program finds either under NVML's own names: put two links,
//! `libnvidia-ml.so.1` and `libnvidia-ml.so`, to the built file into a folder and name that folder
//! in `LD_LIBRARY_PATH`.
//!
//! - `NVML_SIM_SCENARIO`: name or file of the scenario. Without it the library does nothing:
//!   `nvmlInit` answers DRIVER_NOT_LOADED.
//! - `NVML_SIM_NODE`: name or number of the node; the first without it.
//! - `NVML_SIM_CLOCK`: clock file, so that several programs see one world at one time.
//!
//! What it does not do: decide any figure. A function here checks its arguments as the real one
//! does, asks [`sim::SimDriver`] and lays the answer out in C. Names that neither gpulse nor the
//! programs it is compared with use answer NOT_SUPPORTED.

#![expect(unsafe_code, reason = "this crate is a C ABI: exported names and callers' pointers")]

mod boundary;
pub mod exports;
mod handle;
mod library;
mod pointer;
mod unanswered;
