//! Korean or English for what people read on a terminal.
//!
//! Only messages and words of tables are translated. Keys, column names, JSON, CSV, metrics and
//! the log stay English.

mod korean;

/// The language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Korean,
}

impl Language {
    /// From the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is not empty.
    pub(crate) fn of_environment() -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        Self::of_locale(set.as_deref().unwrap_or_default())
    }

    fn of_locale(locale: &str) -> Self {
        let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
        if language == "ko" { Self::Korean } else { Self::English }
    }

    /// A sentence that a crate without language made, in this one.
    pub(crate) fn sentence(self, english: &str) -> String {
        match self {
            Self::English => english.to_owned(),
            Self::Korean => korean::sentence(english),
        }
    }

    /// One of the two texts.
    pub(crate) fn pick<T>(self, english: T, korean: T) -> T {
        match self {
            Self::English => english,
            Self::Korean => korean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_korean_locale_is_korean() {
        assert_eq!(Language::of_locale("ko_KR.UTF-8"), Language::Korean);
        assert_eq!(Language::of_locale("ko"), Language::Korean);
        assert_eq!(Language::of_locale("kok_IN"), Language::English);
        assert_eq!(Language::of_locale("C.UTF-8"), Language::English);
        assert_eq!(Language::of_locale(""), Language::English);
    }
}
