//! The memory limit of a run. Beyond it CPython sees a failed allocation and raises `MemoryError`.

use wasmtime::ResourceLimiter;

/// Grants growth up to the limit, and remembers whether it had to refuse.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    most: usize,
    pub(crate) peak: usize,
    pub(crate) refused: bool,
}

impl MemoryBudget {
    pub(crate) fn new(most: usize) -> MemoryBudget {
        MemoryBudget { most, peak: 0, refused: false }
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool, wasmtime::Error> {
        let granted = desired <= self.most;
        if granted {
            self.peak = self.peak.max(desired);
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    /// The interpreter's table is as large as its code needs; nothing honest grows it.
    fn table_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> Result<bool, wasmtime::Error> {
        Ok(current == 0)
    }
}
