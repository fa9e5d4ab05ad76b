//! The rows of one recording, measured while it is decoded.

use super::measured::{Measured, Recipe, statistics};
use crate::error::{Context, Error, Result};
use audio_io::check::SampleHasher;
use audio_io::{Clip, ClipStream, Frames, Recording, Row};
use doctor::fault::{FaultConfig, faults};
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::measure::{Measures, measure};
use inference::FrontEnd;
use rayon::prelude::*;
use std::path::Path;

/// Frames that are decoded at once.
const BLOCK_FRAMES: usize = 1 << 18;

/// Frames of a row that are measured at most: 6 minutes at 44.1 kHz. Measures of the noise floor need all of them at once, and
/// a longer recording has no other floor.
const MOST_FRAMES: usize = 1 << 24;

/// Measures rows of one recording, which is decoded once; what is wrong with a row is its own error.
pub(super) fn measure_rows(
    path: &Path,
    rows: &[Row],
    recipe: &Recipe<'_>,
    front_end: &FrontEnd,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Result<Measured>>> {
    measure_part(path, rows, (recipe, front_end), MOST_FRAMES, stop)
}

fn measure_part(
    path: &Path,
    rows: &[Row],
    (recipe, front_end): (&Recipe<'_>, &FrontEnd),
    most_frames: usize,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Result<Measured>>> {
    let mut recording = Recording::open(path)?;
    let (rate_hz, n_channels) = (recording.rate_hz(), recording.n_channels());
    let mut hasher = SampleHasher::new(rate_hz, n_channels);
    let how = How { recipe, front_end, rate_hz, most_frames };
    let mut parts: Vec<Part<'_>> = rows.iter().map(|row| Part::new(row, &how)).collect();
    let mut frames = Frames::default();
    loop {
        let needed = parts.iter().filter_map(Part::needs_from).min().unwrap_or(frames.end());
        frames.forget(needed);
        let before = frames.end() - frames.base;
        let at_end = recording.next_block(BLOCK_FRAMES, &mut frames.channels)? == 0;
        hasher.take(&frames.channels, before);
        let n_frames = frames.end();
        let whole = match at_end {
            true => n_frames,
            false => recording.declared_frames().map_or(usize::MAX / 1024, |n| n_frames.max(n as usize)),
        };
        parts.par_iter_mut().filter(|part| part.needs_from().is_some()).for_each(|part| {
            part.failed = part.take(&frames, at_end, whole, &how).err();
        });
        if at_end || stop() {
            break;
        }
    }
    let known = recording.finish();
    let format = format!("{} {}", known.format, known.codec);
    let damage: Vec<String> = known.damage.iter().map(ToString::to_string).collect();
    let sha256 = hasher.finish();
    Ok(parts.into_iter().map(|part| part.measured(&format, &damage, &sha256)).collect())
}

/// How rows are measured.
struct How<'a> {
    recipe: &'a Recipe<'a>,
    front_end: &'a FrontEnd,
    rate_hz: u32,
    most_frames: usize,
}

/// A row while it is decoded.
struct Part<'a> {
    row: &'a Row,
    clips: Option<ClipStream>,
    first: usize,
    last: Option<usize>,
    clip: Option<OfClip>,
    raw: Option<(Measures, Fingerprint)>,
    /// Seconds that were measured, where the row is longer.
    first_s: Option<f64>,
    is_done: bool,
    failed: Option<Error>,
}

/// What is kept of the clip.
struct OfClip {
    measures: Measures,
    seconds: f64,
    content: Vec<f32>,
}

impl<'a> Part<'a> {
    fn new(row: &'a Row, how: &How<'_>) -> Self {
        let clip = &how.recipe.chain.clip;
        let (clips, failed) = match ClipStream::new(how.rate_hz, row.start_s, row.end_s, row.channel, clip) {
            Ok(clips) => (Some(clips), None),
            Err(error) => (None, Some(error.into())),
        };
        let frame = |seconds: f64| (seconds * f64::from(how.rate_hz)).round() as usize;
        let (first, last) = (row.start_s.map_or(0, frame), row.end_s.map(frame));
        Self { row, clips, first, last, clip: None, raw: None, first_s: None, is_done: false, failed }
    }

    /// The first frame that is still needed; none where no more are.
    fn needs_from(&self) -> Option<usize> {
        if self.is_done || self.failed.is_some() {
            return None;
        }
        let of_raw = self.raw.is_none().then_some(self.first);
        let of_clip = self.clips.as_ref().filter(|_| self.clip.is_none()).map(ClipStream::needs_from);
        // A row that is measured already may still turn out to end after the recording.
        of_raw.into_iter().chain(of_clip).min().or(Some(usize::MAX))
    }

    /// Takes what was decoded; `whole` is the number of frames that the recording has or may have.
    fn take(&mut self, frames: &Frames, at_end: bool, whole: usize, how: &How<'_>) -> Result<()> {
        let n_frames = frames.end();
        let clips = self.clips.as_mut().context("no clip settings")?;
        clips.check_room(n_frames, frames.channels.len())?;
        if self.clip.is_none() {
            let is_whole = at_end || clips.is_done(n_frames);
            let made = match clips.n_ready(n_frames) {
                0 if is_whole => clips.rest(frames, n_frames, whole)?,
                0 => Vec::new(),
                _ => clips.take(frames, 1)?,
            };
            match made.into_iter().next() {
                Some(clip) => self.clip = Some(of_clip(&clip, how)?),
                None if is_whole => return Err(Error::Invalid("holds no sound".to_owned())),
                None => {}
            }
        }
        let end = if at_end { Some(self.last.unwrap_or(n_frames).min(n_frames)) } else { self.last };
        let end = end.filter(|end| *end <= n_frames);
        if let Some(end) = end.filter(|_| self.clip.is_some()) {
            clips.range(n_frames, whole)?;
            if self.raw.is_none() {
                self.measure(self.first..end.min(self.first + how.most_frames), frames, how)?;
            }
            if end - self.first > how.most_frames {
                self.first_s = Some(how.most_frames as f64 / f64::from(how.rate_hz));
            }
            if let Some((raw, _)) = &mut self.raw {
                raw.seconds = (end - self.first) as f64 / f64::from(how.rate_hz);
            }
            self.is_done = true;
        } else if self.raw.is_none() && n_frames > self.first + how.most_frames {
            self.measure(self.first..self.first + how.most_frames, frames, how)?;
        }
        Ok(())
    }

    /// Measures frames of the row as they are.
    fn measure(&mut self, range: std::ops::Range<usize>, frames: &Frames, how: &How<'_>) -> Result<()> {
        let chosen = |nth: &usize| self.row.channel.is_none_or(|channel| usize::from(channel) == *nth);
        let range = range.start - frames.base..range.end - frames.base;
        let channels: Vec<&[f32]> =
            (0..frames.channels.len()).filter(chosen).map(|nth| &frames.channels[nth][range.clone()]).collect();
        let raw = measure(&channels, how.rate_hz)?;
        let n_channels = channels.len() as f32;
        let sum = |i: usize| channels.iter().map(|samples| samples[i]).sum::<f32>();
        let mono: Vec<f32> = (0..range.len()).map(|i| sum(i) / n_channels).collect();
        let resampled = audio_io::resample(&mono, how.rate_hz, RATE_HZ)?;
        drop(mono);
        self.raw = Some((raw, Fingerprint::new(&resampled)));
        Ok(())
    }

    fn measured(self, format: &str, damage: &[String], sha256: &str) -> Result<Measured> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let (clip, (raw, fingerprint)) = self.clip.zip(self.raw).context("holds no sound")?;
        Ok(Measured {
            faults: faults(Some(&raw), damage, &FaultConfig::default()),
            sha256: sha256.to_owned(),
            fingerprint,
            clip: clip.measures,
            clip_s: clip.seconds,
            content: clip.content,
            format: format.to_owned(),
            raw,
            first_s: self.first_s,
        })
    }
}

