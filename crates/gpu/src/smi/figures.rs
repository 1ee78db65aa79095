//! The cells of the metric rows, from the sheet and, for what it lacks, from `-q`.
//!
//! Numbers come out in the units and with the meaning that the NVML source gives them.

use model::{ErrorKind, Reading, Timestamp};

use super::facts::{FrameBuffer, Gpu, Instance};
use super::partition;
use super::round::{Round, known_name};
use super::value;
use crate::Cell;
use crate::metrics::{Level, MetricRow, ROWS};

/// Where `-q` has what `--query-gpu` has not.
const LOGGED: &[(u16, &str)] = &[
    (202, "PCI/Replays Since Reset"),
    (500, "GPU Virtualization Mode/Virtualization Mode"),
    (526, "vGPU Software Licensed Product/License Status"),
];

/// Words that stand for a number, by field: what NVML gives, in DCGM's numbers.
const WORDS: &[(u16, &str, u32)] = &[
    (65, "Default", 0),
    (65, "Prohibited", 1),
    (65, "Exclusive_Process", 2),
    (66, "Disabled", 0),
    (66, "Enabled", 1),
    (67, "Disabled", 0),
    (67, "Enabled", 1),
    (395, "No", 0),
    (395, "Yes", 1),
    (500, "None", 0),
    (500, "Pass-Through", 1),
    (500, "VGPU", 2),
    (500, "Host VGPU", 3),
    (500, "Host VSGA", 4),
];

/// What one GPU, or one GPU instance of it, shows.
pub(super) struct Entity<'a> {
    pub(super) round: &'a Round,
    pub(super) gpu: &'a Gpu<'a>,
    /// The first MIG device of the GPU instance.
    pub(super) instance: Option<&'a Instance>,
    pub(super) at: Timestamp,
}

impl Entity<'_> {
    /// One cell per metric row.
    pub(super) fn cells(&self) -> Vec<Cell> {
        ROWS.iter().map(|row| self.cell(row)).collect()
    }

    fn cell(&self, row: &MetricRow) -> Cell {
        if row.metric.kind == model::metric::Kind::Label {
            return match self.label(row) {
                Reading::Value(text) => Cell::label(&text, self.at),
                Reading::NotSupported => Cell::number(Reading::NotSupported, self.at),
                Reading::Failed(kind) => Cell::number(Reading::Failed(kind), self.at),
            };
        }
        Cell::number(self.number(row), self.at)
    }

    /// The number of a row.
    fn number(&self, row: &MetricRow) -> Reading {
        let mig_on = self.gpu.mig == Some(true);
        match (row.field, row.level) {
            _ if self.gpu.lost => Reading::Failed(ErrorKind::Lost),
            (_, Level::WholeGpu) if mig_on => Reading::NotSupported,
            (250..=254, _) => frame_buffer(row.field, &self.memory()),
            (_, Level::GpuInstance) if self.instance.is_some() => Reading::NotSupported,
            (526, _) => self.licence(row),
            _ => plausible(row.field, self.raw(row).and_then(|raw| number_of(row.field, raw))),
        }
    }

    /// The text of a label row.
    fn label(&self, row: &MetricRow) -> Reading<String> {
        match (row.field, self.instance) {
            (1, _) => self.driver_version(),
            (50, Some(instance)) => {
                Reading::Value(partition::gpu_instance_profile(&instance.profile).to_owned())
            }
            (54, Some(instance)) => Reading::Value(instance.uuid.clone()),
            (54, None) if !self.gpu.uuid.is_empty() => Reading::Value(self.gpu.uuid.clone()),
            (50, None) if !self.gpu.model.is_empty() => Reading::Value(self.gpu.model.clone()),
            (69, _) => Reading::Value(self.max_slices().to_string()),
            _ => self.raw(row).and_then(|raw| {
                value::text(raw).and_then(|word| match word_number(row.field, word) {
                    Some(number) => Reading::Value(number.to_string()),
                    None if has_words(row.field) => Reading::NotSupported,
                    None => Reading::Value(word.to_owned()),
                })
            }),
        }
    }

    fn driver_version(&self) -> Reading<String> {
        match self.round.driver_version() {
            Some(version) => Reading::Value(version),
            None => Reading::NotSupported,
        }
    }

    fn max_slices(&self) -> u32 {
        if self.gpu.mig == Some(true) { partition::slices_of_gpu(&self.gpu.model) } else { 0 }
    }

    /// What the program printed for a row: a failure if the form that has it failed.
    fn raw(&self, row: &MetricRow) -> Reading<&str> {
        if let Some((_, path)) = LOGGED.iter().find(|(field, _)| *field == row.field) {
            return match &self.round.log {
                Err(error) => Reading::Failed(error.kind()),
                Ok(_) => given(self.gpu.log.and_then(|log| log.value(path))),
            };
        }
        match &self.round.sheet {
            _ if row.smi.is_none() => Reading::NotSupported,
            Err(error) => Reading::Failed(error.kind()),
            Ok(_) => given(row.smi.and_then(|field| self.asked(field))),
        }
    }

    fn asked(&self, field: &str) -> Option<&str> {
        let sheet = self.round.sheet.as_ref().ok()?;
        sheet.cell(self.gpu.row?, known_name(field, &self.round.refused)?)
    }

    /// vGPU licence: nothing of the kind is printed where none is needed, which is 0.
    fn licence(&self, row: &MetricRow) -> Reading {
        match self.raw(row) {
            Reading::Value(status) => {
                Reading::Value(f64::from(u8::from(status.starts_with("Licensed"))))
            }
            Reading::NotSupported if self.gpu.log.is_some() => Reading::Value(0.0),
            Reading::NotSupported => Reading::NotSupported,
            Reading::Failed(kind) => Reading::Failed(kind),
        }
    }

    /// Memory of the GPU or of the instance.
    pub(super) fn memory(&self) -> FrameBuffer {
        if let Some(instance) = self.instance {
            return instance.memory;
        }
        let part = |field: &str| match &self.round.sheet {
            Err(error) => Reading::Failed(error.kind()),
            Ok(_) => given(self.asked(field)).and_then(value::mebibytes),
        };
        FrameBuffer {
            total: part("memory.total"),
            used: part("memory.used"),
            free: part("memory.free"),
            reserved: part("memory.reserved"),
        }
    }

    /// Power that the board may draw, in watts.
    pub(super) fn power_limit(&self) -> Option<f64> {
        value::number(self.asked("enforced.power.limit")?).value()
    }
}

