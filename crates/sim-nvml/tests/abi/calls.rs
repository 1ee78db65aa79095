//! How the functions treat a C caller: before init, with null, with too little room, with the wrong
//! version word, and under structures shorter than the newest.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::time::Duration;

use libloading::Library;
use nvml_wrapper_sys::bindings::{
    NvmlLib, nvmlDevice_t, nvmlEventData_t, nvmlFieldValue_t, nvmlGpmMetric_t, nvmlMemory_v2_t,
    nvmlProcessInfo_t, nvmlProcessInfo_v1_t, nvmlProcessUtilizationSample_t,
};

use crate::built;
use crate::program::{clock, with_machine, with_scenario, with_world};

const SUCCESS: u32 = 0;
const UNINITIALIZED: u32 = 1;
const INVALID_ARGUMENT: u32 = 2;
const NOT_SUPPORTED: u32 = 3;
const NOT_FOUND: u32 = 6;
const INSUFFICIENT_SIZE: u32 = 7;
const DRIVER_NOT_LOADED: u32 = 9;
const TIMEOUT: u32 = 10;
const GPU_IS_LOST: u32 = 15;
const VERSION_MISMATCH: u32 = 25;
const DEPRECATED: u32 = 26;
const GPU_NOT_FOUND: u32 = 28;

/// Six words are more than any function that is called this way takes; the C ABI passes all of them
/// in registers.
type Words = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> u32;

#[test]
fn without_a_scenario_there_is_no_driver() {
    with_scenario("calls::without_a_scenario_there_is_no_driver", "", || {
        let nvml = load();
        // SAFETY: no arguments.
        assert_eq!(unsafe { nvml.nvmlInit_v2() }, DRIVER_NOT_LOADED);
        // SAFETY: no arguments.
        assert_eq!(unsafe { nvml.nvmlShutdown() }, UNINITIALIZED);
    });
}

#[test]
fn a_scenario_that_is_wrong_is_no_driver() {
    with_scenario("calls::a_scenario_that_is_wrong_is_no_driver", "no-such-scenario", || {
        // SAFETY: no arguments.
        assert_eq!(unsafe { load().nvmlInit_v2() }, DRIVER_NOT_LOADED);
    });
}

#[test]
fn a_machine_without_gpus_needs_the_flag_that_allows_it() {
    let none = "[[node]]\nname = \"gpu-a\"\ndriver = \"590.48.01\"\n";
    with_machine("calls::a_machine_without_gpus_needs_the_flag_that_allows_it", none, || {
        let nvml = load();
        let mut count = 9;
        // SAFETY: no pointers but a place for one number.
        unsafe {
            assert_eq!(nvml.nvmlInit_v2(), GPU_NOT_FOUND);
            assert_eq!(nvml.nvmlInitWithFlags(0), GPU_NOT_FOUND);
            assert_eq!(nvml.nvmlInitWithFlags(1), SUCCESS);
            assert_eq!(nvml.nvmlDeviceGetCount_v2(&mut count), SUCCESS);
        }
        assert_eq!(count, 0);
    });
}

#[test]
fn calls_before_init_answer_uninitialized_whatever_their_arguments() {
    with_world("calls::calls_before_init_answer_uninitialized_whatever_their_arguments", || {
        for name in answered() {
            if !name.starts_with("nvmlInit") && name != "nvmlErrorString" {
                assert_eq!(call(&name, [0; 6]), UNINITIALIZED, "{name}");
            }
        }
    });
}

#[test]
fn names_without_an_answer_are_not_supported_with_any_arguments() {
    with_scenario(
        "calls::names_without_an_answer_are_not_supported_with_any_arguments",
        "",
        || {
            for name in names("") {
                assert_eq!(call(&name, [1; 6]), NOT_SUPPORTED, "{name}");
            }
        },
    );
}

#[test]
fn inits_are_counted_and_handles_stay_until_the_last_shutdown() {
    with_world("calls::inits_are_counted_and_handles_stay_until_the_last_shutdown", || {
        let nvml = load();
        // SAFETY: no arguments.
        unsafe {
            assert_eq!(nvml.nvmlInit_v2(), SUCCESS);
            assert_eq!(nvml.nvmlInitWithFlags(0), SUCCESS);
        }
        let first = device(&nvml, 0);
        // SAFETY: no arguments.
        assert_eq!(unsafe { nvml.nvmlShutdown() }, SUCCESS);
        assert_eq!(device(&nvml, 0), first);
        // SAFETY: no arguments.
        assert_eq!(unsafe { nvml.nvmlShutdown() }, SUCCESS);
        let mut count = 0;
        // SAFETY: a place for one number.
        assert_eq!(unsafe { nvml.nvmlDeviceGetCount_v2(&mut count) }, UNINITIALIZED);
        // SAFETY: no arguments.
        assert_eq!(unsafe { nvml.nvmlShutdown() }, UNINITIALIZED);
    });
}

