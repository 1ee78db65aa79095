//! The function table: one row per PromQL function, with its types and what evaluates it.

pub(crate) mod calendar;
mod dates;
pub(crate) mod histograms;
mod info;
pub(crate) mod numbers;
mod ranges;
mod relabel;
mod sorting;
mod vectors;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr};

use crate::error::{QueryError, failed};
use crate::over_time::{self as over, extremes, order, rate, sums, trend, variance};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::windows::Kernel;
use calendar::Moment;

/// One function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Types of its arguments, `?` behind one that may be left out, `*` behind one that may repeat,
    /// and of its result.
    pub(crate) types: &'static str,
    how: How,
    /// What it gives, in a line.
    pub(crate) about: &'static str,
}

/// How a function is evaluated.
enum How {
    /// Window by window; the name goes.
    Over(Kernel),
    /// The same, and the name stays: the result is a sample of the series.
    Pick(Kernel),
    /// Value by value, with up to two scalars.
    Map(fn(f64, f64, f64) -> f64),
    /// A part of the date of each value, or of the time of the step.
    Date(fn(&Moment) -> f64),
    /// Two scalars to a scalar.
    Scalars(fn(f64, f64) -> f64),
    /// In its own way.
    Own(OwnWay),
}

/// A function in its own way.
type OwnWay = for<'q> fn(&Query<'q>, &'q Call, Steps) -> Result<Evaluated<'q>, QueryError>;

use How::{Date, Map, Over, Own, Pick, Scalars};

const fn row(name: &'static str, types: &'static str, how: How, about: &'static str) -> Function {
    Function { name, types, how, about }
}

