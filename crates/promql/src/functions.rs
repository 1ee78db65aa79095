//! The function table: one row per PromQL function, and how each kind of row is evaluated.

use promql_parser::parser::{Call, Expr};

use crate::Labels;
use crate::calendar::Moment;
use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::over_time::{self as over, Mean, Sum, Window};
use crate::value::{ABSENT, Column, Evaluated, absent};
use crate::{aggregate, histogram, label_functions};

/// How a function is evaluated; this also says its argument and result types.
enum Kind {
    /// A range vector and up to two scalars, window by window. `true`: the result keeps the name.
    Range(fn(&Window<'_>) -> Option<f64>, bool),
    /// An instant vector, value by value, with up to two scalars.
    Map(fn(f64, f64, f64) -> f64),
    /// An instant vector that defaults to the time of the step.
    Date(fn(&Moment) -> f64),
    /// Two scalars to a scalar.
    Scalars(fn(f64, f64) -> f64),
    /// Everything else.
    Special(fn(&Context<'_>, &Call, Steps) -> Result<Evaluated, QueryError>),
}

use Kind::{Date, Map, Range, Scalars, Special};

/// All functions, by name.
const FUNCTIONS: &[(&str, Kind)] = &[
    ("abs", Map(|v, _, _| v.abs())),
    ("absent", Special(is_absent)),
    ("absent_over_time", Special(is_absent)),
    ("acos", Map(|v, _, _| v.acos())),
    ("acosh", Map(|v, _, _| v.acosh())),
    ("asin", Map(|v, _, _| v.asin())),
    ("asinh", Map(|v, _, _| v.asinh())),
    ("atan", Map(|v, _, _| v.atan())),
    ("atanh", Map(|v, _, _| v.atanh())),
    ("avg_over_time", Range(|w| some(w).map(Mean::of), false)),
    ("ceil", Map(|v, _, _| v.ceil())),
    ("changes", Range(over::changes, false)),
    ("clamp", Special(clamp)),
    ("clamp_max", Map(|v, most, _| if most.is_nan() { most } else { v.min(most) })),
    ("clamp_min", Map(|v, least, _| if least.is_nan() { least } else { v.max(least) })),
    ("cos", Map(|v, _, _| v.cos())),
    ("cosh", Map(|v, _, _| v.cosh())),
    ("count_over_time", Range(|w| some(w).map(|v| v.len() as f64), false)),
    ("day_of_month", Date(Moment::day_of_month)),
    ("day_of_week", Date(Moment::day_of_week)),
    ("day_of_year", Date(Moment::day_of_year)),
    ("days_in_month", Date(Moment::days_in_month)),
    ("deg", Map(|v, _, _| v.to_degrees())),
    ("delta", Range(over::delta, false)),
    ("deriv", Range(over::deriv, false)),
    ("double_exponential_smoothing", Range(over::smoothed, false)),
    (
        "end",
        Special(|c, _, s| Ok(constant(c.top.start + (c.top.count as i64 - 1) * c.top.step, s))),
    ),
    ("exp", Map(|v, _, _| v.exp())),
    ("first_over_time", Range(|w| w.values.first().copied(), true)),
    ("floor", Map(|v, _, _| v.floor())),
    ("histogram_avg", Special(of_native_histograms)),
    ("histogram_count", Special(of_native_histograms)),
    ("histogram_fraction", Special(histogram_fraction)),
    ("histogram_quantile", Special(histogram_quantile)),
    ("histogram_quantiles", Special(histogram_quantiles)),
    ("histogram_stddev", Special(of_native_histograms)),
    ("histogram_stdvar", Special(of_native_histograms)),
    ("histogram_sum", Special(of_native_histograms)),
    ("hour", Date(Moment::hour)),
    ("idelta", Range(over::idelta, false)),
    ("increase", Range(over::increase, false)),
    ("irate", Range(over::irate, false)),
    ("label_join", Special(|c, f, s| label_functions::join(c, f, s).map(Evaluated::Vector))),
    ("label_replace", Special(|c, f, s| label_functions::replace(c, f, s).map(Evaluated::Vector))),
    ("last_over_time", Range(|w| w.values.last().copied(), true)),
    ("ln", Map(|v, _, _| v.ln())),
    ("log10", Map(|v, _, _| v.log10())),
    ("log2", Map(|v, _, _| v.log2())),
    ("mad_over_time", Range(over::median_deviation, false)),
    ("max_of", Scalars(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })),
    ("max_over_time", Range(|w| over::extreme(w, |a, b| a > b).map(|b| b.1), false)),
    ("min_of", Scalars(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) })),
    ("min_over_time", Range(|w| over::extreme(w, |a, b| a < b).map(|b| b.1), false)),
    ("minute", Date(Moment::minute)),
    ("month", Date(Moment::month)),
    ("pi", Special(|_, _, s| Ok(Evaluated::Scalar(vec![std::f64::consts::PI; s.count])))),
    ("predict_linear", Range(over::predict_linear, false)),
    ("present_over_time", Range(|w| some(w).map(|_| 1.0), false)),
    ("quantile_over_time", Special(quantile_over_time)),
    ("rad", Map(|v, _, _| v.to_radians())),
    ("range", Special(|c, _, s| Ok(constant((c.top.count as i64 - 1) * c.top.step, s)))),
    ("rate", Range(over::rate, false)),
    ("resets", Range(over::resets, false)),
    ("round", Special(round)),
    ("scalar", Special(to_scalar)),
    (
        "sgn",
        Map(|v, _, _| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                v
            }
        }),
    ),
    ("sin", Map(|v, _, _| v.sin())),
    ("sinh", Map(|v, _, _| v.sinh())),
    ("sort", Special(sort)),
    ("sort_by_label", Special(sort)),
    ("sort_by_label_desc", Special(sort)),
    ("sort_desc", Special(sort)),
    ("sqrt", Map(|v, _, _| v.sqrt())),
    ("start", Special(|c, _, s| Ok(constant(c.top.start, s)))),
    ("stddev_over_time", Range(|w| some(w).map(|v| over::variance(v).sqrt()), false)),
    ("stdvar_over_time", Range(|w| some(w).map(over::variance), false)),
    ("step", Special(|c, _, s| Ok(constant(if c.is_range { c.top.step } else { 0 }, s)))),
    ("sum_over_time", Range(|w| some(w).map(Sum::of), false)),
    ("tan", Map(|v, _, _| v.tan())),
    ("tanh", Map(|v, _, _| v.tanh())),
    ("time", Special(|_, _, s| Ok(Evaluated::Scalar(s.times().map(seconds).collect())))),
    ("timestamp", Special(timestamp)),
    ("ts_of_first_over_time", Range(|w| w.times.first().map(|t| seconds(*t)), false)),
    ("ts_of_last_over_time", Range(|w| w.times.last().map(|t| seconds(*t)), false)),
    (
        "ts_of_max_over_time",
        Range(|w| over::extreme(w, |a, b| a >= b).map(|b| seconds(b.0)), false),
    ),
    (
        "ts_of_min_over_time",
        Range(|w| over::extreme(w, |a, b| a <= b).map(|b| seconds(b.0)), false),
    ),
    ("vector", Special(to_vector)),
    ("year", Date(Moment::year)),
];

