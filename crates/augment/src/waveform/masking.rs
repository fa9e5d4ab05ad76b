//! How much noise each band of a frame hides: a simple masking model.
//!
//! Bands spread over their neighbors as in M. R. Schroeder, B. S. Atal and J. L. Hall ("Optimizing digital speech coders by
//! exploiting masking properties of the human ear", 1979), simplified to two slopes in Bark; the threshold in quiet is
//! E. Terhardt's formula ("Calculating virtual pitch", 1979).

/// Upper edges of the scale-factor bands of MPEG-1 Layer III at 44.1 kHz (ISO/IEC 11172-3, table B.8), in coefficients of
/// 576; the last one goes to the end.
const EDGES: [u32; 22] =
    [4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576];

/// How far below what masks it noise is hidden, in dB: between what tones (18) and noise (6) mask.
const OFFSET_DB: f64 = 13.0;
/// How fast masking falls towards lower bands, in dB a Bark.
const DOWN_DB: f64 = 27.0;
/// How fast masking falls towards higher bands, in dB a Bark.
const UP_DB: f64 = 12.0;
/// The sound pressure level that full scale is taken for, in dB.
const FULL_SCALE_DB: f64 = 96.0;

/// A scale-factor band of a transform.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Band {
    /// First coefficient.
    pub(crate) start: usize,
    /// The one after the last.
    pub(crate) end: usize,
    bark: f64,
    /// Mean square of a coefficient at the threshold in quiet.
    quiet: f64,
}

/// The bands of a transform of `n` coefficients up to `highest_hz`, half the sample rate being `nyquist_hz`.
pub(crate) fn bands(n: usize, nyquist_hz: f64, highest_hz: f64) -> Vec<Band> {
    let bin = |hz: f64| ((hz / nyquist_hz * n as f64).round() as usize).min(n);
    let last = bin(highest_hz);
    let mut start = 0;
    let mut out = Vec::new();
    for (nth, edge) in EDGES.iter().enumerate() {
        let is_last = nth + 1 == EDGES.len();
        let end = if is_last { last } else { bin(f64::from(*edge) * 22_050.0 / 576.0).min(last) };
        if end > start {
            let hz = (start + end) as f64 / 2.0 * nyquist_hz / n as f64;
            out.push(Band { start, end, bark: bark(hz), quiet: quiet(hz) });
        }
        start = end.max(start);
    }
    out
}

/// The mean square of a coefficient's noise that each band hides.
///
/// # Shapes
/// `power` is the mean square of the coefficients of each band, `[B]`; so is what is returned.
pub(crate) fn thresholds(bands: &[Band], power: &[f64]) -> Vec<f64> {
    let masked_by = |at: &Band, by: &Band| {
        let distance = at.bark - by.bark;
        let fall_db = if distance < 0.0 { -DOWN_DB * distance } else { UP_DB * distance };
        10f64.powf(-(OFFSET_DB + fall_db) / 10.0)
    };
    let threshold = |at: &Band| {
        let spread = bands.iter().zip(power).map(|(by, power)| power * masked_by(at, by)).fold(0.0, f64::max);
        spread.max(at.quiet)
    };
    bands.iter().map(threshold).collect()
}

/// The critical-band rate in Bark (H. Traunmüller, "Analytical expressions for the tonotopic sensory scale", 1990).
fn bark(hz: f64) -> f64 {
    26.81 * hz / (1960.0 + hz) - 0.53
}

/// The mean square of a coefficient at the threshold in quiet.
fn quiet(hz: f64) -> f64 {
    let khz = (hz / 1000.0).max(0.05);
    let db = 3.64 * khz.powf(-0.8) - 6.5 * (-0.6 * (khz - 3.3).powi(2)).exp() + 1e-3 * khz.powi(4);
    10f64.powf((db.min(FULL_SCALE_DB) - FULL_SCALE_DB) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_follow_each_other_up_to_the_limit() {
        for (n, nyquist_hz, highest_hz) in
            [(576, 22_050.0, 16_500.0), (1152, 22_050.0, 8_250.0), (576, 4_000.0, 4_000.0)]
        {
            let bands = bands(n, nyquist_hz, highest_hz);
            assert_eq!(bands[0].start, 0);
            assert!(bands.windows(2).all(|pair| pair[0].end == pair[1].start));
            let end_hz = bands[bands.len() - 1].end as f64 / n as f64 * nyquist_hz;
            assert!((end_hz - highest_hz).abs() <= nyquist_hz / n as f64, "{end_hz}");
        }
        assert_eq!(bands(576, 22_050.0, 22_050.0).len(), EDGES.len());
    }

    #[test]
    fn a_band_masks_itself_most_and_higher_ones_more_than_lower_ones() {
        let bands = bands(576, 22_050.0, 22_050.0);
        let mut power = vec![0.0; bands.len()];
        power[10] = 1.0;
        let masked = thresholds(&bands, &power);
        assert!(masked[10] > masked[11] && masked[11] > masked[9], "{masked:?}");
        assert!((10.0 * masked[10].log10() + OFFSET_DB).abs() < 1e-9);
        assert!(thresholds(&bands, &vec![0.0; bands.len()]).iter().all(|floor| *floor > 0.0));
    }
}