/// All functions, by name.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: &[Function] = &[
    row("abs", "vector -> vector", Map(|v, _, _| v.abs()), "absolute value"),
    row("absent", "vector -> vector", Own(vectors::is_absent), "1 where there is no sample, with the labels asked for"),
    row("absent_over_time", "range -> vector", Own(vectors::is_absent), "1 where no sample is in the window"),
    row("acos", "vector -> vector", Map(|v, _, _| v.acos()), "arc cosine"),
    row("acosh", "vector -> vector", Map(|v, _, _| v.acosh()), "inverse hyperbolic cosine"),
    row("asin", "vector -> vector", Map(|v, _, _| v.asin()), "arc sine"),
    row("asinh", "vector -> vector", Map(|v, _, _| v.asinh()), "inverse hyperbolic sine"),
    row("atan", "vector -> vector", Map(|v, _, _| v.atan()), "arc tangent"),
    row("atanh", "vector -> vector", Map(|v, _, _| v.atanh()), "inverse hyperbolic tangent"),
    row("avg_over_time", "range -> vector", Over(sums::avg), "average of the window"),
    row("ceil", "vector -> vector", Map(|v, _, _| v.ceil()), "rounded up"),
    row("changes", "range -> vector", Over(over::changes), "how often the value changed"),
    row("clamp", "vector, scalar, scalar -> vector", Own(vectors::clamp), "kept between two bounds"),
    row("clamp_max", "vector, scalar -> vector", Map(|v, most, _| if most.is_nan() { most } else { v.min(most) }), "kept at or below a bound"),
    row("clamp_min", "vector, scalar -> vector", Map(|v, least, _| if least.is_nan() { least } else { v.max(least) }), "kept at or above a bound"),
    row("cos", "vector -> vector", Map(|v, _, _| v.cos()), "cosine"),
    row("cosh", "vector -> vector", Map(|v, _, _| v.cosh()), "hyperbolic cosine"),
    row("count_over_time", "range -> vector", Over(over::count), "samples in the window"),
    row("day_of_month", "vector? -> vector", Date(Moment::day_of_month), "1 to 31, in UTC"),
    row("day_of_week", "vector? -> vector", Date(Moment::day_of_week), "0 (Sunday) to 6, in UTC"),
    row("day_of_year", "vector? -> vector", Date(Moment::day_of_year), "1 to 366, in UTC"),
    row("days_in_month", "vector? -> vector", Date(Moment::days_in_month), "28 to 31, in UTC"),
    row("deg", "vector -> vector", Map(|v, _, _| v.to_degrees()), "radians as degrees"),
    row("delta", "range -> vector", Over(rate::delta), "change of a gauge over the window, extrapolated"),
    row("deriv", "range -> vector", Over(trend::deriv), "slope per second by least squares"),
    row("double_exponential_smoothing", "range, scalar, scalar -> vector", Own(ranges::smoothing), "smoothed by a smoothing and a trend factor"),
    row("end", " -> scalar", Own(vectors::end), "end of the query, seconds since the epoch"),
    row("exp", "vector -> vector", Map(|v, _, _| v.exp()), "exponential"),
    row("first_over_time", "range -> vector", Pick(over::first), "oldest sample of the window"),
    row("floor", "vector -> vector", Map(|v, _, _| v.floor()), "rounded down"),
    row("histogram_avg", "vector -> vector", Own(histograms::of_native), "of native histograms, so nothing of floats"),
    row("histogram_count", "vector -> vector", Own(histograms::of_native), "of native histograms, so nothing of floats"),
    row("histogram_fraction", "scalar, scalar, vector -> vector", Own(histograms::fraction_of), "share of observations between two bounds"),
    row("histogram_quantile", "scalar, vector -> vector", Own(histograms::quantile_of), "quantile of a classic histogram"),
    row("histogram_quantiles", "vector, string, scalar* -> vector", Own(histograms::quantiles_of), "several quantiles, told apart by a label"),
    row("histogram_stddev", "vector -> vector", Own(histograms::of_native), "of native histograms, so nothing of floats"),
    row("histogram_stdvar", "vector -> vector", Own(histograms::of_native), "of native histograms, so nothing of floats"),
    row("histogram_sum", "vector -> vector", Own(histograms::of_native), "of native histograms, so nothing of floats"),
    row("hour", "vector? -> vector", Date(Moment::hour), "0 to 23, in UTC"),
    row("idelta", "range -> vector", Over(rate::idelta), "difference of the last two samples"),
    row("increase", "range -> vector", Own(ranges::of_counters), "growth of a counter over the window, extrapolated"),
    row("info", "vector, vector? -> vector", Own(info::eval), "with labels of matching info series, target_info unless chosen"),
    row("irate", "range -> vector", Over(rate::irate), "growth per second between the last two samples"),
    row("label_join", "vector, string, string, string* -> vector", Own(relabel::join), "a label set to others joined"),
    row("label_replace", "vector, string, string, string, string -> vector", Own(relabel::replace), "a label set by a regular expression over another"),
    row("last_over_time", "range -> vector", Pick(over::last), "newest sample of the window"),
    row("ln", "vector -> vector", Map(|v, _, _| v.ln()), "natural logarithm"),
    row("log10", "vector -> vector", Map(|v, _, _| v.log10()), "decimal logarithm"),
    row("log2", "vector -> vector", Map(|v, _, _| v.log2()), "binary logarithm"),
    row("mad_over_time", "range -> vector", Over(order::median_deviation), "median absolute deviation of the window"),
    row("max_of", "scalar, scalar -> scalar", Scalars(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }), "the greater of two"),
    row("max_over_time", "range -> vector", Over(extremes::max), "greatest of the window"),
    row("min_of", "scalar, scalar -> scalar", Scalars(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }), "the lesser of two"),
    row("min_over_time", "range -> vector", Over(extremes::min), "least of the window"),
    row("minute", "vector? -> vector", Date(Moment::minute), "0 to 59, in UTC"),
    row("month", "vector? -> vector", Date(Moment::month), "1 to 12, in UTC"),
    row("pi", " -> scalar", Own(vectors::pi), "3.14159…"),
    row("predict_linear", "range, scalar -> vector", Over(trend::predict_linear), "value so many seconds from now by least squares"),
    row("present_over_time", "range -> vector", Over(over::present), "1 where a sample is in the window"),
    row("quantile_over_time", "scalar, range -> vector", Own(ranges::quantile), "quantile of the window"),
    row("rad", "vector -> vector", Map(|v, _, _| v.to_radians()), "degrees as radians"),
    row("range", " -> scalar", Own(vectors::range), "length of the query in seconds"),
    row("rate", "range -> vector", Own(ranges::of_counters), "growth of a counter per second over the window, extrapolated"),
    row("resets", "range -> vector", Over(over::resets), "how often a counter fell"),
    row("round", "vector, scalar? -> vector", Own(vectors::round), "rounded to a multiple"),
    row("scalar", "vector -> scalar", Own(vectors::scalar), "the value of the only series, or NaN"),
    row("sgn", "vector -> vector", Map(|v, _, _| sign(v)), "1, 0 or -1 by the sign"),
    row("sin", "vector -> vector", Map(|v, _, _| v.sin()), "sine"),
    row("sinh", "vector -> vector", Map(|v, _, _| v.sinh()), "hyperbolic sine"),
    row("sort", "vector -> vector", Own(sorting::eval), "by value, ascending"),
    row("sort_by_label", "vector, string* -> vector", Own(sorting::eval), "by labels, numbers in them as numbers"),
    row("sort_by_label_desc", "vector, string* -> vector", Own(sorting::eval), "by labels, descending"),
    row("sort_desc", "vector -> vector", Own(sorting::eval), "by value, descending"),
    row("sqrt", "vector -> vector", Map(|v, _, _| v.sqrt()), "square root"),
    row("start", " -> scalar", Own(vectors::start), "start of the query, seconds since the epoch"),
    row("stddev_over_time", "range -> vector", Over(variance::stddev), "standard deviation of the window"),
    row("stdvar_over_time", "range -> vector", Over(variance::stdvar), "variance of the window"),
    row("step", " -> scalar", Own(vectors::step), "step of the query in seconds"),
    row("sum_over_time", "range -> vector", Over(sums::sum), "sum of the window"),
    row("tan", "vector -> vector", Map(|v, _, _| v.tan()), "tangent"),
    row("tanh", "vector -> vector", Map(|v, _, _| v.tanh()), "hyperbolic tangent"),
    row("time", " -> scalar", Own(vectors::time), "time of the step, seconds since the epoch"),
    row("timestamp", "vector -> vector", Own(vectors::timestamp), "time of each sample, seconds since the epoch"),
    row("ts_of_first_over_time", "range -> vector", Over(over::time_of_first), "time of the window's oldest sample"),
    row("ts_of_last_over_time", "range -> vector", Over(over::time_of_last), "time of the window's newest sample"),
    row("ts_of_max_over_time", "range -> vector", Over(extremes::time_of_max), "time of the window's last greatest sample"),
    row("ts_of_min_over_time", "range -> vector", Over(extremes::time_of_min), "time of the window's last least sample"),
    row("vector", "scalar -> vector", Own(vectors::vector), "a scalar as a vector without labels"),
    row("year", "vector? -> vector", Date(Moment::year), "year, in UTC"),
];

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// Evaluates a call.
pub(crate) fn call<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let name = call.func.name;
    let Ok(at) = FUNCTIONS.binary_search_by(|row| row.name.cmp(name)) else {
        return failed(format!("function {name} is not supported"));
    };
    let args = &call.args.args;
    match &FUNCTIONS[at].how {
        Over(kernel) => ranges::over(query, args, steps, *kernel, true),
        Pick(kernel) => ranges::over(query, args, steps, *kernel, false),
        Map(kernel) => {
            let (scalars, kernel) = (scalars(query, args, Some(0), steps)?, *kernel);
            let mapped = query.vector(&args[0], steps)?.map(move |step, value| {
                kernel(value, argument(&scalars, 0, step), argument(&scalars, 1, step))
            });
            Ok(Evaluated::Vector(mapped.nameless(true)))
        }
        Date(part) => dates::eval(query, args.first().map(|arg| &**arg), steps, *part),
        Scalars(kernel) => {
            let all = scalars(query, args, None, steps)?;
            let steps = 0..steps.count;
            let values = steps.map(|s| kernel(argument(&all, 0, s), argument(&all, 1, s)));
            Ok(Evaluated::Scalar(values.collect()))
        }
        Own(evaluate) => evaluate(query, call, steps),
    }
}

/// Which argument is a range vector.
fn range_at(args: &[Box<Expr>]) -> usize {
    args.iter().position(|arg| arg.value_type() == ValueType::Matrix).unwrap_or_default()
}

/// All arguments but one, as scalars.
fn scalars<'q>(
    query: &Query<'q>,
    args: &'q [Box<Expr>],
    but: Option<usize>,
    steps: Steps,
) -> Result<Vec<Vec<f64>>, QueryError> {
    let others = args.iter().enumerate().filter(|(at, _)| Some(*at) != but);
    others.map(|(_, arg)| query.scalar(arg, steps)).collect()
}

fn argument(scalars: &[Vec<f64>], at: usize, step: usize) -> f64 {
    scalars.get(at).map_or(0.0, |values| values[step])
}

#[cfg(test)]
mod tests;
