//! ResourceSlices of this node, API v1: which UUID a device of a DRA claim has.
//!
//! Only the slices of NVIDIA's driver are asked for. A server without this API is none at fault.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::follow::{Question, Target};
use super::state::{Lack, Reason, State};
use super::{Published, now};

/// The driver whose devices are GPUs.
pub const DRIVER: &str = "gpu.nvidia.com";
/// Slices of one node that are kept; a slice holds at most 128 devices.
const SLICES: usize = 256;
/// Devices of one slice that are kept, as the API server allows.
const DEVICES: usize = 128;
/// Bytes of a name or an attribute: the API server's limit of a pool's name.
const TEXT: usize = 253;

/// What a device of a claim is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceDevice {
    /// A whole GPU or a MIG device.
    pub kind: DeviceKind,
    /// Its UUID: `GPU-...` or `MIG-...`.
    pub uuid: String,
    /// Profile of a MIG device, `1g.10gb`.
    pub profile: Option<String>,
    /// UUID of the GPU that a MIG device is a part of.
    pub parent_uuid: Option<String>,
}

/// Kinds of devices that are told apart by the attribute `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A whole GPU.
    Gpu,
    /// A MIG device.
    Mig,
}

/// The devices of all slices of this node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceDevices(HashMap<String, HashMap<String, SliceDevice>>);

impl SliceDevices {
    /// The device of this name in this pool.
    #[must_use]
    pub fn get(&self, pool: &str, device: &str) -> Option<&SliceDevice> {
        self.0.get(pool)?.get(device)
    }

    /// How many devices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = &SliceDevice> {
        self.0.values().flat_map(HashMap::values)
    }

    /// Put a device in, in place of one of the same name.
    pub fn insert(&mut self, pool: &str, device: &str, what: SliceDevice) {
        self.0.entry(pool.to_owned()).or_default().insert(device.to_owned(), what);
    }
}

/// What to follow for the slices of a node.
pub(super) fn question(node: &str) -> Question {
    Question {
        path: "/apis/resource.k8s.io/v1/resourceslices",
        fields: format!("spec.nodeName={node},spec.driver={DRIVER}"),
        subject: format!("ResourceSlices of node {node}"),
        right: "list and watch resourceslices (resource.k8s.io)",
    }
}

/// Keeps the slices and publishes their devices.
pub(super) struct Slices {
    pub published: Arc<Published>,
    pub known: Mutex<BTreeMap<String, Slice>>,
}

impl Slices {
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Slice>)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let devices = devices(known.values());
        if **self.published.devices.load() != devices {
            self.published.devices.store(Arc::new(devices));
        }
    }
}

impl Target for Slices {
    type Object = Slice;

    fn replace(&self, objects: Vec<Slice>) {
        self.change(|known| {
            let named = objects.into_iter().take(SLICES);
            *known = named.map(|slice| (slice.metadata.name.clone(), slice)).collect();
        });
    }

    fn apply(&self, object: Slice) {
        self.change(|known| {
            if known.len() < SLICES || known.contains_key(&object.metadata.name) {
                known.insert(object.metadata.name.clone(), object);
            }
        });
    }

    fn remove(&self, object: Slice) {
        self.change(|known| {
            known.remove(&object.metadata.name);
        });
    }

    fn attempted(&self, attempt: Result<(), Lack>) {
        let state = match attempt {
            // A collection that is not found is an API that is not served.
            Err(lack) if lack.reason == Reason::Missing => State::Absent,
            attempt => self.published.slices_state.load().after(now(), attempt),
        };
        self.published.slices_state.store(Arc::new(state));
    }
}