#[test]
fn null_pointers_are_invalid_arguments() {
    with_world("calls::null_pointers_are_invalid_arguments", || {
        let nvml = initialised();
        for name in answered() {
            if !name.starts_with("nvmlInit") && name != "nvmlShutdown" && name != "nvmlErrorString"
            {
                assert_eq!(call(&name, [0; 6]), INVALID_ARGUMENT, "{name} with all null");
            }
        }
        for index in [0, 1, 3] {
            let handle = device(&nvml, index) as usize;
            for name in answered().filter(|name| takes_device(name)) {
                let code = call(&name, [handle, 0, 0, 0, 0, 0]);
                // Process 0 has no accounting, whatever it should be written to.
                let fine = [INVALID_ARGUMENT, NOT_SUPPORTED, DEPRECATED].contains(&code)
                    || (name == "nvmlDeviceGetAccountingStats" && code == NOT_FOUND);
                assert!(fine, "{name} of GPU {index} with null after the handle: {code}");
            }
        }
    });
}

#[test]
fn a_handle_that_is_none_is_an_invalid_argument() {
    with_world("calls::a_handle_that_is_none_is_an_invalid_argument", || {
        let _nvml = initialised();
        // Room and version words for whatever is asked; no handle is of this kind.
        let mut room = [0_u64; 2048];
        for word in [0x0200_0028, 0x0100_000c, 0x0100_0018, 1, 0x0200_0098, 0x0100_0008] {
            room[0] = word;
            let place = room.as_mut_ptr() as usize;
            for name in answered().filter(|name| takes_device(name)) {
                let code = call(&name, [0x7777, place, place, place, place, place]);
                assert!(
                    code == INVALID_ARGUMENT || code == VERSION_MISMATCH,
                    "{name} of no device: {code}"
                );
            }
        }
    });
}

#[test]
fn a_lost_gpu_says_so() {
    with_world("calls::a_lost_gpu_says_so", || {
        let nvml = initialised();
        let mut handle = null_mut();
        // SAFETY: a place for one handle.
        let code = unsafe { nvml.nvmlDeviceGetHandleByIndex_v2(2, &mut handle) };
        if code == SUCCESS {
            let mut celsius = 0;
            // SAFETY: a handle and a place for one number.
            let code = unsafe { nvml.nvmlDeviceGetTemperature(handle, 0, &mut celsius) };
            assert_eq!(code, GPU_IS_LOST);
        } else {
            assert_eq!(code, GPU_IS_LOST);
        }
    });
}

#[test]
fn a_text_that_does_not_fit_is_insufficient_size_and_nothing_is_written() {
    let name = "calls::a_text_that_does_not_fit_is_insufficient_size_and_nothing_is_written";
    with_world(name, || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        let mut buffer = [0x55_i8; 96];
        // SAFETY: a handle and a buffer of the size that is passed or more.
        unsafe {
            let mut fits = |length| nvml.nvmlDeviceGetUUID(gpu, buffer.as_mut_ptr(), length);
            assert_eq!(fits(0), INSUFFICIENT_SIZE);
            assert_eq!(fits(40), INSUFFICIENT_SIZE);
            assert_eq!(fits(41), SUCCESS);
        }
        assert_eq!((buffer[40], buffer[41]), (0, 0x55));
        let text = CStr::from_bytes_until_nul(bytes(&buffer)).unwrap();
        assert!(text.to_str().unwrap().starts_with("GPU-"), "{text:?}");
    });
}

#[test]
fn version_words_are_checked() {
    with_world("calls::version_words_are_checked", || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        // SAFETY: nvmlMemory_v2_t is made of numbers.
        let mut memory: nvmlMemory_v2_t = unsafe { std::mem::zeroed() };
        for (version, code) in [(0, 25), (0x0100_0028, 25), (0x0200_0018, 25), (0x0200_0028, 0)] {
            memory.version = version;
            // SAFETY: a handle and a structure.
            let answer = unsafe { nvml.nvmlDeviceGetMemoryInfo_v2(gpu, &mut memory) };
            assert_eq!(answer, code, "{version:#x}");
        }
        assert_eq!(memory.total, memory.used + memory.free + memory.reserved);
        // Both words of the V call are taken, others are not.
        let profile = |version: u32| {
            let mut room = [0_u32; 64];
            room[0] = version;
            let place = room.as_mut_ptr() as usize;
            let handle = device(&nvml, 1) as usize;
            call("nvmlDeviceGetGpuInstanceProfileInfoV", [handle, 0, place, 0, 0, 0])
        };
        assert_eq!(profile(0x0200_0098), SUCCESS);
        assert_eq!(profile(0x0300_0098), SUCCESS);
        assert_eq!(profile(0x0100_0030), VERSION_MISMATCH);
    });
}

