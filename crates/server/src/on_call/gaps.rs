//! Gaps that are there already in the configuration: nobody is on call, and nothing will change that by itself.

use jiff::Timestamp;
use revere_model::{
    exact_time, lasted,
    on_call::{Changes, Layer, Rota, Turns},
};

use super::{LOOKS_AHEAD, rotas};
use crate::{building::ConfiguredEntry, settings::ConfigFault};

/// The gaps of the next two weeks in rotas that go by layers.
pub fn gap_warnings(entries: &[ConfiguredEntry], now: Timestamp) -> Vec<ConfigFault> {
    let mut warnings = Vec::new();
    for (name, rota) in rotas(entries) {
        let Some(layers) = layers(&rota) else { continue };
        let until = now.saturating_add(LOOKS_AHEAD).unwrap_or(Timestamp::MAX);
        let gaps = rota.gaps(now, until, &Changes::default());
        let (Some(first), Some(zone)) = (gaps.first(), layers.first().map(|layer| &layer.zone)) else { continue };
        let place =
            entries.iter().find(|entry| entry.name == name).map(|entry| entry.place.clone()).unwrap_or_default();
        let more = match gaps.len() - 1 {
            0 => String::new(),
            1 => ", and once more within two weeks".to_owned(),
            more => format!(", and {more} times more within two weeks"),
        };
        let length = lasted(first.ends_at.duration_since(first.starts_at).as_secs());
        let message = format!(
            "nobody is on call from {} for {length}{more}: a layer without hours below the others covers all of the time",
            exact_time(first.starts_at, zone)
        );
        warnings.push(ConfigFault::new(format!("{place}['config']['layers']"), message));
    }
    warnings
}

fn layers(rota: &Rota) -> Option<&[Layer]> {
    match &rota.turns {
        Turns::Layers(layers) => Some(layers),
        Turns::Calendar(_) => None,
    }
}
