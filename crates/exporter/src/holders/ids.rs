//! Forms of device ids: what device plugins, drivers and clouds call a GPU or a part of one.
//!
//! Reading alone; whether such a device exists is asked elsewhere.

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeviceId<'a> {
    /// A GPU by UUID, with `GPU-`.
    Gpu(&'a str),
    /// A MIG device by UUID, with `MIG-`.
    Mig(&'a str),
    /// A MIG device as drivers before 470 named it: GPU, GPU instance, compute instance.
    Placed { gpu: &'a str, gpu_instance: u32, compute_instance: u32 },
    /// A GPU by the number in `/dev/nvidia<N>`, and one of its GPU instances.
    Numbered { number: u32, gpu_instance: Option<u32> },
}

impl<'a> DeviceId<'a> {
    /// Read an id; replica numbers (`::2`, `/vgpu2`) are cut. `None`: no form that is known.
    pub(super) fn read(id: &'a str) -> Option<Self> {
        let id = match id.split_once("::") {
            Some((device, replica)) => number(replica).map(|_| device)?,
            None => id,
        };
        if let Some(placed) = id.strip_prefix("MIG-").filter(|rest| rest.starts_with("GPU-")) {
            let mut parts = placed.splitn(3, '/');
            return Some(Self::Placed {
                gpu: parts.next()?,
                gpu_instance: number(parts.next()?)?,
                compute_instance: number(parts.next()?)?,
            });
        }
        if id.contains('/') || id.starts_with("nvidia") {
            return numbered(id);
        }
        match id.split_once('-') {
            Some(("GPU", uuid)) if !uuid.is_empty() => Some(Self::Gpu(id)),
            Some(("MIG", uuid)) if !uuid.is_empty() => Some(Self::Mig(id)),
            _ => None,
        }
    }
}

/// `nvidia<N>[/gi<M>][/vgpu<K>]`.
fn numbered(id: &str) -> Option<DeviceId<'_>> {
    let mut parts = id.split('/').peekable();
    let gpu = number(parts.next()?.strip_prefix("nvidia")?)?;
    let instance = parts.next_if(|part| part.starts_with("gi"));
    let gpu_instance = match instance {
        Some(part) => Some(number(part.strip_prefix("gi")?)?),
        None => None,
    };
    if let Some(replica) = parts.next() {
        number(replica.strip_prefix("vgpu")?)?;
    }
    parts.next().is_none().then_some(DeviceId::Numbered { number: gpu, gpu_instance })
}

/// A number as programs print it: digits alone.
pub(super) fn number(text: &str) -> Option<u32> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_id_is_read() {
        let numbered = |number, gpu_instance| Some(DeviceId::Numbered { number, gpu_instance });
        let cases = [
            ("GPU-5b3c", Some(DeviceId::Gpu("GPU-5b3c"))),
            ("GPU-5b3c::0", Some(DeviceId::Gpu("GPU-5b3c"))),
            ("GPU-5b3c::12", Some(DeviceId::Gpu("GPU-5b3c"))),
            ("MIG-77aa", Some(DeviceId::Mig("MIG-77aa"))),
            ("MIG-77aa::3", Some(DeviceId::Mig("MIG-77aa"))),
            (
                "MIG-GPU-5b3c/9/0",
                Some(DeviceId::Placed { gpu: "GPU-5b3c", gpu_instance: 9, compute_instance: 0 }),
            ),
            ("nvidia0", numbered(0, None)),
            ("nvidia12/gi3", numbered(12, Some(3))),
            ("nvidia0/vgpu1", numbered(0, None)),
            ("nvidia0/gi3/vgpu1", numbered(0, Some(3))),
        ];
        for (id, expected) in cases {
            assert_eq!(DeviceId::read(id), expected, "{id}");
        }
    }

    #[test]
    fn what_has_no_known_form_is_no_id() {
        let wrong = [
            "",
            "GPU-",
            "MIG-",
            "GPU",
            "gpu-1",
            "GPU-a::",
            "GPU-a::x",
            "GPU-a::1::2",
            "nvidia",
            "nvidia-1",
            "nvidia0/",
            "nvidia0/gi",
            "nvidia0/gi+1",
            "nvidia0/vgpu",
            "nvidia0/gi1/x",
            "nvidia0/gi1/vgpu1/x",
            "MIG-GPU-a",
            "MIG-GPU-a/1",
            "MIG-GPU-a/1/2/3",
            "nvidia99999999999",
            "0",
            "mlx5_0",
            "GPU-a/1",
        ];
        for id in wrong {
            assert_eq!(DeviceId::read(id), None, "{id}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reading(id in "(GPU-|MIG-|MIG-GPU-|nvidia)?[0-9a-z/:gi-]{0,20}(::|/gi|/vgpu)?.{0,4}") {
            let read = DeviceId::read(&id);
            // A replica stands for the same device.
            if let (Some(known), false) = (read, id.contains([':', '/'])) {
                let replica = format!("{id}::7");
                proptest::prop_assert_eq!(DeviceId::read(&replica), Some(known));
            }
        }
    }
}
