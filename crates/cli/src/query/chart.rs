//! A range as lines on a terminal: braille dots, eight to a cell, with an axis of values and one of
//! time.

use model::metric::Unit;

use super::answer::{Point, Series};
use super::figure;
use crate::moment;
use crate::table::Colour;

/// Rows of a chart.
const HEIGHT: usize = 12;
/// Columns at least, and at most: dots further apart than samples say nothing.
const NARROWEST: usize = 16;
const WIDEST: usize = 120;
/// Dots in a cell, across and down.
const DOTS: (usize, usize) = (2, 4);
/// The dot of each place in a cell, by column and row from above, in Unicode's order.
const BRAILLE: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// Lines are told apart by these, in turn.
const COLOURS: [Colour; 4] = [Colour::Good, Colour::Warning, Colour::Unknown, Colour::Critical];
/// Bars of a line in one row.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The colour of the line with that number.
pub(crate) fn colour(number: usize) -> Colour {
    COLOURS[number % COLOURS.len()]
}

/// Time and values that a chart covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Unix seconds.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Span {
    /// What these series cover in a range of time; values from 0 where none is below. `None` where
    /// there is no number.
    pub(crate) fn of(series: &[Series], from: f64, to: f64) -> Option<Self> {
        let values = || series.iter().flat_map(|of| numbers(of.points())).map(|(_, value)| value);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let low = values().fold(0.0, f64::min);
        if !high.is_finite() {
            return None;
        }
        let high = if high > low { high } else { low + 1.0 };
        Some(Self { from, to: if to > from { to } else { from + 1.0 }, low, high })
    }

    /// Where a moment lies among so many places.
    fn across(&self, time: f64, places: usize) -> usize {
        place((time - self.from) / (self.to - self.from), places)
    }

    fn up(&self, value: f64, places: usize) -> usize {
        place((value - self.low) / (self.high - self.low), places)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a terminal's width"
)]
fn place(part: f64, places: usize) -> usize {
    let last = places.saturating_sub(1) as f64;
    (part.clamp(0.0, 1.0) * last).round() as usize
}

/// Samples that are numbers.
fn numbers(points: &[Point]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let read = |(time, value): &Point| Some((*time, value.parse::<f64>().ok()?));
    points.iter().filter_map(read).filter(|(_, value)| value.is_finite())
}

/// The chart, each line ended.
pub(crate) fn chart(
    series: &[Series],
    span: Span,
    unit: Unit,
    width: usize,
    coloured: bool,
) -> String {
    let labels: Vec<String> = [1.0, 0.5, 0.0]
        .iter()
        .map(|part| figure::short(span.low + part * (span.high - span.low), unit))
        .collect();
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) + 1;
    let columns = width.saturating_sub(margin + 1).clamp(NARROWEST, WIDEST);
    let mut cells = vec![(0_u8, 0_usize); columns * HEIGHT];
    for (number, of) in series.iter().enumerate() {
        draw(of, span, columns, number, &mut cells);
    }
    let mut out = String::new();
    for (row, line) in cells.chunks(columns).enumerate() {
        let label = match row {
            0 => &labels[0],
            _ if row == HEIGHT / 2 => &labels[1],
            _ if row == HEIGHT - 1 => &labels[2],
            _ => "",
        };
        let blank = margin - 1 - label.chars().count();
        let tick = if label.is_empty() { '│' } else { '┤' };
        out.push_str(&format!("{:blank$}{label} {tick}{}\n", "", painted(line, coloured)));
    }
    out.push_str(&format!("{:margin$}└{}\n", "", "─".repeat(columns)));
    out.push_str(&times(span, margin, columns));
    out
}

/// Dots of a line, joined where its samples are no further apart than twice the usual.
fn draw(series: &Series, span: Span, columns: usize, number: usize, cells: &mut [(u8, usize)]) {
    let (across, up) = (columns * DOTS.0, HEIGHT * DOTS.1);
    let points: Vec<(f64, f64)> = numbers(series.points()).collect();
    let usual = usual_gap(&points);
    let mut before: Option<(f64, usize, usize)> = None;
    for (time, value) in points {
        let (x, y) = (span.across(time, across), span.up(value, up));
        let joined = before.filter(|(earlier, ..)| time - earlier <= 2.0 * usual);
        for (x, y) in line(joined.map_or((x, y), |(_, x, y)| (x, y)), (x, y)) {
            let from_above = up - 1 - y;
            let cell = (from_above / DOTS.1) * columns + x / DOTS.0;
            if let Some((dots, of)) = cells.get_mut(cell) {
                *dots |= BRAILLE[x % DOTS.0][from_above % DOTS.1];
                *of = number;
            }
        }
        before = Some((time, x, y));
    }
}

/// The shortest time between two samples.
fn usual_gap(points: &[(f64, f64)]) -> f64 {
    let gaps = points.windows(2).map(|pair| pair[1].0 - pair[0].0);
    gaps.filter(|gap| *gap > 0.0).fold(f64::INFINITY, f64::min)
}

/// The dots from one place to another, both included.
fn line(from: (usize, usize), to: (usize, usize)) -> Vec<(usize, usize)> {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
    let between = |a: usize, b: usize, step: usize| {
        // Rounded to the nearest; both are below a few hundred.
        if b >= a {
            a + ((b - a) * step + steps / 2) / steps
        } else {
            a - ((a - b) * step + steps / 2) / steps
        }
    };
    (0..=steps).map(|step| (between(from.0, to.0, step), between(from.1, to.1, step))).collect()
}

