//! Files that are not NVML are refused, with the reason.

use super::*;

#[test]
fn a_library_that_is_not_nvml_is_refused_with_what_it_lacks() {
    let refused = Library::load(Path::new("libm.so.6"), false).unwrap_err();
    assert!(matches!(refused, OpenError::NotNvml { missing: "nvmlShutdown", .. }), "{refused}");
    assert_eq!(refused.to_string(), "libm.so.6 is not NVML: it has no nvmlShutdown");
    assert!(refused.remedy().contains("driver"));
}

#[test]
fn a_file_that_is_no_library_says_why_it_cannot_be_loaded() {
    let path = std::env::temp_dir().join(format!("gpulse-not-a-library-{}", std::process::id()));
    std::fs::write(&path, "not an ELF file").unwrap();
    let refused = Library::load(&path, false).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refused, OpenError::Load { .. }), "{refused}");
    assert!(refused.to_string().contains("cannot be loaded"), "{refused}");
}

#[test]
fn what_was_tried_is_named_when_nothing_is_there() {
    let refused = first_of(["libno-such-nvml.so.9", "/no/such/libnvml.so"].into_iter(), |path| {
        Library::load(path, false)
    })
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no NVIDIA driver library found (tried libno-such-nvml.so.9, /no/such/libnvml.so)"
    );
}

#[test]
fn a_wrong_file_is_reported_rather_than_that_nothing_was_found() {
    let refused = first_of(["libno-such-nvml.so.9", "libm.so.6", "/no/such"].into_iter(), |path| {
        Library::load(path, false)
    })
    .unwrap_err();
    assert!(matches!(refused, OpenError::NotNvml { .. }), "{refused}");
}

#[test]
fn events_have_the_numbers_of_the_header() {
    use nvml_wrapper_sys::bindings::{nvmlEventMigConfigChange, nvmlEventTypeXidCriticalError};
    assert_eq!(crate::nvml::EVENT_XID_CRITICAL_ERROR, nvmlEventTypeXidCriticalError.into());
    assert_eq!(crate::nvml::EVENT_MIG_CONFIG_CHANGE, nvmlEventMigConfigChange.into());
}
