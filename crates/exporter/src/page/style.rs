//! How labels of device samples are called and written.

use std::borrow::Cow;

use crate::{Config, HostLabel};

/// The part of the settings that decides about labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// How the label with the host's name is called.
    pub host_label: HostLabel,
    /// Without that label.
    pub no_hostname: bool,
    /// With the names that the oldest dashboards know: `uuid`.
    pub use_old_namespace: bool,
    /// With `-` for blanks in model names.
    pub replace_blanks_in_model_name: bool,
}

impl From<&Config> for Style {
    fn from(config: &Config) -> Self {
        Self {
            host_label: config.host_label,
            no_hostname: config.no_hostname,
            use_old_namespace: config.use_old_namespace,
            replace_blanks_in_model_name: config.replace_blanks_in_model_name,
        }
    }
}

impl Style {
    /// Names of the labels with the host's name.
    pub(super) fn host_labels(&self) -> &'static [&'static str] {
        if self.no_hostname { &[] } else { self.host_label.names() }
    }

    pub(super) const fn uuid_label(&self) -> &'static str {
        if self.use_old_namespace { "uuid" } else { "UUID" }
    }

    /// Runs of blanks become one `-`.
    pub(super) fn model_name<'a>(&self, model: &'a str) -> Cow<'a, str> {
        if self.replace_blanks_in_model_name {
            Cow::Owned(model.split_whitespace().collect::<Vec<_>>().join("-"))
        } else {
            Cow::Borrowed(model)
        }
    }
}
