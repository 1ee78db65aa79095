//! How the C library's allocator keeps freed memory. It says nothing about what gpulse allocates.
//!
//! glibc gives each thread an arena of its own, and gpulse has a thread per GPU: with eight of them
//! that alone is some 5 MB that are never used. The threads allocate little and seldom, so one
//! arena serves them all without waiting.

/// Keep to one arena, and give back freed memory beyond 128 KiB. To be called before any thread
/// begins; elsewhere than on glibc it does nothing.
pub fn keep_small() {
    #[cfg(target_env = "gnu")]
    {
        set(libc::M_ARENA_MAX, 1);
        set(libc::M_TRIM_THRESHOLD, 128 * 1024);
    }
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the C library's allocator has no safe setting but the environment")]
fn set(parameter: libc::c_int, value: libc::c_int) {
    // SAFETY: mallopt takes two integers, reads no memory of ours and refuses what it does not know.
    let taken = unsafe { libc::mallopt(parameter, value) };
    debug_assert!(taken == 1, "glibc knows both parameters");
}
