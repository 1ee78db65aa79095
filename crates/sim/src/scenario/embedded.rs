//! What ships within the program: scenarios and GPU models, by name.

use std::sync::{Arc, OnceLock};

use crate::product::Product;

/// One file within the program.
struct Embedded {
    name: &'static str,
    text: &'static str,
}

macro_rules! embedded {
    ($folder:literal, $($name:literal),+ $(,)?) => {
        &[$(Embedded {
            name: $name,
            text: include_str!(concat!("../../", $folder, "/", $name, ".toml")),
        }),+]
    };
}

const SCENARIOS: &[Embedded] = embedded!(
    "scenarios",
    "h100x8-busy",
    "h100-mixed",
    "h100-mig",
    "h100-mig-idle",
    "h100-idle",
    "h100-load",
    "h200-load",
    "rtx2080s-encode",
    "no-gpu",
    "slurm",
    "bench-8x256",
    "fault-lost",
    "fault-hang",
    "fault-driver-unload",
    "fault-mig-set",
    "fault-xid",
    "fault-zombie",
    "fault-leak",
    "fault-bad-sample",
    "fault-no-permission",
    "awkward-names",
    "many-processes",
);

const MODELS: &[Embedded] = embedded!(
    "models",
    "h100-80gb-hbm3",
    "h200",
    "a100-sxm4-40gb",
    "rtx-2080-super",
    "rtx-4090",
    "l4"
);

/// Names of the scenarios.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name).chain([crate::fleet::NAME])
}

/// The text of a scenario that is a file.
#[must_use]
pub fn scenario(name: &str) -> Option<&'static str> {
    SCENARIOS.iter().find(|scenario| scenario.name == name).map(|scenario| scenario.text)
}

/// Names of the GPU models.
pub fn model_names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.name)
}

/// A GPU model by name.
#[must_use]
pub fn product(name: &str) -> Option<Arc<Product>> {
    products().iter().find(|(known, _)| *known == name).map(|(_, product)| Arc::clone(product))
}

/// Every model; one that does not parse is left out, which a test forbids.
pub(crate) fn products() -> &'static [(&'static str, Arc<Product>)] {
    static PRODUCTS: OnceLock<Vec<(&'static str, Arc<Product>)>> = OnceLock::new();
    PRODUCTS.get_or_init(|| {
        MODELS
            .iter()
            .filter_map(|model| Some((model.name, Arc::new(toml::from_str(model.text).ok()?))))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn every_model_parses() {
        for model in MODELS {
            let parsed: Result<Product, _> = toml::from_str(model.text);
            assert!(parsed.is_ok(), "{}: {}", model.name, parsed.unwrap_err());
        }
    }

    #[test]
    fn every_scenario_is_possible_and_says_what_it_shows() {
        for name in names() {
            let scenario = Scenario::load(name).unwrap();
            assert!(!scenario.about().is_empty(), "{name}");
            // Whoever looks at once sees nothing wrong, and should know why.
            let is_fault = name.starts_with("fault-");
            assert!(!is_fault || scenario.about().contains("after the start"), "{name}");
        }
    }
}