fn some<'a>(window: &Window<'a>) -> Option<&'a [f64]> {
    (!window.values.is_empty()).then_some(window.values)
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn constant(ms: i64, steps: Steps) -> Evaluated {
    Evaluated::Scalar(vec![seconds(ms); steps.count])
}

/// Evaluates a call.
pub(crate) fn call(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let name = call.func.name;
    let Some((_, kind)) = FUNCTIONS.iter().find(|row| row.0 == name) else {
        return failed(format!("function {name} is not supported"));
    };
    let args = &call.args.args;
    match kind {
        Range(kernel, keeps_name) => {
            let at = args.iter().position(|arg| is_range(arg)).unwrap_or_default();
            let scalars = scalars(context, args, Some(at), steps)?;
            if name == "double_exponential_smoothing" {
                check_factors(&scalars)?;
            }
            over_windows(context, &args[at], steps, &scalars, *keeps_name, kernel)
        }
        Map(kernel) => {
            let scalars = scalars(context, args, Some(0), steps)?;
            let mut columns = context.vector(&args[0], steps)?;
            map(&mut columns, |step, value| {
                kernel(value, argument(&scalars, 0, step), argument(&scalars, 1, step))
            });
            Ok(Evaluated::Vector(columns))
        }
        Date(part) => date(context, args.first().map(|arg| &**arg), steps, *part),
        Scalars(kernel) => {
            let all = scalars(context, args, None, steps)?;
            let steps = 0..steps.count;
            let values = steps.map(|s| kernel(argument(&all, 0, s), argument(&all, 1, s)));
            Ok(Evaluated::Scalar(values.collect()))
        }
        Special(evaluate) => evaluate(context, call, steps),
    }
}

