//! GPM: samples are the integrals of a moment, metrics their difference over the time between.

use gpu::nvml::{GpmSample, Result, Return};

use super::{Seen, SimDriver};
use crate::world::{Channel, Rates};

/// What a sample holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    at_us: i64,
    gpu: usize,
    /// The GPU instance's place, and the layout it belongs to.
    instance: Option<(usize, usize)>,
    sums: Rates,
    links: u32,
    is_cut: bool,
}

/// What a metric is derived from.
enum Source {
    /// Per cent, times a factor.
    PerCent(Channel, f64),
    /// MiB per second, of the whole GPU only.
    Bytes(Channel),
    /// The same, of one of the links.
    Link(Channel, u32),
    /// Per cent of a media engine, of the whole GPU only.
    Engine(Channel),
    /// A unit that is there and does nothing.
    Nothing,
}

/// Numbers are those of `nvmlGpmMetricId_t`.
fn source(metric: u32) -> Option<Source> {
    Some(match metric {
        // Graphics: the instance is in use whenever an SM is.
        1 | 2 => Source::PerCent(Channel::Sm, 1.0),
        3 => Source::PerCent(Channel::Occupancy, 1.0),
        4 => Source::PerCent(Channel::Integer, 1.0),
        5 => Source::PerCent(Channel::Tensor, 1.0),
        6 | 9 | 11 => Source::Nothing,
        7 => Source::PerCent(Channel::Tensor, 0.97),
        10 => Source::PerCent(Channel::Dram, 1.0),
        12 => Source::PerCent(Channel::Fp32, 1.0),
        13 => Source::PerCent(Channel::Fp16, 1.0),
        20 => Source::Bytes(Channel::PcieTx),
        21 => Source::Bytes(Channel::PcieRx),
        30..=37 => Source::Engine(Channel::Decoder),
        40..=47 => Source::Engine(Channel::Jpeg),
        50 | 51 => Source::Engine(Channel::Ofa),
        60 => Source::Bytes(Channel::NvLinkRx),
        61 => Source::Bytes(Channel::NvLinkTx),
        62..=97 => {
            let channel =
                if metric.is_multiple_of(2) { Channel::NvLinkRx } else { Channel::NvLinkTx };
            Source::Link(channel, (metric - 62) / 2)
        }
        _ => return None,
    })
}

impl SimDriver {
    pub(super) fn alloc_sample(&self) -> Result<GpmSample> {
        self.enter("nvmlGpmSampleAlloc")?;
        let mut held = self.held();
        held.next += 1;
        let id = held.next;
        held.samples.insert(id, None);
        Ok(GpmSample(id))
    }

    pub(super) fn free_sample(&self, sample: GpmSample) -> Result<()> {
        self.present("nvmlGpmSampleFree")?;
        self.held().samples.remove(&sample.0).map(|_| ()).ok_or(Return::INVALID_ARGUMENT)
    }

    pub(super) fn take_sample(
        &self,
        seen: &Seen<'_>,
        instance: Option<usize>,
        sample: GpmSample,
    ) -> Result<()> {
        if !seen.gpu.product.gpm {
            return Err(Return::NOT_SUPPORTED);
        }
        let taken = Taken {
            at_us: seen.age_us,
            gpu: seen.gpu.index,
            instance: instance.map(|place| (place, seen.gpu.layout_number(seen.age_us))),
            sums: seen.state(|state| state.sums_at(seen.age_us, instance)),
            links: seen.gpu.product.nvlink.links,
            is_cut: seen.is_cut(),
        };
        let mut held = self.held();
        let place = held.samples.get_mut(&sample.0).ok_or(Return::INVALID_ARGUMENT)?;
        *place = Some(taken);
        Ok(())
    }

    pub(super) fn metrics_between(
        &self,
        older: GpmSample,
        newer: GpmSample,
        metrics: &[u32],
    ) -> Result<Vec<Result<f64>>> {
        let (_, age_us) = self.enter("nvmlGpmMetricsGet")?;
        let (older, newer) = {
            let held = self.held();
            let taken = |sample: GpmSample| held.samples.get(&sample.0).copied().flatten();
            taken(older).zip(taken(newer)).ok_or(Return::INVALID_ARGUMENT)?
        };
        if self.can_fail {
            self.meet("nvmlGpmMetricsGet", Some(newer.gpu), age_us)?;
        }
        if older.gpu != newer.gpu || older.instance != newer.instance {
            return Err(Return::INVALID_ARGUMENT);
        }
        let span_us = newer.at_us - older.at_us;
        if span_us <= 0 {
            return Err(Return::INVALID_ARGUMENT);
        }
        #[expect(clippy::cast_precision_loss, reason = "spans of a world fit 53 bits")]
        let seconds = span_us as f64 / 1e6;
        Ok(metrics.iter().map(|metric| metric_between(&older, &newer, seconds, *metric)).collect())
    }
}

fn metric_between(older: &Taken, newer: &Taken, seconds: f64, metric: u32) -> Result<f64> {
    const MEBIBYTE: f64 = 1_048_576.0;
    let mean =
        |channel: Channel| ((newer.sums.get(channel) - older.sums.get(channel)) / seconds).max(0.0);
    let of_the_gpu = || {
        if newer.instance.is_some() { Err(Return::NOT_SUPPORTED) } else { Ok(()) }
    };
    let linked = || {
        of_the_gpu()?;
        if newer.links == 0 || newer.is_cut { Err(Return::NOT_SUPPORTED) } else { Ok(()) }
    };
    match source(metric).ok_or(Return::NOT_SUPPORTED)? {
        Source::PerCent(channel, factor) => Ok((mean(channel) * factor).min(100.0)),
        Source::Nothing => Ok(0.0),
        Source::Engine(channel) => of_the_gpu().map(|()| mean(channel).min(100.0)),
        Source::Bytes(channel @ (Channel::NvLinkRx | Channel::NvLinkTx)) => {
            linked().map(|()| mean(channel) / MEBIBYTE)
        }
        Source::Bytes(channel) => Ok(mean(channel) / MEBIBYTE),
        Source::Link(channel, link) if link < newer.links => {
            linked().map(|()| mean(channel) / f64::from(newer.links) / MEBIBYTE)
        }
        Source::Link(..) => Err(Return::NOT_SUPPORTED),
    }
}
