//! Stretches of one state or one threshold.

use jiff::Timestamp;
use revere_model::State;

use super::series::{Band, ThresholdBand};
use crate::store::RecordedFlip;

/// The steps as stretches until `end`, at most about `points`: where several begin in one piece of time, the last stands for it.
pub(super) fn threshold_bands(
    steps: &[(Timestamp, f64)],
    from: Timestamp,
    end: Timestamp,
    points: usize,
) -> Vec<ThresholdBand> {
    let step = ((end.as_microsecond() - from.as_microsecond()) / points.max(1) as i64).max(1);
    let piece = |at: Timestamp| (at.as_microsecond() - from.as_microsecond()) / step;
    let mut bands: Vec<ThresholdBand> = Vec::new();
    for (at, value) in steps {
        match bands.last_mut() {
            Some(band) if piece(band.from) == piece(*at) => band.value = *value,
            last => {
                if let Some(band) = last {
                    band.to = *at;
                }
                bands.push(ThresholdBand { from: *at, to: end, value: *value });
            }
        }
    }
    bands
}

/// The stretches in which the monitor was switched off, each until the next change of state.
pub(super) fn off(flips: &[RecordedFlip], end: Timestamp) -> Vec<Band> {
    let until = flips.iter().skip(1).map(|flip| flip.at).chain([end]);
    flips
        .iter()
        .zip(until)
        .filter(|(flip, to)| flip.new_state == State::Inactive && flip.at < *to)
        .map(|(flip, to)| Band { from: flip.at, to, state: State::Inactive })
        .collect()
}

/// Lays the stretches `over` over the bands; both are in the order of time.
pub(super) fn cut(bands: Vec<Band>, over: &[Band]) -> Vec<Band> {
    let mut all = over.to_vec();
    for mut band in bands {
        let first = over.partition_point(|off| off.to <= band.from);
        for off in over[first..].iter().take_while(|off| off.from < band.to) {
            if band.from < off.from {
                all.push(Band { to: off.from, ..band });
            }
            band.from = off.to;
        }
        if band.from < band.to {
            all.push(band);
        }
    }
    all.sort_by_key(|band| band.from);
    all
}
