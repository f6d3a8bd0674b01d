//! What one run may use. Every limit is set here, and none is optional.

use std::time::Duration;

/// What one run may use; hitting one is an `ERROR` that names the limit and the number.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// Wall-clock time from the first instruction, waiting included.
    pub wall_time: Duration,
    /// Time on a processor.
    pub cpu_time: Duration,
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Source calls.
    pub source_calls: u32,
    /// Bytes of one source answer.
    pub answer_bytes: usize,
    /// Bytes of kept output.
    pub output_bytes: usize,
    /// Bytes of the message.
    pub message_bytes: usize,
    /// Bytes of a text `return_value`; cut with a mark.
    pub value_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall_time: Duration::from_secs(30),
            cpu_time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            source_calls: 1000,
            answer_bytes: 32 << 20,
            output_bytes: 64 << 10,
            message_bytes: 8 << 10,
            value_bytes: 8 << 10,
        }
    }
}
