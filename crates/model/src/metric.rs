//! What a metric is called, what it means and in which unit: the row that exposition, reference
//! page and tests are derived from.

/// The TYPE that the text format prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows within one life of its source.
    Counter,
    /// Classic histogram: `_bucket`, `_sum`, `_count`.
    Histogram,
    /// No family of its own: the value is a label on every sample of its entity.
    Label,
}

impl Kind {
    /// As written after `# TYPE name`, or in the field list.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Label => "label",
        }
    }
}

/// The unit of a value, for the reference page and the UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the unit it is named after")]
pub enum Unit {
    None,
    Count,
    Percent,
    Ratio,
    Celsius,
    Watts,
    Joules,
    Millijoules,
    Megahertz,
    Mebibytes,
    Bytes,
    BytesPerSecond,
    MegabytesPerSecond,
    ByteSeconds,
    Nanoseconds,
    Seconds,
    UnixSeconds,
}

impl Unit {
    /// As people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Count => "count",
            Self::Percent => "%",
            Self::Ratio => "0..1",
            Self::Celsius => "°C",
            Self::Watts => "W",
            Self::Joules => "J",
            Self::Millijoules => "mJ",
            Self::Megahertz => "MHz",
            Self::Mebibytes => "MiB",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::MegabytesPerSecond => "MB/s",
            Self::ByteSeconds => "byte·s",
            Self::Nanoseconds => "ns",
            Self::Seconds => "s",
            Self::UnixSeconds => "unix s",
        }
    }
}

/// One metric family: a name, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Family name, as printed.
    pub name: &'static str,
    /// TYPE, as printed.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: Unit,
    /// HELP, one sentence that names the unit.
    pub help: &'static str,
    /// Label names in the order of printing, for the reference page.
    pub labels: &'static [&'static str],
}
