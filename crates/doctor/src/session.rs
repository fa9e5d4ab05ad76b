//! Clips of one session: recorded by the same microphone at the same place and time. They must not be on both sides of a
//! split.
//!
//! There are two signs. First, the same noise floor in the same technical format: it is very unlikely that a dozen bands of
//! unrelated recordings agree to a fraction of a decibel. Second, a clip that continues another one: consecutive names,
//! the same format, and the last tenth of a second of one like the first of the next. Both are conservative: what they
//! find is nearly always right, but they miss many sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::groups::groups;
use crate::measure::{FLOOR_DB, Measures, N_FLOOR_BANDS};

/// How similar clips of one session must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Greatest root mean square difference of two noise floors over their bands, in decibels.
    pub floor_tolerance_db: f64,
    /// Only bands above this level are compared; lower ones are rounding noise of the format.
    pub floor_above_db: f64,
    /// Fewest such bands, 1 to 12.
    pub min_bands: usize,
    /// Greatest root mean square difference of one clip's end and the next one's start over their bands, in decibels.
    pub run_on_tolerance_db: f64,
    /// Clips shorter than this have no noise floor to compare.
    pub shortest_s: f64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { floor_tolerance_db: 0.8, floor_above_db: -90.0, min_bands: 6, run_on_tolerance_db: 1.5, shortest_s: 0.5 }
    }
}

impl SessionConfig {
    /// Checks the ranges of the settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn validate(&self) -> Result<()> {
        let tolerances =
            [("floor_tolerance_db", self.floor_tolerance_db), ("run_on_tolerance_db", self.run_on_tolerance_db)];
        for (setting, value) in tolerances {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::Setting { setting, expected: "above 0", got: value.to_string() });
            }
        }
        if !(1..=N_FLOOR_BANDS).contains(&self.min_bands) {
            let got = self.min_bands.to_string();
            return Err(Error::Setting { setting: "min_bands", expected: "1 to 12", got });
        }
        Ok(())
    }
}

/// Data of a clip that show its session.
#[derive(Debug, Clone, Copy)]
pub struct SessionClip<'a> {
    /// Its path as in the manifest. Consecutive paths differ by one in their last number.
    pub path: &'a str,
    /// Its technical format, in any words that are equal for equal formats, such as `wav pcm_s16`. Rate, channels and bits
    /// are compared separately.
    pub format: &'a str,
    /// Its measures.
    pub measures: &'a Measures,
}

/// The sign that two clips are of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Their noise floors are equal.
    NoiseFloor,
    /// The later one continues the earlier one.
    RunsOn,
}

/// Two clips that are probably of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionPair {
    /// Index of the earlier clip.
    pub a: usize,
    /// Index of the later clip.
    pub b: usize,
    /// The sign.
    pub sign: Sign,
    /// Their difference: root mean square over the bands.
    pub difference_db: f64,
}

