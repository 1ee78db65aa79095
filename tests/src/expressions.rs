//! Makes PromQL expressions over the fleet of [`crate::gpu_history`]: valid ones of every kind, in
//! proportions like those of people's dashboards. The same for the same seed.

use crate::gpu_history::Random;

const GAUGES: [&str; 4] =
    ["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_FB_USED", "gpu_process_info"];
const COUNTERS: [&str; 2] =
    ["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "gpu_session_sm_seconds_bucket"];
const MATCHERS: [&str; 12] = [
    r#"gpu="0""#,
    r#"gpu!="1""#,
    r#"gpu=~"1|2""#,
    r#"gpu!~"0|3""#,
    r#"Hostname="gpu-a""#,
    r#"Hostname=~"gpu-(a|c)""#,
    r#"exported_pod!="""#,
    r#"exported_pod="""#,
    r#"exported_namespace=~"ml-.*""#,
    r#"UUID=~"GPU-gpu-b-.""#,
    r#"instance!~".*a""#,
    r#"le!="+Inf""#,
];
const RANGES: [&str; 6] = ["1m", "5m", "10m", "37s", "1h", "90s"];
const OVER_TIME: [&str; 13] = [
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "present_over_time",
    "changes",
    "resets",
    "delta",
    "deriv",
];
const OF_COUNTERS: [&str; 4] = ["rate", "increase", "irate", "resets"];
const OF_VECTORS: [&str; 13] = [
    "abs",
    "ceil",
    "floor",
    "round",
    "sqrt",
    "exp",
    "ln",
    "log2",
    "log10",
    "sgn",
    "sort",
    "timestamp",
    "-",
];
const AGGREGATIONS: [&str; 9] =
    ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "sum"];
const GROUPINGS: [&str; 7] = [
    "",
    " by (gpu)",
    " by (Hostname)",
    " by (Hostname, gpu)",
    " without (gpu, UUID)",
    " by (exported_namespace)",
    " without (instance, le)",
];
const OPERATORS: [&str; 6] = ["+", "-", "*", "/", "%", "^"];
const COMPARISONS: [&str; 6] = ["==", "!=", ">", "<", ">=", "<="];

/// How deep expressions are nested.
const OUTERMOST: usize = 3;

/// One expression.
pub fn expression(random: &mut Random) -> String {
    vector(random, OUTERMOST)
}

fn vector(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return selector(random, &GAUGES);
    }
    match random.below(17) {
        0 | 1 => selector(random, &GAUGES),
        2 | 3 => format!("{}({})", random.pick(&OVER_TIME), range(random, &GAUGES, depth)),
        4 | 5 => format!("{}({})", random.pick(&OF_COUNTERS), range(random, &COUNTERS, depth)),
        6 | 7 => {
            let (operation, grouping) = (random.pick(&AGGREGATIONS), random.pick(&GROUPINGS));
            format!("{operation}{grouping} ({})", vector(random, depth - 1))
        }
        8 => ranked(random, depth),
        9 => {
            let (function, of) = (random.pick(&OF_VECTORS), vector(random, depth - 1));
            format!("{function}({of})")
        }
        10 => format!("({} {} {})", vector(random, depth - 1), operator(random), scalar(random)),
        11 => format!("({} {} {})", scalar(random), operator(random), vector(random, depth - 1)),
        12 => matched(random, depth),
        13 => with_sets(random, depth),
        14 => special(random, depth),
        15 => histogram(random),
        _ => format!(
            "quantile_over_time({}, {})",
            random.pick(&["0.5", "0.9", "0", "1", "1.5"]),
            range(random, &GAUGES, depth)
        ),
    }
}

fn selector(random: &mut Random, names: &[&str]) -> String {
    let name = random.pick(names);
    let mut matchers: Vec<&str> = Vec::new();
    for _ in 0..random.below(3) {
        matchers.push(random.pick(&MATCHERS));
    }
    let braces =
        if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
    format!("{name}{braces}{}", shift(random))
}

fn shift(random: &mut Random) -> &'static str {
    match random.below(12) {
        0 => " offset 5m",
        1 => " offset -2m",
        2 => " @ end()",
        3 => " @ start() offset 1m",
        _ => "",
    }
}