fn is_range(expr: &Expr) -> bool {
    expr.value_type() == promql_parser::parser::value::ValueType::Matrix
}

/// All arguments but one, as scalars.
fn scalars(
    context: &Context<'_>,
    args: &[Box<Expr>],
    but: Option<usize>,
    steps: Steps,
) -> Result<Vec<Vec<f64>>, QueryError> {
    let others = args.iter().enumerate().filter(|(at, _)| Some(*at) != but);
    others.map(|(_, arg)| context.scalar(arg, steps)).collect()
}

fn argument(scalars: &[Vec<f64>], at: usize, step: usize) -> f64 {
    scalars.get(at).map_or(0.0, |values| values[step])
}

fn check_factors(scalars: &[Vec<f64>]) -> Result<(), QueryError> {
    for (values, what) in scalars.iter().zip(["smoothing", "trend"]) {
        if let Some(bad) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return failed(format!("invalid {what} factor. Expected: 0 <= x <= 1, got: {bad}"));
        }
    }
    Ok(())
}

/// A kernel over the windows of each series, which slide by two cursors.
fn over_windows(
    context: &Context<'_>,
    arg: &Expr,
    steps: Steps,
    scalars: &[Vec<f64>],
    keeps_name: bool,
    mut kernel: impl FnMut(&Window<'_>) -> Option<f64>,
) -> Result<Evaluated, QueryError> {
    let ranges = context.range_vector(arg, steps)?;
    let mut columns = Vec::with_capacity(ranges.series.len());
    for series in ranges.series {
        context.touch(series.times.len())?;
        let (mut from, mut to) = (0, 0);
        let mut values = Vec::with_capacity(steps.count);
        for (step, (&end, now)) in ranges.ends.iter().zip(steps.times()).enumerate() {
            while series.times.get(to).is_some_and(|time| *time <= end) {
                to += 1;
            }
            while from < to && series.times[from] <= end - ranges.range {
                from += 1;
            }
            let value = kernel(&Window {
                times: &series.times[from..to],
                values: &series.values[from..to],
                end,
                range: ranges.range,
                now,
                args: [argument(scalars, 0, step), argument(scalars, 1, step)],
            });
            values.push(value.unwrap_or(ABSENT));
        }
        if values.iter().any(|value| !absent(*value)) {
            let drop_name = !keeps_name || series.drop_name;
            columns.push(Column { labels: series.labels, drop_name, values });
        }
    }
    Ok(Evaluated::Vector(columns))
}

fn map(columns: &mut [Column], mut kernel: impl FnMut(usize, f64) -> f64) {
    for column in columns {
        column.drop_name = true;
        for (step, value) in column.values.iter_mut().enumerate() {
            if !absent(*value) {
                *value = kernel(step, *value);
            }
        }
    }
}

fn date(
    context: &Context<'_>,
    arg: Option<&Expr>,
    steps: Steps,
    part: fn(&Moment) -> f64,
) -> Result<Evaluated, QueryError> {
    let mut columns = match arg {
        Some(arg) => context.vector(arg, steps)?,
        None => vec![unlabelled(steps.times().map(seconds).collect())],
    };
    let of = |value: f64| if value.is_nan() { value } else { part(&Moment::of(value)) };
    map(&mut columns, |_, value| of(value));
    Ok(Evaluated::Vector(columns))
}

fn unlabelled(values: Vec<f64>) -> Column {
    Column { labels: Labels::default(), drop_name: false, values }
}

fn clamp(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let bounds = scalars(context, &call.args.args, Some(0), steps)?;
    let mut columns = context.vector(&call.args.args[0], steps)?;
    map(&mut columns, |step, value| {
        let (least, most) = (bounds[0][step], bounds[1][step]);
        match () {
            () if least > most => ABSENT,
            () if least.is_nan() || most.is_nan() || value.is_nan() => f64::NAN,
            () => value.min(most).max(least),
        }
    });
    Ok(Evaluated::Vector(columns))
}

fn round(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let nearest = scalars(context, &call.args.args, Some(0), steps)?;
    let mut columns = context.vector(&call.args.args[0], steps)?;
    map(&mut columns, |step, value| {
        let inverse = 1.0 / nearest.first().map_or(1.0, |values| values[step]);
        (value * inverse + 0.5).floor() / inverse
    });
    Ok(Evaluated::Vector(columns))
}

fn to_scalar(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let columns = context.vector(&call.args.args[0], steps)?;
    let value = |step: usize| {
        let mut present = columns.iter().map(|c| c.values[step]).filter(|value| !absent(*value));
        match (present.next(), present.next()) {
            (Some(only), None) => only,
            _ => f64::NAN,
        }
    };
    Ok(Evaluated::Scalar((0..steps.count).map(value).collect()))
}

fn to_vector(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    Ok(Evaluated::Vector(vec![unlabelled(context.scalar(&call.args.args[0], steps)?)]))
}

fn timestamp(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let mut arg = &*call.args.args[0];
    while let Expr::Paren(inner) = arg {
        arg = &inner.expr;
    }
    let times: Vec<i64> = steps.times().collect();
    let Expr::VectorSelector(selector) = arg else {
        let mut columns = context.vector(arg, steps)?;
        map(&mut columns, |step, _| seconds(times[step]));
        return Ok(Evaluated::Vector(columns));
    };
    let (mut columns, sampled) = context.instants(selector, steps)?;
    for (column, sampled) in columns.iter_mut().zip(sampled) {
        map(std::slice::from_mut(column), |step, _| seconds(sampled[step]));
    }
    Ok(Evaluated::Vector(columns))
}

/// `absent` and `absent_over_time`: 1 where no series has a sample.
fn is_absent(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let arg = &call.args.args[0];
    let columns = if call.func.name == "absent" {
        context.vector(arg, steps)?
    } else {
        let present = |window: &Window<'_>| some(window).map(|_| 1.0);
        match over_windows(context, arg, steps, &[], true, present)? {
            Evaluated::Vector(columns) => columns,
            _ => return failed("expected a vector"),
        }
    };
    let there = |step: usize| columns.iter().any(|column| !absent(column.values[step]));
    let values = (0..steps.count).map(|step| if there(step) { ABSENT } else { 1.0 });
    let labels = wanted_labels(arg);
    Ok(Evaluated::Vector(vec![Column { labels, ..unlabelled(values.collect()) }]))
}

/// The labels that a selector asks for by equality, each once.
fn wanted_labels(expr: &Expr) -> Labels {
    let selector = match expr {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        _ => return Labels::default(),
    };
    let all = &selector.matchers.matchers;
    let asked = all.iter().filter(|matcher| {
        let equal = matches!(matcher.op, promql_parser::label::MatchOp::Equal);
        let once = all.iter().filter(|other| other.name == matcher.name).count() == 1;
        equal && once && matcher.name != model::labels::NAME
    });
    Labels::new(asked.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())))
}

