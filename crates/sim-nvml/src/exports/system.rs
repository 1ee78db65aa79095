//! Life of the library, versions, and the words for error codes.

use std::ffi::{c_char, c_int};

use gpu::nvml::Driver as _;

use crate::boundary::{exports, guard};
use crate::library;
use crate::pointer::Out;

/// `nvmlInitWithFlags(NVML_INIT_FLAG_NO_GPUS)`.
const NO_GPUS: u32 = 1;

/// `nvmlInit`, the oldest: refuses a machine without a GPU.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit() -> u32 {
    guard(|| library::init(false))
}

/// `nvmlInit_v2`: as above.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> u32 {
    guard(|| library::init(false))
}

/// `nvmlInitWithFlags`: with NO_GPUS, no GPU is no error.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInitWithFlags(flags: u32) -> u32 {
    guard(|| library::init(flags & NO_GPUS != 0))
}

/// `nvmlShutdown`: the last of as many as there were inits closes the library.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> u32 {
    guard(library::shutdown)
}

/// `nvmlErrorString`: words for a code, never null, callable at any time.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(code: u32) -> *const c_char {
    let words = match code {
        0 => c"Success",
        1 => c"Uninitialized",
        2 => c"Invalid Argument",
        3 => c"Not Supported",
        4 => c"Insufficient Permissions",
        5 => c"Already Initialized",
        6 => c"Not Found",
        7 => c"Insufficient Size",
        8 => c"Insufficient External Power",
        9 => c"Driver Not Loaded",
        10 => c"Timeout",
        11 => c"Interrupt Request Issue",
        12 => c"NVML Shared Library Not Found",
        13 => c"Function Not Found",
        14 => c"Corrupted infoROM",
        15 => c"GPU is lost",
        16 => c"GPU requires reset",
        17 => c"Blocked by the operating system",
        18 => c"Driver/library version mismatch",
        19 => c"In use by another client",
        20 => c"Insufficient Memory",
        21 => c"No data",
        22 => c"vGPU operation not available with ECC enabled",
        23 => c"Insufficient Resources",
        24 => c"Frequency Not Supported",
        25 => c"Argument version mismatch",
        26 => c"Deprecated",
        27 => c"Not Ready",
        28 => c"GPU Not Found",
        29 => c"Invalid State",
        30 => c"Reset Type Not Supported",
        _ => c"Unknown Error",
    };
    words.as_ptr()
}

/// Says that this is not a driver. gpulse refuses a library that exports it, unless it was told to
/// use that library.
#[unsafe(no_mangle)]
pub extern "C" fn gpulse_simulated_nvml() -> u32 {
    1
}

exports! {
    /// `nvmlSystemGetDriverVersion`
    fn nvmlSystemGetDriverVersion(driver, version: Out<c_char>, length: u32) {
        version.put_text(length, &driver.system_driver_version()?)
    }

    /// `nvmlSystemGetNVMLVersion`
    fn nvmlSystemGetNVMLVersion(driver, version: Out<c_char>, length: u32) {
        version.put_text(length, &driver.system_nvml_version()?)
    }

    /// `nvmlSystemGetCudaDriverVersion`
    fn nvmlSystemGetCudaDriverVersion(driver, version: Out<c_int>) {
        version.put(driver.system_cuda_driver_version()?)
    }

    /// `nvmlSystemGetCudaDriverVersion_v2`
    fn nvmlSystemGetCudaDriverVersion_v2(driver, version: Out<c_int>) {
        version.put(driver.system_cuda_driver_version()?)
    }
}
