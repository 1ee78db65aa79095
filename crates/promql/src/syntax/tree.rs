//! The syntax tree of a query as Prometheus's `parse_query` answers it.

use std::time::{SystemTime, UNIX_EPOCH};

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AtModifier, BinaryExpr, Call, Expr, LabelModifier, Offset, SubqueryExpr,
    VectorMatchCardinality, VectorSelector,
};
use serde_json::{Map, Value, json};

use crate::error::QueryError;
use crate::functions::numbers::number;
use crate::text;

/// The syntax tree of a query: objects with a `type` and what belongs to it, as Prometheus's
/// `/api/v1/parse_query` has them. Durations and times are in ms.
///
/// # Errors
/// It is not PromQL.
pub fn parse_tree(query: &str) -> Result<Value, QueryError> {
    text::parsed(query, |expr| Ok(tree(expr)))
}

fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(node) => {
            let (labels, without) = modifier(node.modifier.as_ref());
            json!({
                "type": "aggregation",
                "op": node.op.to_string(),
                "expr": tree(&node.expr),
                "param": node.param.as_deref().map(tree),
                "grouping": labels,
                "without": without,
            })
        }
        Expr::Binary(node) => binary(node),
        Expr::Call(node) => call(node),
        Expr::MatrixSelector(node) => {
            let mut object = selector("matrixSelector", &node.vs);
            object.insert("range".to_owned(), json!(ms(node.range)));
            object.insert("rangeExpr".to_owned(), Value::Null);
            Value::Object(object)
        }
        Expr::VectorSelector(node) => Value::Object(selector("vectorSelector", node)),
        Expr::Subquery(node) => subquery(node),
        Expr::NumberLiteral(node) => json!({ "type": "numberLiteral", "val": number(node.val) }),
        Expr::StringLiteral(node) => json!({ "type": "stringLiteral", "val": node.val }),
        Expr::Paren(node) => json!({ "type": "parenExpr", "expr": tree(&node.expr) }),
        Expr::Unary(node) => json!({ "type": "unaryExpr", "op": "-", "expr": tree(&node.expr) }),
        Expr::Extension(_) => Value::Null,
    }
}

/// The labels, and whether they are left out.
fn modifier(modifier: Option<&LabelModifier>) -> (&[String], bool) {
    match modifier {
        Some(LabelModifier::Include(labels)) => (&labels.labels, false),
        Some(LabelModifier::Exclude(labels)) => (&labels.labels, true),
        None => (&[], false),
    }
}

fn binary(node: &BinaryExpr) -> Value {
    let vector = |expr: &Expr| expr.value_type() == ValueType::Vector;
    let op = node.op.to_string();
    let matching = (vector(&node.lhs) && vector(&node.rhs)).then(|| {
        let given = node.modifier.clone().unwrap_or_default();
        let (labels, _) = modifier(given.matching.as_ref());
        let (card, include): (&str, &[String]) = match &given.card {
            _ if ["and", "or", "unless"].contains(&op.as_str()) => ("many-to-many", &[]),
            VectorMatchCardinality::OneToOne => ("one-to-one", &[]),
            VectorMatchCardinality::ManyToMany => ("many-to-many", &[]),
            VectorMatchCardinality::ManyToOne(include) => ("many-to-one", &include.labels),
            VectorMatchCardinality::OneToMany(include) => ("one-to-many", &include.labels),
        };
        json!({
            "card": card,
            "labels": labels,
            "on": given.is_matching_on(),
            "include": include,
            "fillValues": { "lhs": given.fill_values.lhs, "rhs": given.fill_values.rhs },
        })
    });
    json!({
        "type": "binaryExpr",
        "op": op,
        "lhs": tree(&node.lhs),
        "rhs": tree(&node.rhs),
        "matching": matching,
        "bool": node.return_bool(),
    })
}

fn call(node: &Call) -> Value {
    let types: Vec<String> = node.func.arg_types.iter().map(ToString::to_string).collect();
    json!({
        "type": "call",
        "func": {
            "name": node.func.name,
            "argTypes": types,
            "variadic": node.func.variadic,
            "returnType": node.func.return_type.to_string(),
        },
        "args": node.args.args.iter().map(|arg| tree(arg)).collect::<Vec<_>>(),
    })
}

fn selector(kind: &str, node: &VectorSelector) -> Map<String, Value> {
    let mut object = Map::new();
    let name = node.name.clone();
    let own = node.matchers.matchers.iter().map(matcher);
    let of_name = name.iter().map(|name| json!({ "name": "__name__", "value": name, "type": "=" }));
    let matchers: Vec<Value> = own.chain(of_name).collect();
    object.insert("type".to_owned(), json!(kind));
    object.insert("name".to_owned(), json!(name.unwrap_or_default()));
    object.insert("matchers".to_owned(), Value::Array(matchers));
    object.insert("anchored".to_owned(), json!(false));
    object.insert("smoothed".to_owned(), json!(false));
    times(&mut object, node.offset.as_ref(), node.at.as_ref());
    object
}

fn matcher(matcher: &Matcher) -> Value {
    let kind = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Re(_) => "=~",
        MatchOp::NotRe(_) => "!~",
    };
    json!({ "name": matcher.name, "value": matcher.value, "type": kind })
}

fn subquery(node: &SubqueryExpr) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("subquery"));
    object.insert("expr".to_owned(), tree(&node.expr));
    object.insert("range".to_owned(), json!(ms(node.range)));
    object.insert("rangeExpr".to_owned(), Value::Null);
    object.insert("step".to_owned(), json!(node.step.map_or(0, ms)));
    object.insert("stepExpr".to_owned(), Value::Null);
    times(&mut object, node.offset.as_ref(), node.at.as_ref());
    Value::Object(object)
}

fn times(object: &mut Map<String, Value>, offset: Option<&Offset>, at: Option<&AtModifier>) {
    let offset = match offset {
        Some(Offset::Pos(by)) => ms(*by),
        Some(Offset::Neg(by)) => -ms(*by),
        None => 0,
    };
    let (timestamp, start_or_end) = match at {
        Some(AtModifier::Start) => (Value::Null, json!("start")),
        Some(AtModifier::End) => (Value::Null, json!("end")),
        Some(AtModifier::At(time)) => (json!(epoch_ms(*time)), Value::Null),
        None => (Value::Null, Value::Null),
    };
    object.insert("offset".to_owned(), json!(offset));
    object.insert("offsetExpr".to_owned(), Value::Null);
    object.insert("timestamp".to_owned(), timestamp);
    object.insert("startOrEnd".to_owned(), start_or_end);
}

fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => ms(after),
        Err(before) => -ms(before.duration()),
    }
}
