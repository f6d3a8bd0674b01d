//! What the machine says of this process, under the names every Prometheus dashboard knows.
//!
//! Read from `/proc` when the page is asked for; where there is none, these lines are left out.

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Memory, processor time, open files, and when it began.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) started_at: Timestamp,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: f64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("process_start_time_seconds", "When the process began", self.started_at.as_millisecond() as f64 / 1e3)?;
        if let Some((virtual_bytes, resident_bytes)) = memory() {
            gauge("process_resident_memory_bytes", "Memory in use", resident_bytes)?;
            gauge("process_virtual_memory_bytes", "Address space in use", virtual_bytes)?;
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            gauge("process_open_fds", "Open files", files.count() as f64)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let help = "Processor time used, user and system";
            let encoder = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(encoder)?;
        }
        Ok(())
    }
}

/// Virtual and resident bytes.
fn memory() -> Option<(f64, f64)> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = pages.split(' ').map(|count| count.parse::<f64>().ok());
    let page_bytes = rustix::param::page_size() as f64;
    Some((pages.next()?? * page_bytes, pages.next()?? * page_bytes))
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in parentheses and may hold anything, spaces and parentheses too.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(|ticks| ticks.parse::<f64>().ok());
    Some((fields.next()?? + fields.next()??) / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn this_process_has_memory_and_has_worked() {
        let (virtual_bytes, resident_bytes) = super::memory().unwrap();
        assert!(virtual_bytes >= resident_bytes && resident_bytes > 1e5, "{virtual_bytes} {resident_bytes}");
        assert!(super::cpu_seconds().unwrap() >= 0.0);
    }
}
