//! The second argument of `info()`: a selector of labels that may match the empty series, which the
//! parser refuses of any selector. It is read with one matcher more, which is taken out again.

use promql_parser::parser::Expr;

use super::tokens;

/// The label of that matcher.
const MARK: &str = "__labels_of_info__";

/// The expression of a text that the parser refused; none where that is not the reason.
pub(super) fn ast(text: &str) -> Option<Expr> {
    let mut expr = super::ast(&marked(text)?).ok()?;
    unmark(&mut expr);
    Some(expr)
}

/// The text with the matcher; none where no `info()` has a second argument.
fn marked(text: &str) -> Option<String> {
    let tokens = tokens::of(text);
    let token = |at: usize| tokens.get(at).map_or("", |place| &text[place.clone()]);
    let (mut open, mut places) = (Vec::new(), Vec::new());
    for at in 0..tokens.len() {
        match token(at) {
            "(" => open.push(at > 0 && token(at - 1) == "info"),
            "[" | "{" => open.push(false),
            ")" | "]" | "}" => {
                open.pop();
            }
            "," if open.last() == Some(&true) && token(at + 1) == "{" => {
                places.push(tokens[at + 1].end);
            }
            _ => {}
        }
    }
    let mut marked = text.to_owned();
    for place in places.iter().rev() {
        marked.insert_str(*place, &format!("{MARK}!=\"\","));
    }
    (!places.is_empty()).then_some(marked)
}

fn unmark(expr: &mut Expr) {
    match expr {
        Expr::VectorSelector(selector) => {
            selector.matchers.matchers.retain(|matcher| matcher.name != MARK);
        }
        Expr::Aggregate(node) => {
            node.param.iter_mut().for_each(|param| unmark(param));
            unmark(&mut node.expr);
        }
        Expr::Unary(node) => unmark(&mut node.expr),
        Expr::Binary(node) => {
            unmark(&mut node.lhs);
            unmark(&mut node.rhs);
        }
        Expr::Paren(node) => unmark(&mut node.expr),
        Expr::Subquery(node) => unmark(&mut node.expr),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|arg| unmark(arg)),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => {}
    }
}
