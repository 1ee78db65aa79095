//! Numbers as labels and messages print them.

/// A number as Prometheus prints it in a label.
pub(crate) fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
}

/// A number as OpenMetrics writes it: always a float.
pub(crate) fn float(value: f64) -> String {
    let text = number(value);
    if value.is_finite() && !text.contains('.') { text + ".0" } else { text }
}
