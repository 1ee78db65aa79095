//! Figures of a series in a few cells, with the unit that the metric has.

use model::metric::Unit;

use super::answer::Point;

/// What people want to know of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) min: f64,
    pub(crate) mean: f64,
    pub(crate) max: f64,
    pub(crate) last: f64,
}

impl Figures {
    /// Of the samples that are numbers; `None` where there is none.
    pub(crate) fn of(points: &[Point]) -> Option<Self> {
        let values: Vec<f64> =
            points.iter().filter_map(|(_, value)| value.parse().ok()).filter(finite).collect();
        let last = *values.last()?;
        #[expect(clippy::cast_precision_loss, reason = "samples on a terminal are few")]
        let count = values.len() as f64;
        Some(Self {
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            mean: values.iter().sum::<f64>() / count,
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            last,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as a filter takes it")]
fn finite(value: &f64) -> bool {
    value.is_finite()
}

/// The unit of what an expression gives, as far as its text tells: of the metrics in it, if they
/// agree and nothing in it changes the unit.
pub(crate) fn unit_of(expression: &str) -> Unit {
    const CHANGING: [&str; 9] = [
        "rate(",
        "irate(",
        "increase(",
        "deriv(",
        "count",
        "changes(",
        "resets(",
        "stdvar",
        "bool",
    ];
    let bare = without_selectors(expression);
    if CHANGING.iter().any(|word| bare.contains(word)) || bare.contains(['/', '*', '^', '%']) {
        return Unit::None;
    }
    let words = bare.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let mut units = words.filter_map(known_unit);
    let first = units.next().unwrap_or(Unit::None);
    if units.all(|unit| unit == first) { first } else { Unit::None }
}

/// The text without what stands in braces and brackets: labels and durations.
fn without_selectors(expression: &str) -> String {
    let mut depth = 0_u32;
    let mut bare = String::with_capacity(expression.len());
    for char in expression.chars() {
        match char {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(char),
            _ => {}
        }
    }
    bare
}

fn known_unit(name: &str) -> Option<Unit> {
    let of_gpu = gpu::metrics::ROWS.iter().map(|row| &row.metric);
    let families = [
        session::exposition::SEED_METRICS,
        session::exposition::SESSION_METRICS,
        session::exposition::ALLOCATION_METRICS,
        exporter::page::XID_METRICS,
        exporter::page::OWN_METRICS,
    ];
    let mut all = of_gpu.chain(families.into_iter().flatten());
    all.find(|metric| metric.name == name).map(|metric| metric.unit)
}

/// A figure in at most nine cells and its unit: `61.3 GiB`, `97.4 %`, `1.25k`.
pub(crate) fn short(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => binary(value),
        Unit::Mebibytes => binary(value * 1_048_576.0),
        Unit::BytesPerSecond => scaled(value, "B/s"),
        Unit::MegabytesPerSecond => scaled(value * 1e6, "B/s"),
        Unit::Ratio => format!("{} %", digits(value * 100.0)),
        Unit::Joules => scaled(value, "J"),
        Unit::Millijoules => scaled(value / 1000.0, "J"),
        Unit::Nanoseconds => format!("{} {}", digits(value / 1e9), Unit::Seconds.as_str()),
        Unit::None | Unit::Count | Unit::ByteSeconds | Unit::UnixSeconds => scaled(value, ""),
        // As everywhere: watts up to 10,000.
        Unit::Watts if value.abs() >= 10_000.0 => format!("{} kW", digits(value / 1000.0)),
        Unit::Percent | Unit::Celsius | Unit::Watts | Unit::Megahertz | Unit::Seconds => {
            format!("{} {}", digits(value), unit.as_str())
        }
    }
}

fn binary(bytes: f64) -> String {
    const STEPS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut step = 0;
    while value.abs() >= 1024.0 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    format!("{} {}", digits(value), STEPS[step])
}

fn scaled(value: f64, unit: &str) -> String {
    const STEPS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")];
    let step = STEPS.iter().find(|(from, _)| value.abs() >= *from);
    let (divisor, prefix) = match step {
        Some((_, "k")) => (1e3, "k"),
        Some((from, prefix)) => (*from, *prefix),
        None => (1.0, ""),
    };
    let blank = if unit.is_empty() { "" } else { " " };
    format!("{}{blank}{prefix}{unit}", digits(value / divisor))
}

/// Four figures that mean something, without a tail of zeros.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value.abs());
    }
    let size = value.abs();
    let decimals = if size >= 1000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 1.0 {
        2
    } else if size >= 0.001 {
        4
    } else {
        return format!("{value:.1e}");
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_leave_out_what_is_no_number() {
        let points = |values: &[&str]| values.iter().map(|v| (0.0, (*v).to_owned())).collect();
        let points: Vec<Point> = points(&["1", "NaN", "4", "+Inf", "2.5"]);
        let figures = Figures { min: 1.0, mean: 2.5, max: 4.0, last: 2.5 };
        assert_eq!(Figures::of(&points), Some(figures));
        assert_eq!(Figures::of(&[(0.0, "NaN".to_owned())]), None);
    }

    #[test]
    fn a_unit_is_shown_only_where_the_expression_keeps_it() {
        assert_eq!(unit_of("DCGM_FI_DEV_GPU_UTIL"), Unit::Percent);
        assert_eq!(unit_of(r#"avg by (Hostname) (DCGM_FI_DEV_GPU_TEMP{gpu="0"})"#), Unit::Celsius);
        assert_eq!(unit_of("max_over_time(gpu_session_memory_bytes[5m])"), Unit::Bytes);
        assert_eq!(unit_of("rate(gpu_device_seconds_total[5m])"), Unit::None);
        assert_eq!(unit_of("count(DCGM_FI_DEV_GPU_UTIL)"), Unit::None);
        assert_eq!(unit_of("DCGM_FI_DEV_FB_USED / DCGM_FI_DEV_FB_TOTAL"), Unit::None);
        assert_eq!(unit_of("DCGM_FI_DEV_GPU_TEMP + DCGM_FI_DEV_POWER_USAGE"), Unit::None);
        assert_eq!(unit_of(r#"up{job="/"}"#), Unit::None);
    }

    #[test]
    fn figures_are_short_and_carry_their_unit() {
        let cases = [
            (65_819_115_520.0, Unit::Bytes, "61.3 GiB"),
            (512.0, Unit::Mebibytes, "512 MiB"),
            (0.974, Unit::Ratio, "97.4 %"),
            (61.0, Unit::Celsius, "61 °C"),
            (312.42, Unit::Watts, "312.4 W"),
            (22_751.0, Unit::Watts, "22.75 kW"),
            (1410.0, Unit::Megahertz, "1410 MHz"),
            (12_400_000_000.0, Unit::BytesPerSecond, "12.4 GB/s"),
            (1_234_567.0, Unit::None, "1.23M"),
            (-0.000_01, Unit::None, "-1.0e-5"),
            (0.0, Unit::Percent, "0 %"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(short(value, unit), text);
        }
    }
}
