//! A noise gate in a spectrogram.

use rand::Rng;

use crate::config::SpectrogramAugment;
use crate::seed::{Step, generator, happens};

/// How far below the loudest cell what a gate cuts off is at most, in decibels: what a spectrogram keeps.
const FARTHEST_DB: f32 = 80.0;

/// Sets what is below a drawn level to one drawn value at or below it, as a recorder that gates or removes noise does. Both are
/// in the units of the spectrogram below its loudest cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// The level.
    pub below: f32,
    /// The value.
    pub floor: f32,
}

pub(crate) fn draw_gate(config: &SpectrogramAugment, unit_per_db: f32, seed: u64) -> Option<Gate> {
    let mut rng = generator(seed, Step::Gate);
    if unit_per_db <= 0.0 || !happens(config.gate_share, &mut rng) {
        return None;
    }
    let [nearest, farthest] = config.gate_below_db;
    let below_db = nearest + (farthest - nearest) * rng.random::<f32>();
    let floor_db = below_db + (FARTHEST_DB - below_db).max(0.0) * rng.random::<f32>();
    Some(Gate { below: below_db * unit_per_db, floor: floor_db * unit_per_db })
}

impl Gate {
    pub(crate) fn apply(&self, mel: &mut [f32]) {
        let loudest = mel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (threshold, floor) = (loudest - self.below, loudest - self.floor);
        mel.iter_mut().filter(|cell| **cell < threshold).for_each(|cell| *cell = floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 0 to -99 dB.
    fn ramp() -> Vec<f32> {
        (0..100).map(|i| -(i as f32)).collect()
    }

    fn gated(config: &SpectrogramAugment, unit_per_db: f32, seed: u64) -> Vec<f32> {
        let mut mel: Vec<f32> = ramp().iter().map(|cell| cell * unit_per_db).collect();
        if let Some(gate) = draw_gate(config, unit_per_db, seed) {
            gate.apply(&mut mel);
        }
        mel
    }

    #[test]
    fn what_is_below_the_level_has_one_value_at_or_below_it() {
        let config = SpectrogramAugment { gate_share: 1.0, gate_below_db: [20.0, 60.0], ..SpectrogramAugment::off() };
        let mut levels = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let mel = gated(&config, 0.5, seed);
            let kept = mel.iter().zip(ramp()).take_while(|(cell, before)| **cell == before * 0.5).count();
            assert!((21..=61).contains(&kept), "{kept}");
            let floor = mel[kept];
            assert!(mel[kept..].iter().all(|&cell| cell == floor));
            assert!(floor <= 0.5 * -(kept as f32 - 1.0) && floor >= -40.0, "{floor} below {kept}");
            levels.insert(kept);
        }
        assert!(levels.len() > 30, "{levels:?}");
    }

    #[test]
    fn it_needs_decibels_and_a_share() {
        let config = SpectrogramAugment { gate_share: 1.0, ..SpectrogramAugment::off() };
        assert_eq!(draw_gate(&config, 0.0, 1), None);
        assert_eq!(gated(&SpectrogramAugment::off(), 1.0, 1), ramp());
        let config = SpectrogramAugment { gate_share: 0.3, ..SpectrogramAugment::off() };
        let n_gated = (0..1000).filter(|&seed| gated(&config, 1.0, seed) != ramp()).count();
        assert!((240..360).contains(&n_gated), "{n_gated} of 1000");
    }

    #[test]
    fn it_is_written_only_where_it_is_on() {
        let text = |config: &SpectrogramAugment| serde_json::to_string(config).unwrap();
        assert!(!text(&SpectrogramAugment::strong()).contains("gate"));
        let on = SpectrogramAugment { gate_share: 0.5, gate_below_db: [10.0, 40.0], ..SpectrogramAugment::light() };
        assert_eq!(serde_json::from_str::<SpectrogramAugment>(&text(&on)).unwrap(), on);
        let wrong = SpectrogramAugment { gate_below_db: [30.0, 20.0], ..on };
        assert_eq!(wrong.validate().unwrap_err().field, "gate_below_db[1]");
    }
}
