//! How many NVIDIA GPUs stand on the PCI bus, whether or not a driver is loaded.

use std::fs;
use std::path::Path;

use crate::file;

/// Most devices that are looked at.
const MAX_DEVICES: usize = 65_536;

/// Devices of vendor 10de (NVIDIA) and class 03 (display controllers).
pub(crate) fn nvidia_gpus(sysfs: &Path) -> Option<u32> {
    let devices = fs::read_dir(sysfs.join("bus/pci/devices")).ok()?;
    let gpus =
        devices.take(MAX_DEVICES).flatten().filter(|entry| is_nvidia_gpu(&entry.path())).count();
    u32::try_from(gpus).ok()
}

fn is_nvidia_gpu(device: &Path) -> bool {
    let word = |name| file::read_word(&device.join(name)).unwrap_or_default();
    word("vendor") == "0x10de" && word("class").starts_with("0x03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_display_controllers_of_nvidia_count() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(nvidia_gpus(dir.path()), None);
        let devices = dir.path().join("bus/pci/devices");
        let rows = [
            ("0000:17:00.0", "0x10de", "0x030200"),
            ("0000:18:00.0", "0x10de", "0x030000"),
            ("0000:18:00.1", "0x10de", "0x040300"),
            ("0000:19:00.0", "0x1002", "0x030000"),
        ];
        for (name, vendor, class) in rows {
            fs::create_dir_all(devices.join(name)).unwrap();
            fs::write(devices.join(name).join("vendor"), format!("{vendor}\n")).unwrap();
            fs::write(devices.join(name).join("class"), format!("{class}\n")).unwrap();
        }
        fs::create_dir_all(devices.join("broken")).unwrap();
        assert_eq!(nvidia_gpus(dir.path()), Some(2));
    }
}