/// What is kept of a clip: with a model its spectrogram, which the model is asked about, else statistics of that.
fn of_clip(clip: &Clip, how: &How<'_>) -> Result<OfClip> {
    let front_end = how.front_end;
    let mut scratch = front_end.scratch();
    let mut mel = vec![0.0; front_end.n_bands() * front_end.n_frames(clip.samples.len())];
    front_end.compute(&clip.samples, &mut scratch, &mut mel)?;
    let content = if how.recipe.model.is_some() { mel } else { statistics(&mel, front_end.n_bands()) };
    let measures = measure(&[&clip.samples], how.recipe.chain.clip.sample_rate_hz)?;
    Ok(OfClip { measures, seconds: clip.seconds, content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use audio_io::check::hash_samples;
    use audio_io::{clips, decode_file};
    use inference::Chain;

    /// 30 seconds of noise that becomes louder, in two channels.
    fn file(folder: &Path) -> std::path::PathBuf {
        let n = 30 * 8000_u32;
        let sample = |i: u32, channel: u32| {
            let noise = (u64::from(i) * u64::from(i) * (40_503 + u64::from(channel)) % 65_521) as f32 / 65_521.0 - 0.5;
            (20_000.0 * noise * i as f32 / n as f32) as i16
        };
        let data: Vec<u8> = (0..n).flat_map(|i| [sample(i, 0), sample(i, 1)]).flat_map(i16::to_le_bytes).collect();
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data".to_vec();
        wav.extend((data.len() as u32).to_le_bytes());
        wav.extend(data);
        let path = folder.join("a.wav");
        std::fs::write(&path, wav).unwrap();
        path
    }

    fn row(start_s: Option<f64>, end_s: Option<f64>, channel: Option<u16>) -> Row {
        Row { start_s, end_s, channel, ..Row::default() }
    }

    #[test]
    fn rows_are_measured_as_if_the_whole_recording_was_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let config = Config::resolve(None, &[]).unwrap();
        let chain = Chain::new(config.clip, config.front_end);
        let front_end = chain.build().unwrap();
        let recipe = Recipe { chain: &chain, model: None };
        let rows = [
            row(None, None, None),
            row(Some(12.0), Some(20.0), None),
            row(Some(3.0), Some(9.5), Some(1)),
            row(Some(25.0), None, None),
            row(Some(20.0), Some(40.0), None),
            row(Some(1.0), Some(2.0), Some(2)),
        ];
        let measured = measure_rows(&path, &rows, &recipe, &front_end, &|| false).unwrap();
        let decoded = decode_file(&path).unwrap();
        for (row, measured) in rows.iter().zip(&measured) {
            let expected = clips(&decoded, row.start_s, row.end_s, row.channel, &chain.clip);
            let (clip, measured) = match (expected, measured) {
                (Ok(clips), Ok(measured)) => (clips.into_iter().next().unwrap(), measured),
                (Err(expected), Err(error)) => {
                    assert_eq!(crate::one_line(error), expected.to_string());
                    continue;
                }
                (expected, got) => panic!("{row:?}: {:?} and {:?}", expected.is_ok(), got.is_ok()),
            };
            let frame = |seconds: f64| (seconds * 8000.0) as usize;
            let range = row.start_s.map_or(0, frame)..row.end_s.map_or(decoded.n_frames(), frame);
            let of = |nth: usize| &decoded.channels[nth][range.clone()];
            let channels: Vec<&[f32]> =
                (0..2).filter(|nth| row.channel.is_none_or(|one| usize::from(one) == *nth)).map(of).collect();
            assert_eq!(measured.raw, measure(&channels, 8000).unwrap());
            assert_eq!(measured.clip, measure(&[&clip.samples], chain.clip.sample_rate_hz).unwrap());
            assert_eq!((&measured.sha256, measured.first_s), (&hash_samples(&decoded), None));
        }
        // Of a recording that is too long, the beginning is measured, and its length is that of all of it.
        let how = (&recipe, &front_end);
        let long = measure_part(&path, &rows, how, 8 * 8000, &|| false).unwrap();
        let first = long[0].as_ref().unwrap();
        assert_eq!((first.first_s, first.raw.seconds), (Some(8.0), 30.0));
        assert!(first.raw.rms_db < measured[0].as_ref().unwrap().raw.rms_db - 6.0);
        assert_eq!(first.clip, measured[0].as_ref().unwrap().clip);
        assert_eq!(long[1].as_ref().unwrap().first_s, None);
        assert!(long[4].is_err());
    }
}
