//! Reading GPUs: the metric tables and the sources NVML and `nvidia-smi`.

pub mod nvml;
