//! The table against the parser's.

use promql_parser::parser::parse;

use super::FUNCTIONS;

#[test]
fn the_table_is_sorted_and_every_row_parses() {
    assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
    for row in FUNCTIONS {
        let args = row.types.split(" -> ").next().unwrap().replace(['?', '*'], "");
        let args = args.replace("vector", "up").replace("range", "up[1m]");
        let args = args.replace("scalar", "1").replace("string", "\"a\"");
        let query = format!("{}({})", row.name, args.trim());
        let parsed = parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let result = row.types.rsplit(" -> ").next().unwrap();
        assert_eq!(parsed.value_type().to_string(), result, "{query}");
    }
}
