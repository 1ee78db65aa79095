//! `Accept-Encoding`: what a client takes.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

/// An encoding that we can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Zstd,
}

impl Encoding {
    /// As in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The encodings of ours that a client takes; weight 0 is a refusal, and `*` stands for those that
/// are not named.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<Encoding> {
    let given =
        headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<(String, bool)> = given.flat_map(|list| list.split(',')).map(entry).collect();
    let takes = |name: &str| {
        let named = entries.iter().find(|(entry, _)| entry == name);
        named.or_else(|| entries.iter().find(|(entry, _)| entry == "*")).is_some_and(|e| e.1)
    };
    let all = [Encoding::Brotli, Encoding::Gzip, Encoding::Zstd];
    all.into_iter().filter(|encoding| takes(encoding.name())).collect()
}

fn entry(text: &str) -> (String, bool) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or("").to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
    (name, weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn weight_zero_refuses_and_a_star_stands_for_the_rest() {
        use Encoding::{Brotli, Gzip, Zstd};
        let expected: [(&str, &[Encoding]); 6] = [
            ("gzip, deflate, br", &[Brotli, Gzip]),
            ("br;q=0, GZIP;q=0.5", &[Gzip]),
            ("*", &[Brotli, Gzip, Zstd]),
            ("zstd;q=0, *", &[Brotli, Gzip]),
            ("identity", &[]),
            ("gzip;q=x", &[]),
        ];
        for (text, encodings) in expected {
            let value = HeaderValue::from_static(text);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(accepted(&headers), encodings, "{text}");
        }
    }
}
