//! GPM: two samples of the profiling counters, and the metrics between them.

use std::ffi::c_char;

use gpu::nvml::{Driver as _, Result, Return};
use nvml_wrapper_sys::bindings::{
    nvmlGpmMetric_t, nvmlGpmMetric_t__bindgen_ty_1, nvmlGpmMetricsGet_t, nvmlGpmSample_t,
    nvmlGpmSupport_t,
};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out};

/// `NVML_GPM_METRICS_GET_VERSION` and `NVML_GPM_SUPPORT_VERSION`: plain numbers, without a size.
const GPM_V1: u32 = 1;
/// Most metrics of one call: the array of the newest header. Callers of older ones have shorter
/// arrays, so nothing past their own `numMetrics` is touched.
const MAX_METRICS: usize = 477;

exports! {
    /// `nvmlGpmQueryDeviceSupport`
    fn nvmlGpmQueryDeviceSupport(driver, device: Opaque, support: InOut<nvmlGpmSupport_t>) {
        support.expect_version(GPM_V1)?;
        let supported = driver.gpm_supported(device.get()?)?;
        support
            .out()
            .put(nvmlGpmSupport_t { version: GPM_V1, isSupportedDevice: u32::from(supported) })
    }

    /// `nvmlGpmSampleAlloc`
    fn nvmlGpmSampleAlloc(driver, sample: Out<Opaque>) {
        if sample.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        sample.put(Opaque::of(driver.gpm_sample_alloc()?))
    }

    /// `nvmlGpmSampleFree`
    fn nvmlGpmSampleFree(driver, sample: Opaque) { driver.gpm_sample_free(sample.get()?) }

    /// `nvmlGpmSampleGet`
    fn nvmlGpmSampleGet(driver, device: Opaque, sample: Opaque) {
        driver.gpm_sample_get(device.get()?, sample.get()?)
    }

    /// `nvmlGpmMigSampleGet`
    fn nvmlGpmMigSampleGet(driver, device: Opaque, gpu_instance: u32, sample: Opaque) {
        driver.gpm_mig_sample_get(device.get()?, gpu_instance, sample.get()?)
    }

    /// `nvmlGpmMetricsGet`
    fn nvmlGpmMetricsGet(driver, request: InOut<nvmlGpmMetricsGet_t>) {
        request.expect_version(GPM_V1)?;
        let count = header::<u32>(request, std::mem::offset_of!(nvmlGpmMetricsGet_t, numMetrics))?;
        let count = count as usize;
        if !(1..=MAX_METRICS).contains(&count) {
            return Err(Return::INVALID_ARGUMENT);
        }
        let older = sample(request, std::mem::offset_of!(nvmlGpmMetricsGet_t, sample1))?;
        let newer = sample(request, std::mem::offset_of!(nvmlGpmMetricsGet_t, sample2))?;
        let metrics: InOut<nvmlGpmMetric_t> =
            request.behind(std::mem::offset_of!(nvmlGpmMetricsGet_t, metrics));
        let ids = (0..count)
            .map(|index| metrics.at(index).map(|metric| metric.metricId))
            .collect::<Result<Vec<_>>>()?;
        let answers = driver.gpm_metrics(older.get()?, newer.get()?, &ids)?;
        for (index, (&id, answer)) in ids.iter().zip(answers).enumerate() {
            metrics.put_at(index, metric(id, answer))?;
        }
        Ok(())
    }
}

/// One member of the request's head. The whole structure is never read: the caller's may be
/// shorter than the one that the bindings know.
fn header<T: Copy>(request: InOut<nvmlGpmMetricsGet_t>, offset: usize) -> Result<T> {
    request.behind(offset).read()
}

fn sample(request: InOut<nvmlGpmMetricsGet_t>, offset: usize) -> Result<Opaque> {
    header::<nvmlGpmSample_t>(request, offset).map(Opaque::from_pointer)
}

fn metric(id: u32, answer: Result<f64>) -> nvmlGpmMetric_t {
    let empty = c"".as_ptr().cast_mut().cast::<c_char>();
    nvmlGpmMetric_t {
        metricId: id,
        nvmlReturn: answer.err().map_or(0, |code| code.0),
        value: answer.unwrap_or(f64::NAN),
        // Names are for printing; a caller that prints them must not meet null.
        metricInfo: nvmlGpmMetric_t__bindgen_ty_1 {
            shortName: empty,
            longName: empty,
            unit: empty,
        },
    }
}