fn sort(context: &Context<'_>, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
    let args = &call.args.args;
    let mut columns = context.vector(&args[0], steps)?;
    if context.is_range {
        let at = context.whole(call.func.name);
        context.warn(&format!(
            "sort is ineffective for range queries since results are always ordered by labels {at}"
        ));
        return Ok(Evaluated::Vector(columns));
    }
    let names: Vec<String> =
        args[1..].iter().map(|arg| context.text(arg, steps)).collect::<Result<_, _>>()?;
    let by_labels = |a: &Column, b: &Column| {
        let compare = |name: &String| natural(a.labels.get(name), b.labels.get(name));
        let first = names.iter().map(compare).find(|order| order.is_ne());
        first.unwrap_or_else(|| a.labels.cmp(&b.labels))
    };
    match call.func.name {
        "sort" => columns.sort_by(|a, b| aggregate::ascending(a.values[0], b.values[0])),
        "sort_desc" => columns.sort_by(|a, b| aggregate::descending(a.values[0], b.values[0])),
        "sort_by_label" => columns.sort_by(by_labels),
        _ => columns.sort_by(|a, b| by_labels(b, a)),
    }
    Ok(Evaluated::Vector(columns))
}

/// Compares text with its numbers taken as numbers.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (da, db) = (digits(a), digits(b));
        let order = if da > 0 && db > 0 {
            let (na, nb) = (a[..da].trim_start_matches('0'), b[..db].trim_start_matches('0'));
            let order = na.len().cmp(&nb.len()).then(na.cmp(nb));
            (a, b) = (&a[da..], &b[db..]);
            order
        } else {
            let (ca, cb) = (a.chars().next(), b.chars().next());
            a = &a[ca.map_or(0, char::len_utf8)..];
            b = &b[cb.map_or(0, char::len_utf8)..];
            ca.cmp(&cb)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Warns of each quantile outside of 0 to 1.
pub(crate) fn check_quantiles(context: &Context<'_>, function: &str, quantiles: &[f64]) {
    for q in quantiles.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
        let (at, q) = (context.argument(function, 0), label_functions::number(*q));
        context.warn(&format!("quantile value should be between 0 and 1, got {q} {at}"));
    }
}

