//! `nvidia-smi -L`: index, name and UUID of each GPU, and number, profile and UUID of each of its
//! MIG devices.
//!
//! It gives no instance ids; those come from the table and from `-q`.

/// One GPU of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedGpu {
    /// NVML index.
    pub(super) index: u32,
    /// Product name.
    pub(super) name: String,
    /// `GPU-...`.
    pub(super) uuid: String,
    /// Its MIG devices, in order of printing.
    pub(super) mig: Vec<ListedMig>,
}

/// One MIG device of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedMig {
    /// The number after `Device`.
    pub(super) number: u32,
    /// As printed: `3g.40gb`, `1c.3g.40gb`, `1g.10gb+me`.
    pub(super) profile: String,
    /// `MIG-...`.
    pub(super) uuid: String,
}

/// The GPUs of the list; `None` if the text holds anything else, or nothing. Lines about single
/// GPUs that cannot be opened are left out, as the list is about the others too.
pub(super) fn parse(text: &str) -> Option<Vec<ListedGpu>> {
    let mut gpus: Vec<ListedGpu> = Vec::new();
    if text.trim().is_empty() {
        return None;
    }
    for line in text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()) {
        if let Some(gpu) = gpu_line(line) {
            gpus.push(gpu);
        } else if let Some(mig) = mig_line(line) {
            gpus.last_mut()?.mig.push(mig);
        } else if !super::table::is_notice(line) {
            return None;
        }
    }
    Some(gpus)
}

fn gpu_line(line: &str) -> Option<ListedGpu> {
    let (index, rest) = line.strip_prefix("GPU ")?.split_once(": ")?;
    let (name, uuid) = with_uuid(rest)?;
    Some(ListedGpu {
        index: index.trim().parse().ok()?,
        name: name.to_owned(),
        uuid: uuid.to_owned(),
        mig: Vec::new(),
    })
}

fn mig_line(line: &str) -> Option<ListedMig> {
    let (what, uuid) = with_uuid(line.trim_start().strip_prefix("MIG ")?)?;
    let (profile, number) = what.trim_end_matches(':').rsplit_once("Device")?;
    Some(ListedMig {
        number: number.trim().parse().ok()?,
        profile: profile.trim().to_owned(),
        uuid: uuid.to_owned(),
    })
}

/// What stands before `(UUID: ...)`, and the UUID.
fn with_uuid(line: &str) -> Option<(&str, &str)> {
    let (before, after) = line.rsplit_once("(UUID: ")?;
    let uuid = after.trim_end().strip_suffix(')')?.trim();
    (!uuid.is_empty()).then_some((before.trim(), uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mig_devices_belong_to_the_gpu_above_them() {
        let gpus = parse(
            "GPU 0: A (Special) (UUID: GPU-a)\r\n  MIG 1c.3g.40gb  Device  0: (UUID: MIG-x)\r\n\
             GPU 1: B (UUID: GPU-b)\r\n",
        )
        .unwrap();
        assert_eq!(gpus[0].name, "A (Special)");
        assert_eq!(gpus[0].mig[0].profile, "1c.3g.40gb");
        assert_eq!(gpus[0].mig[0].uuid, "MIG-x");
        assert_eq!((gpus[1].index, gpus[1].uuid.as_str(), gpus[1].mig.len()), (1, "GPU-b", 0));
    }

    #[test]
    fn text_that_is_no_list_is_refused() {
        assert_eq!(parse("Segmentation fault"), None);
        assert_eq!(parse("  MIG 1g.5gb Device 0: (UUID: MIG-x)"), None, "no GPU above it");
        assert_eq!(parse(""), None);
        assert_eq!(parse("No devices were found\n"), Some(Vec::new()));
    }
}