/// A slice on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Slice {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    driver: String,
    pool: Pool,
    devices: Option<Vec<Device>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pool {
    name: String,
    generation: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Device {
    name: String,
    attributes: Option<BTreeMap<String, Attribute>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    string: Option<String>,
}

/// The devices of these slices; of a pool only those of its newest generation are valid.
fn devices<'a>(slices: impl Iterator<Item = &'a Slice> + Clone) -> SliceDevices {
    let ours = slices.filter(|slice| slice.spec.driver == DRIVER);
    let mut newest = HashMap::<&str, i64>::new();
    for slice in ours.clone() {
        let generation = newest.entry(&slice.spec.pool.name).or_insert(i64::MIN);
        *generation = slice.spec.pool.generation.max(*generation);
    }
    let mut devices = SliceDevices::default();
    for slice in ours {
        let Pool { name, generation } = &slice.spec.pool;
        if newest.get(name.as_str()) != Some(generation) || name.len() > TEXT {
            continue;
        }
        for device in slice.spec.devices.iter().flatten().take(DEVICES) {
            if let Some(what) = what(device) {
                devices.insert(name, &device.name, what);
            }
        }
    }
    devices
}

fn what(device: &Device) -> Option<SliceDevice> {
    let attributes = device.attributes.as_ref()?;
    // An attribute without a domain has the driver's.
    let text = |name: &str| {
        let found = attributes.get(name).or_else(|| attributes.get(&format!("{DRIVER}/{name}")));
        found.and_then(|found| found.string.clone()).filter(|text| text.len() <= TEXT)
    };
    let kind = match text("type")?.as_str() {
        "gpu" => DeviceKind::Gpu,
        "mig" => DeviceKind::Mig,
        _ => return None,
    };
    let (profile, parent_uuid) = (text("profile"), text("parentUUID"));
    Some(SliceDevice { kind, uuid: text("uuid")?, profile, parent_uuid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(name: &str, generation: i64, devices: &serde_json::Value) -> Slice {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": name},
            "spec": {
                "driver": DRIVER, "nodeName": "a", "devices": devices,
                "pool": {"name": "a", "generation": generation, "resourceSliceCount": 1}
            }
        }))
        .unwrap()
    }

    fn gpu(uuid: &str) -> serde_json::Value {
        serde_json::json!({"name": "gpu-0", "attributes": {
            "type": {"string": "gpu"}, "uuid": {"string": uuid}, "index": {"int": 0}
        }})
    }

    #[test]
    fn a_mig_device_has_its_own_uuid_its_profile_and_its_parent() {
        let mig = serde_json::json!([{"name": "gpu-0-mig-9-0-1", "attributes": {
            "gpu.nvidia.com/type": {"string": "mig"}, "uuid": {"string": "MIG-1"},
            "profile": {"string": "1g.10gb"}, "parentUUID": {"string": "GPU-1"}
        }}]);
        let found = devices([slice("s", 1, &mig)].iter());
        let device = found.get("a", "gpu-0-mig-9-0-1").unwrap();
        assert_eq!((device.kind, device.uuid.as_str()), (DeviceKind::Mig, "MIG-1"));
        assert_eq!(device.profile.as_deref(), Some("1g.10gb"));
        assert_eq!(device.parent_uuid.as_deref(), Some("GPU-1"));
        assert_eq!(found.get("b", "gpu-0-mig-9-0-1"), None);
    }

    #[test]
    fn of_a_pool_only_the_newest_generation_counts() {
        let (old, new) =
            (slice("z", 1, &[gpu("GPU-old")].into()), slice("a", 2, &[gpu("GPU-new")].into()));
        let found = devices([new, old].iter());
        assert_eq!(found.get("a", "gpu-0").unwrap().uuid, "GPU-new");
    }

    #[test]
    fn a_device_without_a_uuid_or_of_another_kind_is_left_out() {
        let vfio = serde_json::json!({"name": "v", "attributes": {
            "type": {"string": "vfio"}, "uuid": {"string": "GPU-1"}
        }});
        let bare = serde_json::json!({"name": "b"});
        let nameless = serde_json::json!({"name": "n", "attributes": {"type": {"string": "gpu"}}});
        assert!(devices([slice("s", 1, &[vfio, bare, nameless].into())].iter()).is_empty());
        let mut foreign = slice("s", 1, &[gpu("GPU-1")].into());
        foreign.spec.driver = "gpu.example.com".to_owned();
        assert!(devices([foreign].iter()).is_empty());
    }
}
