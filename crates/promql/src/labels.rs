//! What operators do with labels, over the words of `model`.

use model::labels::{Labels, NAME};

/// Bytes of a query's strings that are no UTF-8 stand as characters from here on, in a private plane.
pub(crate) const NO_TEXT: u32 = 0x0010_ff00;

/// A label name as Prometheus quotes it, if it cannot be one.
pub(crate) fn invalid_name(name: &str) -> Option<String> {
    let byte = |c: char| u32::from(c).checked_sub(NO_TEXT).filter(|byte| *byte <= 0xff);
    if !name.is_empty() && !name.chars().any(|c| byte(c).is_some()) {
        return None;
    }
    let quoted = name.chars().map(|c| match byte(c) {
        Some(byte) => format!("\\x{byte:02x}"),
        None => c.escape_debug().to_string(),
    });
    Some(format!("\"{}\"", quoted.collect::<String>()))
}

/// The label that holds the metric's name goes.
pub(crate) fn without_name(labels: &Labels) -> Labels {
    labels.keep(|name| name != NAME)
}

/// Only these.
pub(crate) fn only(labels: &Labels, names: &[String]) -> Labels {
    labels.keep(|name| names.iter().any(|kept| kept == name))
}

/// All but these and the metric's name.
pub(crate) fn without(labels: &Labels, names: &[String]) -> Labels {
    labels.keep(|name| name != NAME && !names.iter().any(|gone| gone == name))
}

/// All in braces, the name among them, as Prometheus's errors write a set of labels.
pub(crate) fn in_braces(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
