//! What `nvidia-smi` prints, from the simulated world.
