//! Of which devices metrics are printed: dcgm-exporter's selector.
//!
//! `f`: every GPU, or its GPU instances where MIG is on. `g` and `g:0,2-3`: GPUs. `i` and `i:7-9`:
//! GPU instances, by the id that `GPU_I_ID` shows.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use gpu::{EntityView, GpuView};
use serde::{Deserialize, Serialize};

/// A selector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Devices {
    /// `f`: what there is, in the finest form.
    #[default]
    Flexible,
    /// `g`: GPUs; without list, all.
    Gpus(Vec<RangeInclusive<u32>>),
    /// `i`: GPU instances; without list, all.
    Instances(Vec<RangeInclusive<u32>>),
}

/// A selector that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{selector}` selects no devices: {why}; write f, g, g:0,2-3, i or i:7-9")]
pub struct DevicesError {
    selector: String,
    why: &'static str,
}

/// No list is longer: there are no more ids to name.
const MOST_RANGES: usize = 256;

impl Devices {
    /// Whether metrics of that entity are printed.
    #[must_use]
    pub fn shows(&self, gpu: &GpuView, entity: &EntityView) -> bool {
        let within = |list: &[RangeInclusive<u32>], id: u32| {
            list.is_empty() || list.iter().any(|range| range.contains(&id))
        };
        match (self, &entity.gpu_instance) {
            (Self::Flexible, _) => true,
            (Self::Gpus(list), _) => within(list, gpu.index),
            (Self::Instances(list), Some((_, id))) => within(list, *id),
            (Self::Instances(_), None) => false,
        }
    }

    /// The first id of its list that stands for nothing among these GPUs.
    #[must_use]
    pub fn missing<'a>(&self, gpus: impl Iterator<Item = &'a GpuView> + Clone) -> Option<u32> {
        let (list, there): (_, Vec<u32>) = match self {
            Self::Flexible => return None,
            Self::Gpus(list) => (list, gpus.map(|gpu| gpu.index).collect()),
            Self::Instances(list) => {
                let entities = gpus.flat_map(|gpu| &gpu.entities);
                let ids = entities.filter_map(|e| e.gpu_instance.as_ref().map(|(_, id)| *id));
                (list, ids.collect())
            }
        };
        // A range that leaves what is there leaves it after as many ids as there are.
        list.iter().flat_map(Clone::clone).find(|id| !there.contains(id))
    }

    /// Whether it names single ones, which must be there.
    #[must_use]
    pub const fn has_list(&self) -> bool {
        match self {
            Self::Flexible => false,
            Self::Gpus(list) | Self::Instances(list) => !list.is_empty(),
        }
    }
}

impl FromStr for Devices {
    type Err = DevicesError;

    fn from_str(text: &str) -> Result<Self, DevicesError> {
        let wrong = |why| DevicesError { selector: text.chars().take(80).collect(), why };
        let (letter, list) = match text.trim().split_once(':') {
            Some((letter, list)) => (letter, Some(list)),
            None => (text.trim(), None),
        };
        let ranges = list.map(ranges).transpose().map_err(wrong)?;
        match (letter, ranges) {
            ("f", None) => Ok(Self::Flexible),
            ("f", Some(_)) => Err(wrong("f stands for all and takes no list")),
            ("g", list) => Ok(Self::Gpus(list.unwrap_or_default())),
            ("i", list) => Ok(Self::Instances(list.unwrap_or_default())),
            _ => Err(wrong("it begins with no letter of f, g, i")),
        }
    }
}

fn ranges(list: &str) -> Result<Vec<RangeInclusive<u32>>, &'static str> {
    let ranges: Vec<_> = list.split(',').map(range).collect::<Result<_, _>>()?;
    if ranges.len() > MOST_RANGES { Err("its list is too long") } else { Ok(ranges) }
}

fn range(text: &str) -> Result<RangeInclusive<u32>, &'static str> {
    let number = |text: &str| {
        let number = text.trim().parse::<u32>().ok().filter(|id| *id <= 0xffff);
        number.ok_or("its list has something that is no id")
    };
    match text.split_once('-') {
        None => number(text).map(|id| id..=id),
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            if from <= to { Ok(from..=to) } else { Err("a range in its list goes backwards") }
        }
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, list): (_, &[RangeInclusive<u32>]) = match self {
            Self::Flexible => ("f", &[]),
            Self::Gpus(list) => ("g", list),
            Self::Instances(list) => ("i", list),
        };
        f.write_str(letter)?;
        for (place, range) in list.iter().enumerate() {
            f.write_str(if place == 0 { ":" } else { "," })?;
            match (range.start(), range.end()) {
                (from, to) if from == to => write!(f, "{from}")?,
                (from, to) => write!(f, "{from}-{to}")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Devices {
    type Error = DevicesError;

    fn try_from(text: String) -> Result<Self, DevicesError> {
        text.parse()
    }
}

impl From<Devices> for String {
    fn from(devices: Devices) -> Self {
        devices.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instance, whole};

    fn parsed(text: &str) -> Devices {
        text.parse().unwrap()
    }

    #[test]
    fn a_selector_reads_as_it_is_written() {
        for text in ["f", "g", "i", "g:0,2-3", "i:7-9"] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn a_wrong_selector_says_what_is_wrong_with_it() {
        for text in ["", "x", "f:0", "g:", "g:a", "g:3-1", "i:1,,2", "g:4294967296"] {
            let fault = text.parse::<Devices>().unwrap_err().to_string();
            assert!(fault.contains("g:0,2-3"), "{fault}");
        }
    }

    #[test]
    fn it_shows_what_it_names_and_says_what_is_not_there() {
        let plain = whole(0, "X", &[]);
        let mut cut = whole(1, "X", &[]);
        cut.entities = vec![instance("1g.10gb", 9, 1, &[]), instance("1g.10gb", 10, 1, &[])];
        let shown = |text: &str| {
            let devices = parsed(text);
            let of = |gpu: &GpuView| gpu.entities.iter().filter(|e| devices.shows(gpu, e)).count();
            (of(&plain), of(&cut))
        };
        assert_eq!(shown("f"), (1, 2));
        assert_eq!(shown("g:1"), (0, 2));
        assert_eq!(shown("i"), (0, 2));
        assert_eq!(shown("i:10"), (0, 1));
        let missing = |text: &str| parsed(text).missing([&plain, &cut].into_iter());
        assert_eq!((missing("g:0-1"), missing("g:0-5"), missing("g:7")), (None, Some(2), Some(7)));
        assert_eq!((missing("i:9-10"), missing("i:9,11")), (None, Some(11)));
    }
}