fn given(raw: Option<&str>) -> Reading<&str> {
    raw.map_or(Reading::NotSupported, Reading::Value)
}

fn has_words(field: u16) -> bool {
    WORDS.iter().any(|(of, ..)| *of == field)
}

fn word_number(field: u16, word: &str) -> Option<u32> {
    WORDS.iter().find(|(of, w, _)| *of == field && *w == word).map(|(.., number)| *number)
}

fn number_of(field: u16, raw: &str) -> Reading {
    let text = value::text(raw);
    if let Some(number) = text.value().and_then(|word| word_number(field, word)) {
        return Reading::Value(f64::from(number));
    }
    match text.value().and_then(|word| word.strip_prefix('P')) {
        Some(state) if field == 190 => value::number(state),
        _ => value::number(raw),
    }
}

/// What a sensor or a state cannot be is no reading, as in the NVML source.
fn plausible(field: u16, reading: Reading) -> Reading {
    let limit = match field {
        140 | 150 => 200.0,
        190 => 15.0,
        203 | 204 | 206 | 207 => 100.0,
        _ => return reading,
    };
    reading.and_then(|number| {
        if (0.0..=limit).contains(&number) { Reading::Value(number) } else { Reading::NotSupported }
    })
}

#[expect(clippy::cast_precision_loss, reason = "a board's bytes fit 53 bits")]
fn frame_buffer(field: u16, memory: &FrameBuffer) -> Reading {
    let mebibytes = |bytes: u64| (bytes >> 20) as f64;
    match field {
        250 => memory.total.map(mebibytes),
        251 => memory.free.map(mebibytes),
        252 => memory.used.map(mebibytes),
        253 => memory.reserved.map(mebibytes),
        _ => memory.total.and_then(|total| {
            let usable = total.saturating_sub(memory.reserved.value().unwrap_or(0));
            memory.used.and_then(|used| match usable {
                0 => Reading::NotSupported,
                usable => Reading::Value(used as f64 / usable as f64),
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_numbers_that_dcgm_prints() {
        assert_eq!(word_number(65, "Exclusive_Process"), Some(2));
        assert_eq!(word_number(65, "Prohibited"), Some(1));
        assert_eq!(word_number(500, "Pass-Through"), Some(1));
        assert_eq!(number_of(190, "P8"), Reading::Value(8.0));
        assert_eq!(number_of(395, "No"), Reading::Value(0.0));
        assert_eq!(number_of(100, "P8"), Reading::Failed(ErrorKind::BadAnswer));
    }

    #[test]
    fn what_cannot_be_is_no_reading() {
        assert_eq!(plausible(150, Reading::Value(255.0)), Reading::NotSupported);
        assert_eq!(plausible(190, Reading::Value(32.0)), Reading::NotSupported);
        assert_eq!(plausible(203, Reading::Value(100.0)), Reading::Value(100.0));
        assert_eq!(plausible(155, Reading::Value(700.0)), Reading::Value(700.0));
    }

    #[test]
    fn the_used_ratio_leaves_out_what_the_driver_keeps() {
        let mib = |count: u64| Reading::Value(count << 20);
        let memory =
            FrameBuffer { total: mib(100), used: mib(45), free: mib(45), reserved: mib(10) };
        assert_eq!(frame_buffer(254, &memory), Reading::Value(0.5));
        let old = FrameBuffer { reserved: Reading::NotSupported, ..memory };
        assert_eq!(frame_buffer(253, &old), Reading::NotSupported);
        assert_eq!(frame_buffer(254, &old), Reading::Value(0.45));
    }
}