/// Pairs of clips of one session, sorted by (a, b).
///
/// # Shapes
/// `clips`: `[n]`; `a` and `b` of the result are indices into it, `a < b`.
///
/// # Errors
/// A setting outside its range.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = clips.len()))]
pub fn session_pairs(clips: &[SessionClip<'_>], config: &SessionConfig) -> Result<Vec<SessionPair>> {
    config.validate()?;
    let mut pairs = floor_pairs(clips, config);
    pairs.extend(run_on_pairs(clips, config));
    pairs.sort_by_key(|pair| (pair.a, pair.b, pair.sign));
    pairs.dedup_by_key(|pair| (pair.a, pair.b));
    Ok(pairs)
}

/// Groups of clips that are probably of one session each, as indices into `clips` in rising order.
///
/// # Errors
/// As [`session_pairs`].
pub fn sessions(clips: &[SessionClip<'_>], config: &SessionConfig) -> Result<Vec<Vec<usize>>> {
    let pairs = session_pairs(clips, config)?;
    Ok(groups(clips.len(), pairs.iter().map(|pair| (pair.a, pair.b))))
}

/// The properties that must be equal.
fn format<'a>(clip: &SessionClip<'a>) -> (&'a str, u32, usize, Option<u32>) {
    (clip.format, clip.measures.rate_hz, clip.measures.n_channels, clip.measures.effective_bits)
}

/// Bands that make the grid cell of a noise floor; similar floors are in the same or in neighboring cells.
const CELL_BANDS: [usize; 3] = [3, 5, 7];

fn floor_pairs(clips: &[SessionClip<'_>], config: &SessionConfig) -> Vec<SessionPair> {
    // No band differs by more than this where the root mean square over all is within the tolerance.
    let cell_db = config.floor_tolerance_db * (N_FLOOR_BANDS as f64).sqrt();
    let cell = |clip: &SessionClip<'_>| CELL_BANDS.map(|band| (clip.measures.floor_db[band] / cell_db).floor() as i64);
    let mut cells: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    let mut pairs = Vec::new();
    for (b, clip) in clips.iter().enumerate().filter(|(_, clip)| clip.measures.seconds >= config.shortest_s) {
        let here = cell(clip);
        for neighbor in 0..27i64 {
            let there = [here[0] + neighbor % 3 - 1, here[1] + neighbor / 3 % 3 - 1, here[2] + neighbor / 9 - 1];
            for &a in cells.get(&(format(clip), there)).into_iter().flatten() {
                let (x, y) = (&clips[a].measures.floor_db, &clip.measures.floor_db);
                if let Some(difference_db) = difference_db(x, y, config)
                    && difference_db <= config.floor_tolerance_db
                {
                    pairs.push(SessionPair { a, b, sign: Sign::NoiseFloor, difference_db });
                }
            }
        }
        cells.entry((format(clip), here)).or_default().push(b);
    }
    pairs
}

fn run_on_pairs(clips: &[SessionClip<'_>], config: &SessionConfig) -> Vec<SessionPair> {
    let numbered: BTreeMap<(&str, u64, &str), usize> =
        clips.iter().enumerate().filter_map(|(i, clip)| Some((last_number(clip.path)?, i))).collect();
    let mut pairs = Vec::new();
    for (&(before, number, after), &i) in &numbered {
        let Some(&next) = number.checked_add(1).and_then(|number| numbered.get(&(before, number, after))) else {
            continue;
        };
        if format(&clips[i]) != format(&clips[next]) {
            continue;
        }
        let (end, start) = (&clips[i].measures.end_bands_db, &clips[next].measures.start_bands_db);
        if let Some(difference_db) = difference_db(end, start, config)
            && difference_db <= config.run_on_tolerance_db
        {
            pairs.push(SessionPair { a: i.min(next), b: i.max(next), sign: Sign::RunsOn, difference_db });
        }
    }
    pairs
}

/// A path as the text before its last number, the number, and the text after it; `None` where there is no number.
fn last_number(path: &str) -> Option<(&str, u64, &str)> {
    let end = path.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = path[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + path[at..].chars().next().map_or(1, char::len_utf8));
    Some((&path[..start], path[start..end].parse().ok()?, &path[end..]))
}

/// Root mean square difference over the bands in which both are above [`SessionConfig::floor_above_db`]; `None` where these
/// are too few, or a band is empty in one of them only.
fn difference_db(a: &[f64; N_FLOOR_BANDS], b: &[f64; N_FLOOR_BANDS], config: &SessionConfig) -> Option<f64> {
    let both = || a.iter().zip(b).filter(|(a, b)| **a > config.floor_above_db && **b > config.floor_above_db);
    let n_bands = both().count();
    let is_empty = |level_db: f64| level_db <= FLOOR_DB;
    if n_bands < config.min_bands || a.iter().zip(b).any(|(a, b)| is_empty(*a) != is_empty(*b)) {
        return None;
    }
    Some((both().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n_bands as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::song;
    use crate::measure::measure;

    /// A song over noise that a place and its microphone color.
    fn recorded(seed: u64, seconds: f64, color: f32, level: f32) -> Vec<f32> {
        let mut samples = song(seed, seconds);
        let mut noise = 0.0;
        for (sample, white) in samples.iter_mut().zip(song(1000 + seed, seconds).iter().cycle().skip(7)) {
            // What is left of a song after all but its noise is cut off is white.
            noise = color * noise + level * white.clamp(-0.01, 0.01);
            *sample += noise;
        }
        samples
    }

    fn pairs(clips: &[(&str, Measures)]) -> Vec<(usize, usize, Sign)> {
        let clips: Vec<SessionClip<'_>> =
            clips.iter().map(|(path, measures)| SessionClip { path, format: "wav", measures }).collect();
        let found = session_pairs(&clips, &SessionConfig::default()).unwrap();
        found.iter().map(|pair| (pair.a, pair.b, pair.sign)).collect()
    }

    fn measured(samples: &[f32]) -> Measures {
        measure(&[samples], 8000).unwrap()
    }

    #[test]
    fn clips_of_one_place_have_one_floor() {
        let clip = |path, seed, color, level| (path, measured(&recorded(seed, 20.0, color, level)));
        let clips = [
            clip("a", 1, 0.9, 1.0),
            clip("b", 2, 0.2, 1.0),
            clip("c", 3, 0.9, 1.0),
            clip("d", 4, 0.9, 3.0),
            clip("e", 5, 0.2, 1.0),
        ];
        assert_eq!(pairs(&clips), [(0, 2, Sign::NoiseFloor), (1, 4, Sign::NoiseFloor)]);
    }

    #[test]
    fn a_format_of_its_own_is_a_session_of_its_own() {
        let samples = recorded(1, 5.0, 0.9, 1.0);
        let clips = [("a", measured(&samples)), ("b", measure(&[&samples, &samples], 8000).unwrap())];
        assert_eq!(pairs(&clips), []);
    }

    #[test]
    fn a_clip_that_runs_on_is_found_by_its_name() {
        let whole: Vec<f32> = (0..16000).map(|i| 0.3 * (i as f32 * 0.6).sin()).zip_noise();
        let parts = [&whole[..8000], &whole[8000..]];
        // Too short for a floor of their own.
        let cut = |part: &[f32], from: usize| measured(&part[from..from + 3000]);
        let (first, second) = (cut(parts[0], 5000), cut(parts[1], 0));
        assert_eq!(pairs(&[("x_009.wav", second.clone()), ("x_008.wav", first.clone())]), [(0, 1, Sign::RunsOn)]);
        assert_eq!(pairs(&[("x_009.wav", second.clone()), ("x_007.wav", first.clone())]), []);
        assert_eq!(pairs(&[("x_009.wav", second), ("y_008.wav", first)]), []);
    }

    trait ZipNoise {
        fn zip_noise(self) -> Vec<f32>;
    }

    impl<I: Iterator<Item = f32>> ZipNoise for I {
        /// With broadband noise, as every recording has.
        fn zip_noise(self) -> Vec<f32> {
            self.enumerate().map(|(i, sample)| sample + ((i * i * 7919 + i * 104_729) % 1009) as f32 / 5000.0).collect()
        }
    }

    #[test]
    fn numbers_are_found_in_names() {
        assert_eq!(last_number("bird/bird_012.flac"), Some(("bird/bird_", 12, ".flac")));
        assert_eq!(last_number("7"), Some(("", 7, "")));
        assert_eq!(last_number("ü7é"), Some(("ü", 7, "é")));
        assert_eq!(last_number("a/b.wav"), None);
        assert_eq!(last_number("99999999999999999999999"), None);
    }

    #[test]
    fn settings_are_checked() {
        for text in [r#"{"floor_tolerance_db": 0}"#, r#"{"min_bands": 13}"#, r#"{"run_on_tolerance_db": -1}"#] {
            let config: SessionConfig = serde_json::from_str(text).unwrap();
            assert!(sessions(&[], &config).is_err(), "{text}");
        }
    }
}
