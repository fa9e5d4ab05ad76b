//! A row of many windows, whose spectrograms are made, kept and passed on in parts while it is decoded.
//!
//! Each part is a cache entry of its own. The first has the row's key, each further one a key made of that and its number; all but
//! the last say that more follow.

use super::extract::{Computed, DAMAGE, Extracted, Extractor, Sought, audible};
use super::partners::Partner;
use super::plan::{Plan, Planned};
use crate::error::{Error, Result};
use audio_io::check::sha256_of_file;
use audio_io::{Clip, ClipStream, Recording, RowReader, append};
use inference::{ClipSpectrogram, damage_words, reason};
use shard::Spectrograms;
use shard::cache::Key;
use std::path::Path;

/// Clips of a part, with sound.
const PART: usize = 128;

/// Frames that are decoded at once.
const BLOCK_FRAMES: usize = 1 << 18;

/// Note of a part that others follow.
const MORE: &str = "more";

/// Takes the parts of a row, or why there are none; says whether more are wanted.
pub(super) type Take<'a> = dyn FnMut(Computed) -> bool + 'a;

impl Extractor {
    /// The spectrograms of a row, part by part. What the cache has of its beginning is not computed again.
    pub(super) fn long_row(
        &self,
        plan: &Plan,
        planned: &Planned,
        check: &(dyn Fn() -> Result<()> + Sync),
        take: &mut Take<'_>,
    ) {
        if let Err(outcome) = self.parts(plan, planned, check, take) {
            take(*outcome);
        }
    }

    fn parts(
        &self,
        plan: &Plan,
        planned: &Planned,
        check: &(dyn Fn() -> Result<()> + Sync),
        take: &mut Take<'_>,
    ) -> std::result::Result<(), Box<Computed>> {
        let path = plan.manifest.file(&planned.row);
        let unusable = |error: &dyn std::error::Error| Box::new(Ok(Err(reason(error, &path))));
        check().map_err(stopped)?;
        let sha256 = sha256_of_file(&path).map_err(|error| unusable(&error))?;
        let (key, partners) = match self.sought(&sha256, plan, planned).map_err(stopped)? {
            Sought::Lacking { key, partners } => (key, partners),
            Sought::Found(first) => {
                let key = first.key;
                let mut next = Some(first.spectrograms);
                let mut n_parts = 0;
                while let Some(spectrograms) = next.take() {
                    check().map_err(stopped)?;
                    let has_more = has_more(&spectrograms);
                    let is_part = has_more || n_parts > 0;
                    let part = Extracted { spectrograms, key: part_key(&key, n_parts), fresh: false, is_part };
                    n_parts += 1;
                    if !take(Ok(Ok(part))) || !has_more {
                        return Ok(());
                    }
                    next = self.cached(&part_key(&key, n_parts), &path).map_err(stopped)?;
                }
                // A run that was stopped has left the beginning.
                let views = self.views_of(planned);
                let partners = views.map_or_else(Vec::new, |views| views.partners(plan, planned, &sha256));
                return self.compute(planned, &path, &sha256, (key, partners), n_parts, check, take);
            }
        };
        self.compute(planned, &path, &sha256, (key, partners), 0, check, take)
    }

    /// Computes a row and passes on its parts from number `first` on.
    #[expect(clippy::too_many_arguments, reason = "what a row is, what makes it, and who takes it")]
    fn compute(
        &self,
        planned: &Planned,
        path: &Path,
        sha256: &str,
        (key, partners): (Key, Vec<Option<Partner>>),
        first: usize,
        check: &(dyn Fn() -> Result<()> + Sync),
        take: &mut Take<'_>,
    ) -> std::result::Result<(), Box<Computed>> {
        let row = &planned.row;
        let recording = Recording::open(path).map_err(|error| Box::new(Ok(Err(reason(&error, path)))))?;
        self.check_end(&recording, planned, path, check)?;
        let mut reader = RowReader::new(recording, BLOCK_FRAMES);
        reader.add(0, row, &self.configs).map_err(|error| Box::new(Ok(Err(reason(&error, path)))))?;
        reader.stop_at(self.chain.until(row));
        let others = self.others(&partners);
        let mut parts = Parts { extractor: self, sha256, key, first, n_parts: 0, held: Vec::new(), n_held: 0 };
        let mut silence = None;
        let mut clips: Vec<Vec<Clip>> = Vec::new();
        loop {
            check().map_err(stopped)?;
            let more = reader.next_clips().map_err(|error| parts.failed(&reason(&error, path), path))?;
            let is_last = more.is_none();
            for (_, of_row) in more.into_iter().flatten() {
                append(&mut clips, of_row.map_err(|error| parts.failed(&reason(&error, path), path))?);
            }
            if is_last || clips.first().is_some_and(|clips| clips.len() >= PART) {
                silence = silence.or(clips.first().and_then(|clips| clips.first()).and_then(|clip| clip.silence));
                let made = self.spectrograms(planned, &clips, sha256, &others);
                parts.hold(made.map_err(|error| parts.failed(&reason(&error, path), path))?);
                clips.clear();
                if !parts.pass_on(take).map_err(stopped)? {
                    return Ok(());
                }
            }
            if is_last {
                break;
            }
        }
        if parts.n_parts == 0 && parts.held.is_empty() {
            let error = silence.map_or(audio_io::Error::NoSound, audio_io::Error::Silent);
            return Err(Box::new(Ok(Err(error.to_string()))));
        }
        parts.end(&damage_words(&reader.so_far()), take).map_err(stopped)
    }