#[test]
fn process_lists_are_asked_for_in_two_steps() {
    with_world("calls::process_lists_are_asked_for_in_two_steps", || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        let mut list = [nvmlProcessInfo_t {
            pid: 0x55,
            usedGpuMemory: 0,
            gpuInstanceId: 0,
            computeInstanceId: 0,
        }; 4];
        let ask = |room: u32, place: *mut nvmlProcessInfo_t| {
            let mut count = room;
            // SAFETY: a handle, a count and a list of that length or null.
            let code =
                unsafe { nvml.nvmlDeviceGetComputeRunningProcesses_v3(gpu, &mut count, place) };
            (code, count)
        };
        assert_eq!(ask(0, null_mut()), (INSUFFICIENT_SIZE, 2));
        assert_eq!(ask(1, list.as_mut_ptr()), (INSUFFICIENT_SIZE, 2));
        assert_eq!(ask(4, null_mut()), (INVALID_ARGUMENT, 2));
        assert_eq!(ask(4, list.as_mut_ptr()), (SUCCESS, 2));
        let mut found = list.map(|process| (process.pid, process.usedGpuMemory >> 20));
        found.sort_unstable();
        assert_eq!(found, [(0x55, 0), (0x55, 0), (4001, 15690), (4002, 2566)]);
        assert_eq!(list[0].gpuInstanceId, u32::MAX);
    });
}

#[test]
fn an_empty_process_list_is_a_success_without_a_buffer() {
    with_world("calls::an_empty_process_list_is_a_success_without_a_buffer", || {
        let nvml = initialised();
        let mut count = 0;
        // SAFETY: a handle and a count; no room is promised.
        let code = unsafe {
            nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(device(&nvml, 0), &mut count, null_mut())
        };
        assert_eq!((code, count), (SUCCESS, 0));
    });
}

#[test]
fn the_first_process_list_writes_16_bytes_each() {
    with_world("calls::the_first_process_list_writes_16_bytes_each", || {
        let nvml = initialised();
        let mut list = [nvmlProcessInfo_v1_t { pid: 7, usedGpuMemory: 7 }; 3];
        let mut count = 2;
        let place = list.as_mut_ptr();
        // SAFETY: a handle, a count and a list that is longer than it says.
        let code = unsafe {
            nvml.nvmlDeviceGetComputeRunningProcesses(device(&nvml, 0), &mut count, place)
        };
        assert_eq!((code, count), (SUCCESS, 2));
        assert_eq!((list[2].pid, list[2].usedGpuMemory), (7, 7));
        assert!(list[..2].iter().all(|process| process.pid > 4000));
    });
}

#[test]
fn process_use_without_a_buffer_answers_its_size() {
    with_world("calls::process_use_without_a_buffer_answers_its_size", || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        let mut count = 0;
        // SAFETY: a handle and a count; null asks for the size.
        let code = unsafe { nvml.nvmlDeviceGetProcessUtilization(gpu, null_mut(), &mut count, 0) };
        assert_eq!(code, INSUFFICIENT_SIZE);
        // SAFETY: the structure is made of numbers.
        let empty: nvmlProcessUtilizationSample_t = unsafe { std::mem::zeroed() };
        let mut samples = vec![empty; count as usize];
        let place = samples.as_mut_ptr();
        // SAFETY: a handle, and a list of as many as the count says.
        let code = unsafe { nvml.nvmlDeviceGetProcessUtilization(gpu, place, &mut count, 0) };
        assert_eq!(code, SUCCESS);
        let newest = samples[..count as usize].iter().filter(|sample| sample.pid == 4001);
        assert_eq!(newest.max_by_key(|sample| sample.timeStamp).unwrap().smUtil, 60);
        // Nothing newer than the newest.
        // SAFETY: as above.
        let code =
            unsafe { nvml.nvmlDeviceGetProcessUtilization(gpu, place, &mut count, u64::MAX >> 1) };
        assert_eq!(code, NOT_FOUND);
    });
}

