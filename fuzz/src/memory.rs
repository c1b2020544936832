//! A bound on the memory that one input may take.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs a function and checks how many bytes it takes at most in addition to what is in use.
pub(crate) fn within<T>(bytes: usize, run: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = run();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    assert!(
        taken <= bytes,
        "{taken} bytes were taken, {bytes} are allowed"
    );
    result
}
