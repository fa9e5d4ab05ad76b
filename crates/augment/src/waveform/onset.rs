//! Where something begins abruptly: clicks, barks, knocks.

/// Length of a block whose energy is looked at, in seconds.
const BLOCK_S: f64 = 0.003;
/// Blocks before one that it is compared with.
const N_PAST: usize = 8;
/// A block is an onset when it has so many times the mean energy of those before it (10 dB).
const RISE: f64 = 10.0;
/// An onset has at least this share of the energy of the loudest block (-35 dB).
const LEAST: f64 = 3e-4;

/// An abrupt beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Onset {
    /// The sample that it begins at.
    pub(crate) at: usize,
    /// Energy of its block.
    pub(crate) energy: f64,
}

/// Onsets in order of time. Energies are those of the differences of neighboring samples, which lift high frequencies:
/// an attack is wide, a hum that swells is not.
pub(crate) fn onsets(samples: &[f32], rate_hz: u32) -> Vec<Onset> {
    let block = ((BLOCK_S * f64::from(rate_hz)).round() as usize).max(2);
    // One sample of overlap, so that no difference is left out.
    let energies: Vec<f64> = (0..samples.len() / block)
        .map(|i| energy_of_differences(&samples[(i * block).saturating_sub(1)..(i + 1) * block]))
        .collect();
    let floor = LEAST * energies.iter().copied().fold(0.0, f64::max);
    let mut found: Vec<Onset> = Vec::new();
    let mut quiet_since = 0;
    for (i, &energy) in energies.iter().enumerate() {
        let past = &energies[i.saturating_sub(N_PAST)..i];
        // What begins with the clip needs no care: frames before it are silent and phases begin there.
        if past.is_empty() || energy <= floor || !energy.is_finite() || i < quiet_since {
            continue;
        }
        let mean = past.iter().sum::<f64>() / past.len() as f64;
        if energy > RISE * mean {
            found.push(Onset { at: steepest(samples, i * block, block), energy });
            quiet_since = i + N_PAST;
        }
    }
    found
}

/// The sum of the squares of the differences of neighbors, side by side in lanes.
fn energy_of_differences(block: &[f32]) -> f64 {
    const LANES: usize = 16;
    let after = block.get(1..).unwrap_or_default();
    let (now, rest_now) = block[..after.len()].as_chunks::<LANES>();
    let (next, rest_next) = after.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for (now, next) in now.iter().zip(next) {
        for i in 0..LANES {
            lanes[i] += (next[i] - now[i]) * (next[i] - now[i]);
        }
    }
    let rest: f32 = rest_now.iter().zip(rest_next).map(|(now, next)| (next - now) * (next - now)).sum();
    f64::from(lanes.iter().sum::<f32>() + rest)
}

/// The first sample of the block that stands out from what came before: half the largest difference.
fn steepest(samples: &[f32], start: usize, length: usize) -> usize {
    let from = start.max(1);
    let difference = |i: &usize| (samples[*i] - samples[*i - 1]).abs();
    let largest = (from..start + length).map(|i| difference(&i)).fold(0.0, f32::max);
    (from..start + length).find(|i| difference(i) >= 0.5 * largest).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_are_found_where_they_are_and_a_tone_has_none() {
        let rate_hz = 22_050;
        let tone = |i: usize| 0.01 * (i as f32 * 0.05).sin();
        let mut samples: Vec<f32> = (0..rate_hz as usize).map(tone).collect();
        assert_eq!(onsets(&samples, rate_hz), []);
        (samples[5000], samples[15_003]) = (1.0, -0.7);
        let found: Vec<usize> = onsets(&samples, rate_hz).iter().map(|onset| onset.at).collect();
        assert_eq!(found, [5000, 15_003]);
        assert_eq!(onsets(&[0.0; 4000], rate_hz), []);
        assert_eq!(onsets(&[], rate_hz), []);
    }
}
