//! MIG: which instances a GPU can be cut into, where they lie and which ids they get.
//!
//! A GPU that can do MIG has eight memory slices. Each profile has a size in them and the first
//! slices it may start at, in the order the driver prefers. Instance ids follow from the place:
//! the places of one size are numbered from left to right behind those of the next larger size,
//! so that ids are not dense (2, 3, 9, 10).

use std::sync::Arc;

use crate::noise;
use crate::product::{MigProfile, Product};
use crate::scenario::file::MigSpec;

/// How one GPU is cut, from some moment on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// GPU instances by id.
    pub instances: Vec<Instance>,
    /// MIG devices by their number: one per compute instance.
    pub devices: Vec<MigDevice>,
}

/// One GPU instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instance {
    /// Index of its profile in the product's list.
    pub profile: usize,
    /// Instance id.
    pub id: u32,
    /// First memory slice.
    pub start: u32,
    /// Memory slices.
    pub size: u32,
    /// Its part of the whole GPU's SMs.
    pub weight: f64,
}

/// One compute instance: what programs call a MIG device.
#[derive(Debug, Clone, PartialEq)]
pub struct MigDevice {
    /// Index into [`Layout::instances`].
    pub instance: usize,
    /// Compute-instance id within its GPU instance.
    pub compute_instance: u32,
    /// Slices of the compute instance.
    pub slices: u32,
    /// SMs of the compute instance.
    pub multiprocessors: u32,
    /// `MIG-...`.
    pub uuid: Arc<str>,
}

impl Layout {
    /// The instances asked for, placed as the driver would.
    ///
    /// # Errors
    /// A profile that the product lacks, a layout that does not fit, or compute instances larger
    /// than their GPU instance; in words for the scenario's author.
    pub fn place(product: &Product, asked: &[MigSpec], key: u64) -> Result<Self, String> {
        if product.mig.is_empty() && !asked.is_empty() {
            return Err(format!("{} cannot do MIG", product.name));
        }
        let profiles = asked
            .iter()
            .map(|spec| profile_of(product, spec.profile()))
            .collect::<Result<Vec<usize>, String>>()?;
        check_counts(product, &profiles)?;
        let mut starts = vec![0; profiles.len()];
        if !fit(product, &profiles, &mut starts, 0, 0) {
            let list: Vec<&str> = asked.iter().map(MigSpec::profile).collect();
            return Err(format!("{} cannot hold {} at once", product.name, list.join(" + ")));
        }
        let mut placed: Vec<(Instance, &MigSpec)> = profiles
            .iter()
            .zip(&starts)
            .zip(asked)
            .map(|((&profile, &start), spec)| (instance(product, profile, start), spec))
            .collect();
        placed.sort_by_key(|(instance, _)| instance.id);
        let mut layout = Self::default();
        for (instance, spec) in placed {
            layout.add(product, instance, spec, key)?;
        }
        Ok(layout)
    }

    fn add(
        &mut self,
        product: &Product,
        instance: Instance,
        spec: &MigSpec,
        key: u64,
    ) -> Result<(), String> {
        let profile = &product.mig[instance.profile];
        let whole = [profile.slices];
        let parts = match spec {
            MigSpec::Profile(_) => whole.to_vec(),
            MigSpec::Parts { compute, .. } => compute_slices(compute)?,
        };
        if parts.iter().sum::<u32>() > profile.slices {
            return Err(format!("compute instances of {} exceed its slices", profile.name));
        }
        for (compute_instance, slices) in (0_u32..).zip(parts) {
            let key =
                noise::with(noise::with(key, u64::from(instance.id)), compute_instance.into());
            self.devices.push(MigDevice {
                instance: self.instances.len(),
                compute_instance,
                slices,
                multiprocessors: profile.multiprocessors * slices / profile.slices,
                uuid: format!("MIG-{}", noise::uuid(key)).into(),
            });
        }
        self.instances.push(instance);
        Ok(())
    }

    /// The GPU instance with that id.
    #[must_use]
    pub fn by_id(&self, id: u32) -> Option<usize> {
        self.instances.iter().position(|instance| instance.id == id)
    }
}

fn profile_of(product: &Product, name: &str) -> Result<usize, String> {
    product.mig.iter().position(|profile| profile.name == name).ok_or_else(|| {
        let known: Vec<&str> = product.mig.iter().map(|profile| profile.name.as_str()).collect();
        format!("{} has no MIG profile `{name}`; it has {}", product.name, known.join(", "))
    })
}