#[test]
fn older_pci_structures_are_not_overrun() {
    with_world("calls::older_pci_structures_are_not_overrun", || {
        let nvml = initialised();
        let handle = device(&nvml, 0) as usize;
        for (name, written) in [
            ("nvmlDeviceGetPciInfo", 32),
            ("nvmlDeviceGetPciInfo_v2", 36),
            ("nvmlDeviceGetPciInfo_v3", 68),
        ] {
            let mut room = [0x55_u8; 96];
            let place = room.as_mut_ptr() as usize;
            assert_eq!(call(name, [handle, place, 0, 0, 0, 0]), SUCCESS, "{name}");
            assert!(room[written..].iter().all(|byte| *byte == 0x55), "{name}");
            assert_eq!(&room[..5], b"0000:", "{name}: a domain of four digits");
            if written == 68 {
                assert_eq!(&room[36..45], b"00000000:", "{name}: a domain of eight digits");
            }
        }
    });
}

#[test]
fn field_values_fail_one_by_one() {
    with_world("calls::field_values_fail_one_by_one", || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        // SAFETY: the structure is made of numbers.
        let mut fields: [nvmlFieldValue_t; 3] = unsafe { std::mem::zeroed() };
        // Energy; a number that no field has; and one past the count.
        (fields[0].fieldId, fields[1].fieldId, fields[2].nvmlReturn) = (83, 9999, 77);
        // SAFETY: a handle and a list of more than the count says.
        let code = unsafe { nvml.nvmlDeviceGetFieldValues(gpu, 2, fields.as_mut_ptr()) };
        assert_eq!(code, SUCCESS);
        assert_eq!(fields[0].nvmlReturn, SUCCESS);
        assert!(fields[0].timestamp > 0);
        assert_ne!(fields[1].nvmlReturn, SUCCESS);
        assert_eq!(fields[2].nvmlReturn, 77);
        for count in [0, -1, i32::MAX] {
            // SAFETY: a count that is refused before the list is looked at.
            let code = unsafe { nvml.nvmlDeviceGetFieldValues(gpu, count, fields.as_mut_ptr()) };
            assert_eq!(code, INVALID_ARGUMENT, "{count}");
        }
    });
}

#[test]
fn gpm_touches_only_as_many_metrics_as_were_asked_for() {
    with_world("calls::gpm_touches_only_as_many_metrics_as_were_asked_for", || {
        let nvml = initialised();
        let gpu = device(&nvml, 0);
        let mut samples = [null_mut(); 2];
        for sample in &mut samples {
            // SAFETY: a place for one handle; then handles that were given out.
            unsafe {
                assert_eq!(nvml.nvmlGpmSampleAlloc(sample), SUCCESS);
                assert_eq!(nvml.nvmlGpmSampleGet(gpu, *sample), SUCCESS);
            }
            clock().advance(Duration::from_secs(1)).unwrap();
        }
        // A caller with the shortest array there can be: one metric, and words that stay.
        let mut request = [0x5555_5555_u32; 6 + 10 + 4];
        (request[0], request[1]) = (1, 1);
        for (at, sample) in [(2, samples[0]), (4, samples[1])] {
            let handle = sample as usize;
            request[at] = u32::try_from(handle & 0xffff_ffff).unwrap();
            request[at + 1] = u32::try_from(handle >> 32).unwrap();
        }
        request[6] = 2; // NVML_GPM_METRIC_SM_UTIL
        assert_eq!(size_of::<nvmlGpmMetric_t>(), 40);
        assert_eq!(gpm_metrics(&mut request), SUCCESS);
        assert_ne!(request[7], 0x5555_5555, "the metric has its own code");
        assert_eq!(request[16..], [0x5555_5555; 4]);
        request[0] = 2;
        assert_eq!(gpm_metrics(&mut request), VERSION_MISMATCH);
        (request[0], request[1]) = (1, 5000);
        assert_eq!(gpm_metrics(&mut request), INVALID_ARGUMENT);
        for sample in samples {
            // SAFETY: a handle that was given out; the second time it no longer is one.
            unsafe {
                assert_eq!(nvml.nvmlGpmSampleFree(sample), SUCCESS);
                assert_eq!(nvml.nvmlGpmSampleFree(sample), INVALID_ARGUMENT);
            }
        }
    });
}

