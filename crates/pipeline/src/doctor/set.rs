//! The rows that statistics are made of: those of the classes, that could be measured.

use super::clean::Cleaned;
use super::measured::{Measured, Outcome};
use crate::error::Result;
use audio_io::{Manifest, Row};
use doctor::measure::{Measures, N_FLOOR_BANDS};
use doctor::{CrossValidation, Nuisance, Shortcut, Table, Truth, judge};
use std::collections::{BTreeMap, BTreeSet};

/// How far the spectrum must fall at its end to be cut off there.
const LIMIT_DB: f64 = 20.0;

/// How many dB quieter than the loud parts the quiet ones must be for a sound to have pauses.
const PAUSE_DB: f64 = 10.0;

/// Clips of the classes, with what is known of them.
pub(super) struct Set<'a> {
    /// Index of each clip's row in the manifest.
    pub(super) rows: Vec<usize>,
    pub(super) row: Vec<&'a Row>,
    pub(super) measured: Vec<&'a Measured>,
    pub(super) truth: Truth,
}

impl<'a> Set<'a> {
    /// The rows that are kept and whose label is one of `classes`, in the groups that are known now. A class of which
    /// there is a single group is left out, and named in the second part of the result.
    pub(super) fn new(
        manifest: &'a Manifest,
        outcomes: &'a [Outcome],
        cleaned: &Cleaned,
        classes: &[String],
    ) -> Result<(Self, Vec<String>)> {
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (i, row) in manifest.rows.iter().enumerate().filter(|(i, _)| cleaned.kept[*i]) {
            groups.entry(&row.label).or_default().insert(&cleaned.groups[i]);
        }
        let enough = |class: &&String| groups.get(class.as_str()).is_some_and(|groups| groups.len() > 1);
        let (kept, single): (Vec<&String>, Vec<&String>) = classes.iter().partition(enough);
        let chosen = manifest.rows.iter().zip(outcomes).enumerate().filter_map(|(i, (row, outcome))| {
            let measured = outcome.as_ref().ok().filter(|_| cleaned.kept[i] && kept.contains(&&row.label))?;
            Some((i, row, measured))
        });
        let (mut rows, mut row_of, mut heard_of) = (Vec::new(), Vec::new(), Vec::new());
        for (i, row, measured) in chosen {
            rows.push(i);
            row_of.push(row);
            heard_of.push(measured);
        }
        let labels: Vec<&str> = row_of.iter().map(|row| row.label.as_str()).collect();
        let groups: Vec<&str> = rows.iter().map(|i| cleaned.groups[*i].as_str()).collect();
        let truth = Truth::new(&labels, &groups)?;
        Ok((Self { rows, row: row_of, measured: heard_of, truth }, single.into_iter().cloned().collect()))
    }

    /// Features of the content of the clips.
    pub(super) fn content(&self) -> Result<Table> {
        let width = self.measured.first().map_or(1, |measured| measured.content.len());
        Ok(Table::new(self.measured.iter().flat_map(|measured| measured.content.iter().copied()).collect(), width)?)
    }

    /// How well each nuisance alone separates the classes: of the recordings, and of the clips that features are made
    /// from.
    pub(super) fn shortcuts(&self, config: &CrossValidation) -> Result<[Vec<Shortcut>; 2]> {
        let mut raw = self.said()?;
        raw.extend(self.measured(|measured| (&measured.raw, measured.raw.seconds))?);
        let clip = self.measured(|measured| (&measured.clip, measured.clip_s))?;
        let judged = |nuisances: &[Nuisance]| -> Result<Vec<Shortcut>> {
            nuisances.iter().map(|nuisance| Ok(judge(nuisance, &self.truth, config)?)).collect()
        };
        Ok([judged(&raw)?, judged(&clip)?])
    }

