//! What the HTTP API asks of the language.

use super::{duration, format, matchers, parse_tree, time};

#[test]
fn a_query_is_printed_in_one_line_or_several() {
    assert_eq!(format("sum   by(a)(up{x='1'})>2").unwrap(), r#"sum by (a) (up{x="1"}) > 2"#);
    let long = format!("sum by (instance) (rate({}[5m]))", "metric_with_a_long_name".repeat(5));
    let printed = format(&long).unwrap();
    assert!(printed.starts_with("sum by (instance) (\n  rate(\n    metric_with"), "{printed}");
}

#[test]
fn a_tree_names_types_and_what_belongs_to_them() {
    let tree = parse_tree("sum by (a) (rate(up{x=~\"1\"}[5m] offset 1m)) / on (a) b").unwrap();
    assert_eq!(tree["type"], "binaryExpr");
    assert_eq!(tree["matching"]["card"], "one-to-one");
    assert_eq!(tree["matching"]["on"], true);
    let sum = &tree["lhs"];
    assert_eq!((&sum["op"], &sum["grouping"][0]), (&"sum".into(), &"a".into()));
    let rate = &sum["expr"];
    assert_eq!(rate["func"]["argTypes"][0], "matrix");
    let selector = &rate["args"][0];
    assert_eq!(selector["type"], "matrixSelector");
    assert_eq!((&selector["range"], &selector["offset"]), (&300_000.into(), &60_000.into()));
    assert_eq!(selector["matchers"][0]["type"], "=~");
    assert_eq!(selector["matchers"][1]["name"], "__name__");
    assert_eq!(parse_tree("1").unwrap()["val"], "1");
}

#[test]
fn a_selector_becomes_matchers() {
    let found = matchers(r#"up{job="a",pod!~"b.*"}"#).unwrap();
    let names: Vec<_> = found.iter().map(|matcher| matcher.name.as_str()).collect();
    assert_eq!(names, ["__name__", "job", "pod"]);
    assert!(found[2].accepts("a") && !found[2].accepts("bc"));
    for bad in ["sum(up)", "up offset 5m", "up[5m]", "{}", "up{a=\"1\" or b=\"2\"}"] {
        assert!(matchers(bad).is_err(), "{bad}");
    }
}

#[test]
fn times_are_seconds_or_dates() {
    assert_eq!(time("1700000000.25").unwrap(), 1_700_000_000_250);
    assert_eq!(time("1970-01-02T00:00:01Z").unwrap(), 86_401_000);
    assert_eq!(time("2026-05-01T10:00:00.5+02:00").unwrap(), 1_777_622_400_500);
    assert_eq!(time("1969-12-31T23:59:59.999Z").unwrap(), -1);
    for bad in [
        "",
        "now",
        "NaN",
        "1e300",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-05-01",
        "2026-05-01T10:00:00",
    ] {
        assert!(time(bad).is_err(), "{bad}");
    }
}

#[test]
fn durations_are_seconds_or_promql() {
    assert_eq!(duration("15").unwrap(), 15_000);
    assert_eq!(duration("0.001").unwrap(), 1);
    assert_eq!(duration("1h30m").unwrap(), 5_400_000);
    for bad in ["-1", "x", "1x", "NaN", ""] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_error_names_its_place() {
    for (query, error) in [
        ("up{", "1:4: parse error: unexpected end of input inside braces"),
        ("sum(up", "1:7: parse error: unclosed left parenthesis"),
        ("up + * 2", "1:6: parse error: unexpected \"*\""),
        ("up\n  + foo bar", "2:9: parse error: unexpected \"bar\""),
        ("sum(up) by foo bar", "1:12: parse error: unexpected \"foo\""),
        ("up +", "1:5: parse error: unexpected end of input"),
        ("nosuch(up)", "1:1: parse error: unknown function with name \"nosuch\""),
        (
            "1 + rate(up)",
            "1:10: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
    ] {
        assert_eq!(format(query).unwrap_err().to_string(), error, "{query}");
    }
}

#[test]
fn a_deep_query_is_refused_before_it_takes_the_stack() {
    let chain = |count: usize| vec!["1"; count].join(" + ");
    assert!(format(&chain(400)).is_ok());
    assert!(format(&chain(3000)).is_err());
    assert!(format(&"(".repeat(100_000)).is_err());
    let many_values = vec!["node-1"; 10_000].join("|");
    assert!(format(&format!("up{{a=~\"{many_values}\"}}")).is_ok());
}

#[test]
fn an_offset_of_nothing_is_none() {
    assert_eq!(format("up offset 0s").unwrap(), "up");
    assert_eq!(format("rate(up[5m] offset -0m) + offset").unwrap(), "rate(up[5m]) + offset");
    assert_eq!(format("up offset 5m").unwrap(), "up offset 5m");
}