fn check_counts(product: &Product, profiles: &[usize]) -> Result<(), String> {
    for (index, profile) in product.mig.iter().enumerate() {
        let asked = profiles.iter().filter(|&&asked| asked == index).count();
        if asked > profile.instances as usize {
            return Err(format!(
                "{} holds at most {} of {}",
                product.name, profile.instances, profile.name
            ));
        }
    }
    let slices: u32 = profiles.iter().map(|&index| product.mig[index].slices).sum();
    if slices > product.slices {
        return Err(format!(
            "{slices} slices asked of {}, which has {}",
            product.name, product.slices
        ));
    }
    Ok(())
}

/// Find starts for the profiles from `next` on; `taken` has a bit per memory slice in use.
fn fit(product: &Product, profiles: &[usize], starts: &mut [u32], next: usize, taken: u32) -> bool {
    let Some(&index) = profiles.get(next) else { return true };
    let profile = &product.mig[index];
    for &start in &profile.starts {
        let mask = ((1_u32 << profile.size) - 1) << start;
        if taken & mask == 0 {
            starts[next] = start;
            if fit(product, profiles, starts, next + 1, taken | mask) {
                return true;
            }
        }
    }
    false
}

fn instance(product: &Product, index: usize, start: u32) -> Instance {
    let profile: &MigProfile = &product.mig[index];
    Instance {
        profile: index,
        id: profile.instance_id(start),
        start,
        size: profile.size,
        weight: f64::from(profile.multiprocessors) / f64::from(product.multiprocessors),
    }
}

/// `["1c", "2c"]` or `["1c.3g.40gb"]`: how many slices each has.
fn compute_slices(names: &[String]) -> Result<Vec<u32>, String> {
    names
        .iter()
        .map(|name| {
            let number = name.split_once('c').and_then(|(number, _)| number.parse().ok());
            number.filter(|slices| (1..=7).contains(slices)).ok_or_else(|| {
                format!("`{name}` is no compute instance; write \"1c\", \"2c\", ...")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::embedded::product;

    fn layout(names: &[&str]) -> Result<Vec<(u32, u32)>, String> {
        let product = product("h100-80gb-hbm3").unwrap();
        let asked: Vec<MigSpec> =
            names.iter().map(|name| MigSpec::Profile((*name).to_owned())).collect();
        let layout = Layout::place(&product, &asked, 1)?;
        Ok(layout.instances.iter().map(|i| (i.id, i.start)).collect())
    }

    #[test]
    fn the_captured_layout_gets_its_captured_ids() {
        let ids = layout(&["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]).unwrap();
        assert_eq!(ids, [(2, 4), (3, 0), (9, 2), (10, 3)]);
    }

    #[test]
    fn seven_small_ones_fill_the_gpu_with_ids_7_to_13() {
        let ids = layout(&["1g.10gb"; 7]).unwrap();
        assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), [7, 8, 9, 10, 11, 12, 13]);
    }

    #[test]
    fn a_layout_that_does_not_fit_is_refused_in_words() {
        assert!(layout(&["4g.40gb", "4g.40gb"]).unwrap_err().contains("at most 1"));
        assert!(layout(&["4g.40gb", "3g.40gb", "1g.10gb"]).unwrap_err().contains("8 slices"));
        assert!(layout(&["1g.20gb"; 4]).is_ok());
        let mixed = layout(&["3g.40gb", "1g.20gb", "1g.20gb", "1g.10gb"]);
        assert!(mixed.unwrap_err().contains("cannot hold"));
        assert!(layout(&["5g.50gb"]).unwrap_err().contains("it has 1g.10gb"));
    }

    #[test]
    fn compute_instances_share_their_gpu_instance() {
        let product = product("h100-80gb-hbm3").unwrap();
        let parts = |compute: &[&str]| MigSpec::Parts {
            profile: "3g.40gb".to_owned(),
            compute: compute.iter().map(|name| (*name).to_owned()).collect(),
        };
        let layout = Layout::place(&product, &[parts(&["1c", "2c.3g.40gb"])], 1).unwrap();
        assert_eq!(layout.instances.len(), 1);
        let sizes: Vec<u32> = layout.devices.iter().map(|device| device.multiprocessors).collect();
        assert_eq!(sizes, [20, 40]);
        assert!(
            Layout::place(&product, &[parts(&["2c", "2c"])], 1).unwrap_err().contains("exceed")
        );
        let none = Layout::place(&product, &[parts(&[])], 1).unwrap();
        assert_eq!((none.instances.len(), none.devices.len()), (1, 0));
    }

    #[test]
    fn compute_instances_of_one_layout_have_uuids_of_their_own() {
        let product = product("h100-80gb-hbm3").unwrap();
        let asked = vec![MigSpec::Profile("1g.10gb".into()); 7];
        let layout = Layout::place(&product, &asked, 1).unwrap();
        let mut uuids: Vec<&str> = layout.devices.iter().map(|device| &*device.uuid).collect();
        uuids.sort_unstable();
        uuids.dedup();
        assert_eq!(uuids.len(), 7);
    }
}