fn quantile_over_time(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let quantiles = scalars(context, &call.args.args, Some(1), steps)?;
    let mut sorted = Vec::new();
    let result = over_windows(context, &call.args.args[1], steps, &quantiles, false, |window| {
        sorted.clear();
        sorted.extend_from_slice(window.values);
        (!sorted.is_empty()).then(|| over::quantile(window.args[0], &mut sorted))
    })?;
    if matches!(&result, Evaluated::Vector(columns) if !columns.is_empty()) {
        check_quantiles(context, "quantile_over_time", &quantiles[0]);
    }
    Ok(result)
}

fn histogram_quantile(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let quantiles = context.scalar(&call.args.args[0], steps)?;
    let columns = context.vector(&call.args.args[1], steps)?;
    check_quantiles(context, "histogram_quantile", &quantiles);
    let columns = histogram::over_buckets(
        context,
        ("histogram_quantile", 1),
        &columns,
        |step, buckets, labels| {
            let (value, forced) = histogram::quantile(quantiles[step], buckets);
            if forced {
                note_forced(context, ("histogram_quantile", 1), labels);
            }
            value
        },
    );
    Ok(Evaluated::Vector(columns))
}

/// Functions of native histograms skip floats, so of floats they make nothing.
fn of_native_histograms(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    context.vector(&call.args.args[0], steps)?;
    Ok(Evaluated::Vector(Vec::new()))
}

/// One series per quantile, told apart by a label.
fn histogram_quantiles(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let args = &call.args.args;
    let columns = context.vector(&args[0], steps)?;
    let label = context.text(&args[1], steps)?;
    let mut result = Vec::new();
    for arg in &args[2..] {
        let quantiles = context.scalar(arg, steps)?;
        let (function, first) = ("histogram_quantiles", quantiles.first().copied());
        check_quantiles(context, function, &quantiles);
        let kernel = |step: usize, buckets: &mut Vec<(f64, f64)>, labels: &Labels| {
            let (value, forced) = histogram::quantile(quantiles[step], buckets);
            if forced {
                note_forced(context, (function, 0), labels);
            }
            value
        };
        for mut column in histogram::over_buckets(context, (function, 0), &columns, kernel) {
            let q = label_functions::float(first.unwrap_or(f64::NAN));
            if !column.labels.get(&label).is_empty() {
                return failed(format!("label {label:?} is already there"));
            }
            column.labels = column.labels.with(&label, &q);
            result.push(column);
        }
    }
    Ok(Evaluated::Vector(result))
}

/// Says that counts of buckets fell with rising bounds.
fn note_forced(context: &Context<'_>, (function, at): (&str, usize), labels: &Labels) {
    context.info(&format!(
        "input to histogram_quantile needed to be fixed for monotonicity{} {}",
        histogram::named(labels),
        context.argument(function, at)
    ));
}

fn histogram_fraction(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let bounds = scalars(context, &call.args.args, Some(2), steps)?;
    let columns = context.vector(&call.args.args[2], steps)?;
    Ok(Evaluated::Vector(histogram::over_buckets(
        context,
        ("histogram_fraction", 2),
        &columns,
        |step, buckets, _| histogram::fraction(bounds[0][step], bounds[1][step], buckets),
    )))
}