    /// What files and names say of themselves.
    fn said(&self) -> Result<Vec<Nuisance>> {
        let truth = &self.truth;
        let text =
            |of: &dyn Fn(&Measured) -> String| self.measured.iter().map(|measured| of(measured)).collect::<Vec<_>>();
        let rates: Vec<f64> = self.measured.iter().map(|measured| f64::from(measured.raw.rate_hz)).collect();
        let bits = |measured: &Measured| {
            measured.raw.effective_bits.map_or("more than 24 bits".into(), |n| format!("{n} bits"))
        };
        let names = |of: &dyn Fn(&str, &[String]) -> String| -> Vec<String> {
            self.row.iter().map(|row| of(&row.path, &truth.classes)).collect()
        };
        Ok(vec![
            Nuisance::number("sample_rate", "the sample rate", "Hz", &rates, truth)?,
            Nuisance::names("format", "the file format", &text(&|measured| measured.format.clone()), truth)?,
            Nuisance::names("bit_depth", "the bit depth", &text(&bits), truth)?,
            Nuisance::names("channels", "the number of channels", &text(&|h| h.raw.n_channels.to_string()), truth)?,
            Nuisance::names("name_pattern", "the pattern of the file names", &names(&doctor::name_pattern), truth)?
                .silent(),
            Nuisance::names("folder", "the folder (class folders left out)", &names(&doctor::folder), truth)?.silent(),
        ])
    }

    /// What is in the sound besides what it is of; `of` gives the measures of a sound and its length in seconds.
    fn measured(&self, of: impl Fn(&Measured) -> (&Measures, f64)) -> Result<Vec<Nuisance>> {
        let truth = &self.truth;
        let column = |number: &dyn Fn(&Measures) -> f64| -> Vec<f64> {
            self.measured.iter().map(|measured| number(of(measured).0)).collect()
        };
        let number = |name, words, unit, values: Vec<f64>| Nuisance::number(name, words, unit, &values, truth);
        let bandwidth = number("bandwidth", "the bandwidth", "Hz", column(&bandwidth_hz))?;
        let bands: Vec<Vec<f64>> = (0..N_FLOOR_BANDS)
            .map(|band| floor_column(&column(&|m| m.relative_floor_db()[band]), &column(&range_db)))
            .collect();
        let floor = Nuisance::numbers("noise_floor", "the noise floor", &bands)?;
        let both =
            Nuisance::together("bandwidth_and_noise_floor", "the bandwidth with the noise floor", &bandwidth, &floor)?;
        let peak = column(&|m| 20.0 * m.peak.max(1e-6).log10());
        let seconds = self.measured.iter().map(|measured| of(measured).1).collect();
        Ok(vec![
            bandwidth,
            floor,
            both,
            number("level", "the level", "dB", column(&|m| m.rms_db))?,
            number("peak", "the peak level", "dB", peak)?,
            number("length", "the length", "s", seconds)?,
            number("silence", "the share of digital silence", "", column(&|m| m.digital_silence_share))?,
        ])
    }
}

/// Where the recording ends in frequency: at a limit that a filter or a codec has left, or where its rate ends. A gentle
/// fall is that of what sounds, and no limit.
fn bandwidth_hz(measures: &Measures) -> f64 {
    let ends_hz = f64::from(measures.rate_hz) / 2.0;
    if measures.limit_drop_db >= LIMIT_DB { measures.limit_hz } else { ends_hz }
}

/// From the quiet to the loud parts.
fn range_db(measures: &Measures) -> f64 {
    measures.loud_db - measures.quiet_db
}

/// One band of the noise floor. Under a sound that never pauses the floor cannot be measured: the figure is that of the
/// sound: such clips get the median of the others, so that they carry no information.
fn floor_column(floor_db: &[f64], range_db: &[f64]) -> Vec<f64> {
    let pauses = |range_db: &f64| *range_db >= PAUSE_DB;
    let mut known: Vec<f64> =
        floor_db.iter().zip(range_db).filter(|(_, range)| pauses(range)).map(|(floor, _)| *floor).collect();
    known.sort_by(f64::total_cmp);
    let middle = known.get(known.len() / 2).copied().unwrap_or(0.0);
    floor_db.iter().zip(range_db).map(|(floor, range)| if pauses(range) { *floor } else { middle }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_under_a_steady_sound_is_not_known() {
        assert_eq!(floor_column(&[-60.0, -20.0, -50.0, -70.0], &[30.0, 3.0, 40.0, 20.0]), [-60.0, -60.0, -50.0, -70.0]);
        assert_eq!(floor_column(&[-20.0], &[3.0]), [0.0]);
    }
}