    /// Refuses a row that ends after the recording, which would be known too late where the header does not say where that
    /// ends: then it is decoded once for this.
    fn check_end(
        &self,
        recording: &Recording<'_>,
        planned: &Planned,
        path: &Path,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> std::result::Result<(), Box<Computed>> {
        let row = &planned.row;
        let unusable = |error: audio_io::Error| Box::new(Ok(Err(reason(&error, path))));
        if row.end_s.is_none() {
            return Ok(());
        }
        let mut whole = Recording::open(path).map_err(unusable)?;
        while whole.skip(BLOCK_FRAMES as u64).map_err(unusable)? > 0 {
            check().map_err(stopped)?;
        }
        let clip = &self.chain.clip;
        let stream = ClipStream::new(recording.rate_hz(), row.start_s, row.end_s, row.channel, clip);
        let n_frames = whole.n_frames() as usize;
        stream.and_then(|stream| stream.range(n_frames, n_frames)).map(drop).map_err(unusable)
    }
}

/// The parts of a row as they fill.
struct Parts<'a> {
    extractor: &'a Extractor,
    sha256: &'a str,
    key: Key,
    /// Parts before this one are there already.
    first: usize,
    n_parts: usize,
    /// Clips with sound, each with its views, and how many clips these are.
    held: Vec<ClipSpectrogram>,
    n_held: usize,
}

impl Parts<'_> {
    fn hold(&mut self, clips: Vec<ClipSpectrogram>) {
        let clips: Vec<ClipSpectrogram> = clips.into_iter().filter(|clip| clip.silence.is_none()).collect();
        self.n_held += clips.iter().filter(|clip| clip.view == 0).count();
        self.held.extend(clips);
    }

    /// Passes on full parts that others follow.
    fn pass_on(&mut self, take: &mut Take<'_>) -> Result<bool> {
        while self.n_held > PART {
            let starts = self.held.iter().enumerate().filter(|(_, clip)| clip.view == 0).map(|(nth, _)| nth);
            let end = starts.clone().nth(PART).unwrap_or(self.held.len());
            let rest = self.held.split_off(end);
            let full = std::mem::replace(&mut self.held, rest);
            self.n_held -= PART;
            if !self.pass(full, &[(MORE, "yes")], take)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Passes on the last part.
    fn end(&mut self, damage: &str, take: &mut Take<'_>) -> Result<()> {
        let last = std::mem::take(&mut self.held);
        self.pass(last, &[(DAMAGE, damage)], take).map(drop)
    }

    fn pass(&mut self, clips: Vec<ClipSpectrogram>, notes: &[(&str, &str)], take: &mut Take<'_>) -> Result<bool> {
        let nth = self.n_parts;
        self.n_parts += 1;
        if nth < self.first {
            return Ok(true);
        }
        let spectrograms = self.extractor.pack(audible(clips)?, self.sha256, notes)?;
        let is_part = nth > 0 || has_more(&spectrograms);
        let key = part_key(&self.key, nth);
        Ok(take(Ok(Ok(Extracted { spectrograms, key, fresh: true, is_part }))))
    }

    /// Why the row cannot be used or, where parts of it were passed on already, why all stops.
    fn failed(&self, reason: &str, path: &Path) -> Box<Computed> {
        if self.n_parts == 0 {
            return Box::new(Ok(Err(reason.to_owned())));
        }
        let text = format!("{}: {reason}, after part of it was used; leave it out of the manifest", path.display());
        stopped(Error::Invalid(text))
    }
}

/// Why all stops.
fn stopped(error: Error) -> Box<Computed> {
    Box::new(Err(error))
}

fn has_more(spectrograms: &Spectrograms) -> bool {
    spectrograms.header.provenance.configuration[MORE].is_string()
}

fn part_key(key: &Key, nth: usize) -> Key {
    if nth == 0 { *key } else { shard::cache::key(&[&key[..], format!("part {nth}").as_bytes()]) }
}