/// The cells of a row as text, with runs of a colour painted at once.
fn painted(cells: &[(u8, usize)], coloured: bool) -> String {
    let mut out = String::new();
    for run in cells.chunk_by(|a, b| a.1 == b.1 || (a.0 == 0) == (b.0 == 0) && a.0 == 0) {
        let glyph = |(dots, _): &(u8, usize)| match dots {
            0 => ' ',
            dots => char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' '),
        };
        let text: String = run.iter().map(glyph).collect();
        out.push_str(&colour(run[0].1).paint(&text, coloured && !text.trim().is_empty()));
    }
    out.truncate(out.trim_end().len());
    out
}

/// First and last moment below the axis, in UTC, and how long it is.
fn times(span: Span, margin: usize, columns: usize) -> String {
    let at = |seconds: f64| moment::iso(timestamp(seconds));
    let (from, to) = (at(span.from), at(span.to));
    let days = from.get(..10) != to.get(..10);
    let shown = |text: &str| {
        let date = text.get(5..10).unwrap_or_default();
        let clock = text.get(11..19).unwrap_or_default();
        if days { format!("{date} {clock}") } else { clock.to_owned() }
    };
    let seconds = std::time::Duration::try_from_secs_f64(span.to - span.from).unwrap_or_default();
    let middle = format!("{} UTC, {}", from.get(..10).unwrap_or_default(), moment::short(seconds));
    let (left, right) = (shown(&from), shown(&to));
    let room = (columns + 1).saturating_sub(left.len() + right.len());
    let middle = if middle.len() + 2 <= room { middle } else { String::new() };
    let blank = room.saturating_sub(middle.len());
    let (before, after) = (" ".repeat(blank / 2), " ".repeat(blank - blank / 2));
    format!("{:margin$}{left}{before}{middle}{after}{right}\n", "")
}

#[expect(clippy::cast_possible_truncation, reason = "a float to the nearest; `as` saturates")]
fn timestamp(seconds: f64) -> model::Timestamp {
    model::Timestamp((seconds * 1e6) as i64)
}

/// A line in one row of bars; a blank where there is no sample.
pub(crate) fn bars(points: &[Point], span: Span, width: usize) -> String {
    let mut highest: Vec<Option<f64>> = vec![None; width];
    for (time, value) in numbers(points) {
        let place = &mut highest[span.across(time, width)];
        *place = Some(place.map_or(value, |held| held.max(value)));
    }
    let bar = |value: Option<f64>| value.map_or(' ', |value| BARS[span.up(value, BARS.len())]);
    highest.into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn series(values: &[f64]) -> Series {
        let points = values.iter().enumerate();
        let points = points
            .map(|(at, value)| (f64::from(u32::try_from(at).unwrap()) * 60.0, value.to_string()));
        Series {
            metric: std::collections::BTreeMap::new(),
            value: None,
            values: Some(points.collect()),
        }
    }

    #[test]
    fn a_line_goes_from_its_first_to_its_last_sample_and_stops_where_samples_are_missing() {
        let mut wave: Vec<f64> =
            (0..60).map(|at| 50.0 + 50.0 * (f64::from(at) / 9.0).sin()).collect();
        wave[40..46].fill(f64::NAN);
        let series = [series(&wave)];
        let span = Span::of(&series, 0.0, 59.0 * 60.0).unwrap();
        expect![[r#"
            99.99 % ┤        ⡠⠒⠒⠉⠉⠉⠒⠤⣀
                    │      ⡠⠊         ⠣⡀
                    │    ⢀⠎            ⠈⢣
                    │   ⡔⠁               ⠑⢄
                    │ ⢠⠊                   ⠣⡀                          ⡔
                    │⡠⠃                     ⠱⡀                       ⢀⠜
               50 % ┤                        ⠈⢆                     ⢠⠊
                    │                         ⠈⢆                   ⡔⠁
                    │                           ⠑⡄               ⢀⠜
                    │                            ⠈⠢⡀            ⡰⠁
                    │                              ⠈⢢        ⢀⡠⠊
                0 % ┤                                ⠉⠒     ⠐⠁
                    └───────────────────────────────────────────────────
                    00:00:00       1970-01-01 UTC, 59m00        00:59:00
        "#]]
        .assert_eq(&chart(&series, span, Unit::Percent, 60, false));
        expect!["▅▆▆▇▇█████▇▇▆▅▅▄▃▂▂▁   ▁▂▂▃▄▅▅"].assert_eq(&bars(series[0].points(), span, 30));
    }

    #[test]
    fn a_flat_line_of_zeros_and_one_without_numbers_can_be_drawn() {
        let flat = [series(&[0.0, 0.0])];
        let span = Span::of(&flat, 0.0, 60.0).unwrap();
        assert_eq!((span.low, span.high), (0.0, 1.0));
        assert!(chart(&flat, span, Unit::None, 5, false).lines().count() == HEIGHT + 2);
        assert!(Span::of(&[series(&[f64::NAN])], 0.0, 60.0).is_none());
        assert!(Span::of(&[], 0.0, 60.0).is_none());
    }
}
