//! A CUDA load: whatever this machine has that makes one.

use std::fmt;
use std::path::Path;
use std::process::Command;

use ::tests::child::Child;
use anyhow::Result;

use crate::workspace;

/// Multiplies matrices until it is ended.
const TORCH: &str = "\
import torch
a = torch.rand(8192, 8192, device='cuda', dtype=torch.float16)
while True:
    b = a @ a
    torch.cuda.synchronize()";

const CUPY: &str = "\
import cupy
a = cupy.random.rand(8192, 8192, dtype=cupy.float32)
while True:
    b = a @ a
    cupy.cuda.Device().synchronize()";

/// A running load, ended when dropped, or none.
pub(super) struct Load {
    what: String,
    _child: Option<Child>,
}

impl Load {
    /// Start the given command, else what Python has.
    pub(super) fn start(command: Option<&str>, folder: &Path) -> Result<Self> {
        if let Some(command) = command {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec {command}")]);
            return Self::running(command, &mut shell, folder);
        }
        for (name, module, program) in [("PyTorch", "torch", TORCH), ("CuPy", "cupy", CUPY)] {
            if has(module) {
                let what = format!("{name}, multiplying 8192 x 8192 matrices");
                return Self::running(&what, Command::new("python3").args(["-c", program]), folder);
            }
        }
        let what = "none beyond what runs here: no PyTorch, no CuPy, no --load".to_owned();
        Ok(Self { what, _child: None })
    }

    fn running(what: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let child = Child::start("load", command, folder)?;
        Ok(Self { what: what.to_owned(), _child: Some(child) })
    }
}

fn has(module: &str) -> bool {
    let test = format!("import {module}");
    workspace::output(Command::new("python3").args(["-c", &test])).is_ok()
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
