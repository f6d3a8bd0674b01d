//! What a tick costs: `cargo bench -p revere-model`. Prints nanoseconds per call, over starts spread through ten years.

use std::{hint::black_box, time::Instant};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Schedule, zone};

const CALLS: u32 = 100_000;

#[expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start: Timestamp = "2020-01-01T00:00:17Z".parse()?;
    // A stride that is no multiple of anything, so that calls begin at all times of day and year.
    let starts: Vec<Timestamp> =
        (0..CALLS).map(|index| start + SignedDuration::from_secs(i64::from(index) * 3163)).collect();
    println!("{:<20} {:<18} {:>9} {:>14}", "schedule", "zone", "after", "ticks_between");
    for text in
        ["* * * * * *", "*/5 * * * *", "30 2 * * *", "0 9 * * MON-FRI", "0 0 13 * FRI", "0 0 29 2 *", "0 0 29 2 */7"]
    {
        for zone_name in ["UTC", "Europe/Berlin"] {
            let (schedule, zone) = (Schedule::parse(text)?, zone(zone_name)?);
            let begun = Instant::now();
            for start in &starts {
                black_box(schedule.after(black_box(*start), &zone));
            }
            let after = begun.elapsed() / CALLS;
            let begun = Instant::now();
            for start in &starts[..1000] {
                black_box(schedule.ticks_between(
                    black_box(*start),
                    *start + SignedDuration::from_hours(87_660),
                    &zone,
                ));
            }
            let between = begun.elapsed() / 1000;
            println!("{text:<20} {zone_name:<18} {:>6} ns {:>11} ns", after.as_nanos(), between.as_nanos());
        }
    }
    Ok(())
}