fn range(random: &mut Random, names: &[&str], depth: usize) -> String {
    let span = random.pick(&RANGES);
    if depth > 1 && random.below(6) == 0 {
        let step = random.pick(&["", "30s", "1m", "7s"]);
        return format!("({})[{span}:{step}]{}", vector(random, depth - 2), shift(random));
    }
    let name = random.pick(names);
    let matcher = if random.below(2) == 0 {
        String::new()
    } else {
        format!("{{{}}}", random.pick(&MATCHERS))
    };
    format!("{name}{matcher}[{span}]{}", shift(random))
}

fn scalar(random: &mut Random) -> &'static str {
    random.pick(&["2", "0.5", "100", "-1", "0", "1e9", "scalar(count(up))", "pi()", "time()"])
}

fn operator(random: &mut Random) -> String {
    match random.below(3) {
        0 => random.pick(&COMPARISONS).to_owned(),
        1 => format!("{} bool", random.pick(&COMPARISONS)),
        _ => random.pick(&OPERATORS).to_owned(),
    }
}

fn ranked(random: &mut Random, depth: usize) -> String {
    let of = vector(random, depth - 1);
    let grouping = random.pick(&GROUPINGS);
    // Of series that tie either may be chosen: only the outermost choice can be compared.
    let kinds = if depth == OUTERMOST { 4 } else { 2 };
    match 3 - random.below(kinds) {
        0 => format!("topk{grouping} ({}, {of})", random.pick(&["1", "3", "100", "0"])),
        1 => format!("bottomk{grouping} ({}, {of})", random.pick(&["1", "2"])),
        3 => format!("count_values{grouping} (\"value\", round({of}))"),
        _ => format!("quantile{grouping} ({}, {of})", random.pick(&["0.5", "0.99", "0", "2"])),
    }
}

/// Two sides that are aggregated alike, so that they match one to one; or many to one.
fn matched(random: &mut Random, depth: usize) -> String {
    let (left, right) = (vector(random, depth - 1), vector(random, depth - 1));
    let operator = operator(random);
    match random.below(3) {
        0 => format!("(sum by (gpu) ({left}) {operator} sum by (gpu) ({right}))"),
        1 => format!(
            "(max by (Hostname, gpu) ({left}) {operator} on (Hostname) group_left () max by (Hostname) ({right}))"
        ),
        _ => format!(
            "(min by (Hostname, gpu) ({left}) {operator} ignoring (UUID) min by (Hostname, gpu) ({right}))"
        ),
    }
}

fn with_sets(random: &mut Random, depth: usize) -> String {
    let operation = random.pick(&["and", "or", "unless"]);
    let how = random.pick(&["", " on (gpu, Hostname)", " ignoring (le)"]);
    format!("({} {operation}{how} {})", vector(random, depth - 1), vector(random, depth - 1))
}

fn special(random: &mut Random, depth: usize) -> String {
    let of = vector(random, depth - 1);
    match random.below(9) {
        0 => format!("clamp({of}, 10, 60)"),
        1 => format!("clamp_max({of}, 50)"),
        2 => format!("label_replace({of}, \"short\", \"$1\", \"Hostname\", \"gpu-(.)\")"),
        3 => format!("label_join({of}, \"place\", \"/\", \"Hostname\", \"gpu\")"),
        4 => format!("absent({of})"),
        5 => format!("absent_over_time({})", range(random, &GAUGES, 0)),
        6 => format!("predict_linear({}, 600)", range(random, &GAUGES, depth)),
        7 => format!("sort_desc({of})"),
        _ => format!("vector({})", scalar(random)),
    }
}

fn histogram(random: &mut Random) -> String {
    let quantile = random.pick(&["0.5", "0.9", "0.99", "1", "-1"]);
    let by = random.pick(&["le", "le, Hostname", "le, gpu"]);
    let span = random.pick(&RANGES);
    format!(
        "histogram_quantile({quantile}, sum by ({by}) (rate(gpu_session_sm_seconds_bucket[{span}])))"
    )
}
