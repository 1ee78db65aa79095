//! What the HTTP API asks of the language.

use super::{format, matchers, parse_tree};

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
fn info_takes_labels_that_match_nothing_and_no_other_does() {
    let query = r#"sum(info(up, {version=~".*"})) + info(up, {__name__!="target_info"})"#;
    assert_eq!(format(query).unwrap(), query);
    for bad in [r#"info({a=~".*"}, {b="1"})"#, r#"rate({a=~".*"})"#, r#"info(up, {a=~".*"}"#] {
        assert!(format(bad).is_err(), "{bad}");
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
