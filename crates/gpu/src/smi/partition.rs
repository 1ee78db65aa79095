//! What the names of MIG profiles say about sizes.
//!
//! `nvidia-smi` prints no slice counts in the forms that are run, but they stand in the names:
//! `3g.40gb` has three compute slices, `1c.3g.40gb` is one of them.

/// The GPU instance's part of a name: `3g.40gb` of `1c.3g.40gb`.
pub(super) fn gpu_instance_profile(profile: &str) -> &str {
    match profile.split_once('.') {
        Some((first, rest)) if first.ends_with('c') => rest,
        _ => profile,
    }
}

/// Compute slices of the GPU instance.
pub(super) fn slices_of_gpu_instance(profile: &str) -> Option<u32> {
    gpu_instance_profile(profile).split_once('g')?.0.parse().ok()
}

/// Compute slices of the compute instance: all of its GPU instance unless the name says less.
pub(super) fn slices_of_compute_instance(profile: &str) -> Option<u32> {
    match profile.split_once('.') {
        Some((first, _)) if first.ends_with('c') => first.strip_suffix('c')?.parse().ok(),
        _ => slices_of_gpu_instance(profile),
    }
}

/// Compute slices that a model is cut into. NVIDIA's MIG guide: A30 and the RTX PRO boards have
/// four, all others seven.
pub(super) fn slices_of_gpu(model: &str) -> u32 {
    let four = model.split_whitespace().any(|word| word == "A30") || model.contains("RTX PRO");
    if four { 4 } else { 7 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_the_names() {
        assert_eq!(gpu_instance_profile("1c.3g.40gb"), "3g.40gb");
        assert_eq!(gpu_instance_profile("1g.10gb+me"), "1g.10gb+me");
        assert_eq!(slices_of_gpu_instance("1c.3g.40gb"), Some(3));
        assert_eq!(slices_of_compute_instance("1c.3g.40gb"), Some(1));
        assert_eq!(slices_of_compute_instance("7g.80gb"), Some(7));
        assert_eq!(slices_of_gpu_instance("odd"), None);
        assert_eq!(slices_of_gpu("NVIDIA A30"), 4);
        assert_eq!(slices_of_gpu("NVIDIA A300 SXM"), 7);
    }
}
