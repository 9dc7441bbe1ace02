//! The bound on what an input may cost. Every target runs its work through [`bounded`], which counts
//! what the thread has allocated at the same time and panics beyond the bound: to the fuzzer a
//! length that is believed is then a crash like any other.
//!
//! Growing a buffer counts as the old and the new one together, as it does for an allocator that
//! cannot grow in place. What C allocates is not counted: zstd's window, which `-rss_limit_mb`
//! bounds from outside.

/// How much memory is in proportion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Whatever the input.
    pub(crate) base: usize,
    /// For each byte of the input.
    pub(crate) per_byte: usize,
}

/// Does `work` on `bytes` of input and panics if it took more than `bound` allows.
pub(crate) fn bounded<T>(what: &str, bytes: usize, bound: Bound, work: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    let taken = allocation_counter::measure(|| outcome = Some(work()));
    let allowed = bound.base + bound.per_byte * bytes;
    assert!(
        taken.bytes_max <= allowed as u64,
        "{what} took {} bytes for {bytes}; {allowed} are in proportion",
        taken.bytes_max,
    );
    outcome.expect("the work was done")
}
