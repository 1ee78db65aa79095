//! Parts of an expression that stand in it more than once and are worth evaluating once.

use promql_parser::parser::Expr;

/// Expressions with more parts than this are not searched: each part is compared with all before it.
const MOST_PARTS: usize = 200;

/// The parts of an expression that repeat, the largest of each.
pub(crate) fn of(expr: &Expr) -> Vec<&Expr> {
    let (mut seen, mut repeated) = (Vec::new(), Vec::new());
    if parts(expr) <= MOST_PARTS {
        walk(expr, &mut seen, &mut repeated);
    }
    repeated
}

fn parts(expr: &Expr) -> usize {
    1 + children(expr).into_iter().map(parts).sum::<usize>()
}

fn walk<'e>(expr: &'e Expr, seen: &mut Vec<&'e Expr>, repeated: &mut Vec<&'e Expr>) {
    let costs = matches!(expr, Expr::VectorSelector(_) | Expr::Call(_) | Expr::Aggregate(_));
    if costs {
        if seen.contains(&expr) {
            // What lies within repeats with it.
            repeated.push(expr);
            return;
        }
        seen.push(expr);
    }
    children(expr).into_iter().for_each(|child| walk(child, seen, repeated));
}

/// The expressions within an expression.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(node) => node.param.as_deref().into_iter().chain([&*node.expr]).collect(),
        Expr::Unary(node) => vec![&node.expr],
        Expr::Binary(node) => vec![&node.lhs, &node.rhs],
        Expr::Paren(node) => vec![&node.expr],
        Expr::Subquery(node) => vec![&node.expr],
        Expr::Call(node) => node.args.args.iter().map(|arg| &**arg).collect(),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => Vec::new(),
    }
}
