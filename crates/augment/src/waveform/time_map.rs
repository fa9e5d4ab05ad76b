//! Which instant of a sound each instant of its stretched copy comes from.
//!
//! Around an onset time runs as it did in the sound, for as long as a frame of the vocoder can see it, so that the attack
//! stays as sharp as it was and is where the stretch puts it; the parts between make up for it (J. Bonada,
//! "Automatic technique in frequency domain for near-lossless time-scale modification of audio", 2000).

use super::onset::Onset;

/// Between two onsets time runs at most so many times as fast, or as slowly, as asked for; else the weaker onset is
/// left to the vocoder.
const MOST: f64 = 2.0;

/// Instants of the output and of the sound that belong together, both in samples and both rising.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeMap {
    knots: Vec<(f64, f64)>,
    /// Where the stretch around an onset begins in the output, and the onset's sample in the sound.
    onsets: Vec<(f64, i64)>,
}

impl TimeMap {
    /// `n_in` samples spread evenly over `n_out`.
    pub(crate) fn even(n_in: usize, n_out: usize) -> Self {
        Self { knots: vec![(0.0, 0.0), (n_out.max(1) as f64, n_in as f64)], onsets: Vec::new() }
    }

    /// The same with time left as it is within `reach` samples of each onset.
    pub(crate) fn around(n_in: usize, n_out: usize, onsets: &[Onset], reach: f64) -> Self {
        let rate = n_in as f64 / n_out.max(1) as f64;
        let place = |onset: &Onset| (onset.at as f64 / rate, onset.at as f64);
        let even = |from: (f64, f64), to: (f64, f64)| {
            let (out, input) = (to.0 - from.0 - 2.0 * reach, to.1 - from.1 - 2.0 * reach);
            out > 0.0 && (1.0 / MOST..=MOST).contains(&(input / out / rate))
        };
        let mut kept: Vec<Onset> = Vec::new();
        for onset in onsets {
            while let Some(last) = kept.last() {
                if even(place(last), place(onset)) {
                    kept.push(*onset);
                    break;
                }
                if last.energy >= onset.energy {
                    break;
                }
                kept.pop();
            }
            if kept.is_empty() {
                kept.push(*onset);
            }
        }
        let Self { knots: ends, .. } = Self::even(n_in, n_out);
        let mut map = Self { knots: Vec::new(), onsets: Vec::new() };
        for onset in &kept {
            let (s, t) = place(onset);
            map.knots.extend([(s - reach, t - reach), (s + reach, t + reach)]);
            map.onsets.push((s - reach, onset.at as i64));
        }
        // The ends are kept where there is room; else time runs as it did in the sound up to them.
        let ratio_fits = |input: f64, out: f64| out > 0.0 && (1.0 / MOST..=MOST).contains(&(input / out / rate));
        if map.knots.first().is_none_or(|first| ratio_fits(first.1, first.0)) {
            map.knots.insert(0, ends[0]);
        }
        if map.knots.last().is_none_or(|last| ratio_fits(ends[1].1 - last.1, ends[1].0 - last.0)) {
            map.knots.push(ends[1]);
        }
        map
    }

    /// The instant of the sound for instant `s` of the output; beyond the ends time runs as in the sound.
    pub(crate) fn at(&self, s: f64) -> f64 {
        let after = self.knots.partition_point(|knot| knot.0 <= s);
        match (after.checked_sub(1).map(|i| self.knots[i]), self.knots.get(after)) {
            (Some(from), Some(to)) => from.1 + (s - from.0) * (to.1 - from.1) / (to.0 - from.0),
            (Some(end), None) | (None, Some(&end)) => end.1 + s - end.0,
            (None, None) => s,
        }
    }

    /// The sample of the onset whose stretch begins in the output after `from` and not after `to`.
    pub(crate) fn onset_within(&self, from: f64, to: f64) -> Option<i64> {
        self.onsets.iter().find(|(start, _)| *start > from && *start <= to).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_as_it_did_around_onsets_and_rises_everywhere() {
        let onsets: Vec<Onset> =
            [4_000, 4_700, 12_000, 19_000].map(|at| Onset { at, energy: at as f64 }).into_iter().collect();
        for n_out in [14_000, 20_000, 28_000] {
            let map = TimeMap::around(20_000, n_out, &onsets, 500.0);
            let rate = 20_000.0 / n_out as f64;
            // 4 000 is too near to the stronger 4 700.
            assert_eq!(map.onsets.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [4_700, 12_000, 19_000]);
            for at in [4_700.0, 12_000.0, 19_000.0] {
                for offset in [-499.0, 0.0, 499.0] {
                    assert!((map.at(at / rate + offset) - at - offset).abs() < 1e-6, "{n_out} {at}");
                }
            }
            assert!((-10..n_out as i64 + 10).all(|s| map.at(s as f64 + 1.0) > map.at(s as f64)));
            assert!((map.at(0.0)).abs() < 1e-9);
        }
    }

    #[test]
    fn without_onsets_it_is_even() {
        assert_eq!(TimeMap::around(900, 1000, &[], 50.0), TimeMap::even(900, 1000));
        assert!((TimeMap::even(900, 1000).at(500.0) - 450.0).abs() < 1e-9);
    }
}