#[test]
fn waiting_for_an_event_that_does_not_come_times_out() {
    with_world("calls::waiting_for_an_event_that_does_not_come_times_out", || {
        let nvml = initialised();
        let mut set = null_mut();
        // SAFETY: places and handles that the library gave out.
        unsafe {
            assert_eq!(nvml.nvmlEventSetCreate(&mut set), SUCCESS);
            let mut types = 0;
            let gpu = device(&nvml, 0);
            assert_eq!(nvml.nvmlDeviceGetSupportedEventTypes(gpu, &mut types), SUCCESS);
            assert_eq!(nvml.nvmlDeviceRegisterEvents(gpu, types, set), SUCCESS);
            let mut data: nvmlEventData_t = std::mem::zeroed();
            assert_eq!(nvml.nvmlEventSetWait_v2(set, &mut data, 1), TIMEOUT);
            assert_eq!(nvml.nvmlEventSetWait_v2(set, null_mut(), 1), INVALID_ARGUMENT);
            assert_eq!(nvml.nvmlEventSetFree(set), SUCCESS);
            assert_eq!(nvml.nvmlEventSetFree(set), INVALID_ARGUMENT);
        }
    });
}

#[test]
fn every_code_has_words() {
    let nvml = load();
    for code in (0..64).chain([999, u32::MAX]) {
        // SAFETY: any number is allowed.
        let words = unsafe { nvml.nvmlErrorString(code) };
        assert!(!words.is_null(), "{code}");
        // SAFETY: not null, so a text that lives as long as the library.
        assert!(!unsafe { CStr::from_ptr(words) }.is_empty(), "{code}");
    }
}

#[test]
fn eight_threads_may_ask_at_once_and_stop_at_any_time() {
    with_world("calls::eight_threads_may_ask_at_once_and_stop_at_any_time", || {
        let nvml = load();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        // SAFETY: no arguments.
                        assert_eq!(unsafe { nvml.nvmlInit_v2() }, SUCCESS);
                        let mut celsius = 0;
                        // SAFETY: a handle and a place for one number.
                        let code = unsafe {
                            nvml.nvmlDeviceGetTemperature(device(&nvml, 0), 0, &mut celsius)
                        };
                        assert_eq!(code, SUCCESS);
                        assert!((20..100).contains(&celsius), "{celsius}");
                        // SAFETY: no arguments.
                        assert_eq!(unsafe { nvml.nvmlShutdown() }, SUCCESS);
                    }
                });
            }
        });
    });
}

fn load() -> NvmlLib {
    // SAFETY: the library that this package builds; loading it runs nothing.
    unsafe { NvmlLib::new(built::library_590()) }.unwrap()
}

fn initialised() -> NvmlLib {
    let nvml = load();
    // SAFETY: no arguments.
    assert_eq!(unsafe { nvml.nvmlInit_v2() }, SUCCESS);
    nvml
}

fn device(nvml: &NvmlLib, index: u32) -> nvmlDevice_t {
    let mut handle = null_mut();
    // SAFETY: a place for one handle.
    assert_eq!(unsafe { nvml.nvmlDeviceGetHandleByIndex_v2(index, &mut handle) }, SUCCESS);
    handle
}

/// Call a function by name with plain words.
fn call(name: &str, words: [usize; 6]) -> u32 {
    let [a, b, c, d, e, f] = words;
    // SAFETY: a library that this package builds, and functions that take at most six words; those
    // that are pointers are null or point to room that is large enough.
    unsafe {
        let library = Library::new(built::library_590()).unwrap();
        let function = library.get::<Words>(name.as_bytes()).unwrap();
        function(a, b, c, d, e, f)
    }
}

fn gpm_metrics(request: &mut [u32]) -> u32 {
    call("nvmlGpmMetricsGet", [request.as_mut_ptr() as usize, 0, 0, 0, 0, 0])
}

/// Names with an answer of their own.
fn answered() -> impl Iterator<Item = String> {
    names("y")
}

fn names(answer: &'static str) -> impl Iterator<Item = String> {
    include_str!("../../symbols.tsv").lines().skip(1).filter_map(move |line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[1] == "590" && cells[2] == answer).then(|| cells[0].to_owned())
    })
}

/// Whether the first argument is a handle of a GPU or MIG device.
fn takes_device(name: &str) -> bool {
    name.starts_with("nvmlDevice")
        && !name.starts_with("nvmlDeviceGetCount")
        && !name.starts_with("nvmlDeviceGetHandleBy")
}

fn bytes(chars: &[i8]) -> &[u8] {
    // SAFETY: the same bytes, with another sign.
    unsafe { std::slice::from_raw_parts(chars.as_ptr().cast(), chars.len()) }
}
