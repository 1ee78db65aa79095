//! The task without a kubelet, and with a socket that nobody speaks on; the real protocol is tested
//! with the whole program.
