//! Events: XIDs and changes of the MIG layout.

use gpu::nvml::{Driver as _, Event, Result, Return};
use nvml_wrapper_sys::bindings::nvmlEventData_t;
use sim::SimDriver;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

exports! {
    /// `nvmlEventSetCreate`
    fn nvmlEventSetCreate(driver, set: Out<Opaque>) {
        if set.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        set.put(Opaque::of(driver.event_set_create()?))
    }

    /// `nvmlEventSetFree`
    fn nvmlEventSetFree(driver, set: Opaque) { driver.event_set_free(set.get()?) }

    /// `nvmlDeviceGetSupportedEventTypes`
    fn nvmlDeviceGetSupportedEventTypes(driver, device: Opaque, types: Out<u64>) {
        types.put(driver.supported_event_types(device.get()?)?)
    }

    /// `nvmlDeviceRegisterEvents`
    fn nvmlDeviceRegisterEvents(driver, device: Opaque, types: u64, set: Opaque) {
        driver.register_events(device.get()?, types, set.get()?)
    }

    /// `nvmlEventSetWait`: the structure ends before the instance ids.
    fn nvmlEventSetWait(driver, set: Opaque, data: Out<EventDataV1>, timeout_ms: u32) {
        let event = wait(driver, set, data.is_null(), timeout_ms)?;
        data.put(EventDataV1 {
            device: Opaque::of(event.device),
            event_type: event.event_type,
            event_data: event.data,
        })
    }

    /// `nvmlEventSetWait_v2`
    fn nvmlEventSetWait_v2(driver, set: Opaque, data: Out<nvmlEventData_t>, timeout_ms: u32) {
        let event = wait(driver, set, data.is_null(), timeout_ms)?;
        data.put(nvmlEventData_t {
            device: Opaque::of(event.device).as_pointer(),
            eventType: event.event_type,
            eventData: event.data,
            gpuInstanceId: event.gpu_instance_id.unwrap_or(u32::MAX),
            computeInstanceId: event.compute_instance_id.unwrap_or(u32::MAX),
        })
    }
}

/// What the first wait call fills.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EventDataV1 {
    device: Opaque,
    event_type: u64,
    event_data: u64,
}

/// An event that is waited for without a place to put it would be lost.
fn wait(driver: &SimDriver, set: Opaque, no_place: bool, timeout_ms: u32) -> Result<Event> {
    if no_place {
        return Err(Return::INVALID_ARGUMENT);
    }
    driver.event_set_wait(set.get()?, timeout_ms)
}
