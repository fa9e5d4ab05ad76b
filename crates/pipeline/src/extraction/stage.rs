//! A manifest's recordings to shards, whichever command asks: `features`, or `augment` with views beside the clips.
//!
//! Recordings are computed in parallel, a block at a time, and pushed into the shards in the manifest's order, so that
//! neither threads nor parts nor a kill can change a byte. Each recording's spectrograms are kept in a cache beside the
//! shards until something that made them changes.

use super::extract::{Computed, Extractor, Recording};
use super::opened::SMALL_BYTES;
use super::plan::{Plan, Planned};
use crate::config::Dtype;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::observer::Progress;
use audio_io::Placement;
use inference::Chain;
use rayon::prelude::*;
use serde::Serialize;
use shard::{MelDtype, Provenance, Skipped, SpectrogramWriter};
use std::collections::BTreeMap;
use std::path::Path;

/// Most spectrograms that are computed and kept together, for recordings of one clip; a killed run loses no more than
/// those.
const BLOCK: usize = 64;
/// Bytes of files after which a block is full.
const BLOCK_BYTES: u64 = 64 << 20;

/// Bytes of a second of sound at the least, where the header does not say how long it is.
const LEAST_BYTES_A_SECOND: f64 = 1000.0;

/// What became of rows.
type Batch<'a> = Vec<(&'a Planned, Computed)>;

/// Most recordings that a warning lists.
const MOST_LISTED: usize = 50;

/// One share of the recordings, computed into the cache.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Which share, from 1.
    pub part: usize,
    /// How many shares.
    pub of: usize,
    /// Recordings in it.
    pub recordings: usize,
    /// Those that could not be used.
    pub skipped: Vec<Skipped>,
}

/// Shards that were written.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// What was written.
    pub index: shard::Index,
    /// Recordings that it holds.
    pub recordings: usize,
    /// Time that it took.
    pub seconds: f64,
    /// Class names, in order.
    pub classes: Vec<String>,
    /// Split names, in order.
    pub splits: Vec<String>,
    /// Recordings of each label in each split, in the order of `splits`.
    pub counts: BTreeMap<String, Vec<usize>>,
}

/// What becomes of a manifest.
pub(crate) struct Stage<'a> {
    /// The recordings.
    pub plan: &'a Plan,
    /// What computes them.
    pub extractor: &'a Extractor,
    /// What it computes.
    pub chain: &'a Chain,
    /// Where the shards go.
    pub out: &'a Path,
    /// How values are stored.
    pub dtype: Dtype,
    /// What made the shards.
    pub provenance: Provenance,
}

impl<'a> Stage<'a> {
    /// Fills the cache with one share of the recordings.
    pub(crate) fn compute_part(&self, (index, count): (usize, usize), job: &Job<'_>) -> Result<Part> {
        let mine: Vec<_> = self.plan.rows.iter().skip(index - 1).step_by(count).collect();
        let bar = job.progress(&self.provenance.stage, mine.len());
        let (mut skipped, mut damaged) = (Vec::new(), Damaged::default());
        let mut keep = |computed: Batch<'a>| -> Result<()> {
            self.extractor.keep(computed.iter().flat_map(|(_, computed)| computed).flatten())?;
            for (planned, computed) in computed {
                let path = &planned.row.path;
                match computed? {
                    Ok(extracted) => damaged.add(path, extracted.damage()),
                    Err(reason) => skipped.push(Skipped { path: path.clone(), reason }),
                }
            }
            Ok(())
        };
        let mut outcome = Ok(());
        for block in self.blocks(&mine) {
            self.compute(block, &bar, job, &mut |computed| {
                outcome = keep(computed);
                outcome.is_ok()
            });
            std::mem::replace(&mut outcome, Ok(()))?;
        }
        drop(bar);
        damaged.warn(job);
        warn_skipped(&skipped, job);
        Ok(Part { part: index, of: count, recordings: mine.len(), skipped })
    }

    /// Computes what the cache lacks and writes shards and index.
    pub(crate) fn assemble(&self, job: &Job<'_>) -> Result<Assembled> {
        let plan = self.plan;
        let dtype = MelDtype::from(self.dtype);
        let (classes, splits) = (plan.classes.clone(), plan.splits.clone());
        let (header, provenance) = (self.chain.to_header()?, self.provenance.clone());
        let started = std::time::Instant::now();
        let mut writer = SpectrogramWriter::create(self.out, header, classes, splits, provenance, dtype)?;
        let bar = job.progress(&self.provenance.stage, plan.rows.len());
        let (mut skipped, mut damaged) = (Vec::new(), Damaged::default());
        let rows: Vec<_> = plan.rows.iter().collect();
        let blocks = self.blocks(&rows);
        std::thread::scope(|scope| -> Result<()> {
            // The next block is computed while this one is written.
            let (send, receive) = std::sync::mpsc::sync_channel(1);
            let (blocks, bar) = (&blocks, &bar);
            scope.spawn(move || {
                // Once a block has failed, or the receiver is gone, the rest is not needed.
                let mut pass_on = |computed: Batch<'a>| {
                    let fine = computed.iter().all(|(_, computed)| computed.is_ok());
                    send.send(computed).is_ok() && fine
                };
                blocks.iter().all(|block| self.compute(block, bar, job, &mut pass_on))
            });
            for computed in receive {
                self.extractor.keep(computed.iter().flat_map(|(_, computed)| computed).flatten())?;
                for (planned, computed) in computed {
                    match computed? {
                        Ok(extracted) => {
                            damaged.add(&planned.row.path, extracted.damage());
                            push(&mut writer, planned, extracted.named(&planned.row))?;
                        }
                        Err(reason) => skipped.push(Skipped { path: planned.row.path.clone(), reason }),
                    }
                }
            }
            Ok(())
        })?;
        drop(bar);
        if skipped.len() == plan.rows.len() {
            warn_skipped(&skipped, job);
            bail!("none of the {} recordings could be used; the reasons are above", plan.rows.len());
        }
        let index = writer.finish(skipped)?;
        damaged.warn(job);
        warn_skipped(&index.skipped, job);
        Ok(Assembled {
            recordings: plan.rows.len() - index.skipped.len(),
            seconds: started.elapsed().as_secs_f64(),
            classes: plan.classes.clone(),
            splits: plan.splits.clone(),
            counts: plan.counts(),
            index,
        })
    }

    /// Recordings that are computed together: so many that all threads have work and memory stays bounded.
    fn blocks<'b>(&self, rows: &'b [&'a Planned]) -> Vec<&'b [&'a Planned]> {
        let mut n_bytes = 0;
        let mut n_clips = 0;
        let mut was_long = false;
        let mut is_next = |i: usize| {
            let planned = rows[i];
            // Rows of one recording that follow each other share its bytes; large ones are not read into memory.
            let is_same = i > 0 && rows[i - 1].row.path == planned.row.path;
            let size = if is_same { 0 } else { Some(self.n_bytes(planned)).filter(|n| *n <= SMALL_BYTES).unwrap_or(0) };
            let n_more = self.extractor.n_per_clip(planned);
            let (is_long, is_behind) = (self.is_long(planned), was_long);
            was_long = is_long;
            let is_full = n_clips + n_more > BLOCK || n_bytes + size > BLOCK_BYTES;
            let next = n_clips > 0 && (is_full || is_long || is_behind);
            (n_bytes, n_clips) = if next { (size, n_more) } else { (n_bytes + size, n_clips + n_more) };
            next
        };
        let starts: Vec<_> = (0..rows.len()).filter(|&i| is_next(i)).collect();
        let bounds: Vec<_> = std::iter::once(0).chain(starts).chain([rows.len()]).collect();
        bounds.windows(2).map(|bound| &rows[bound[0]..bound[1]]).collect()
    }

    fn n_bytes(&self, planned: &Planned) -> u64 {
        storage::metadata(self.plan.manifest.file(&planned.row)).map_or(0, |file| file.n_bytes)
    }

    /// Whether a row may become more spectrograms than are kept together. Such a row is a block by itself.
    fn is_long(&self, planned: &Planned) -> bool {
        let window = &self.chain.clip.window;
        let Placement::Sliding { overlap_s } = window.placement else { return false };
        let hop_s = window.seconds - overlap_s;
        let row = &planned.row;
        let end_s = row.end_s.or_else(|| {
            // A file that can't hold so much is not opened.
            let most_s = self.n_bytes(planned) as f64 / LEAST_BYTES_A_SECOND;
            if most_s / hop_s <= BLOCK as f64 {
                return Some(most_s);
            }
            let recording = audio_io::Recording::open(&self.plan.manifest.file(row)).ok()?;
            let declared = recording.declared_frames().map(|n| n as f64 / f64::from(recording.rate_hz()));
            declared.or(Some(most_s))
        });
        end_s.is_some_and(|end_s| (end_s - row.start_s.unwrap_or(0.0)) / hop_s > BLOCK as f64)
    }

    /// The spectrograms of a block's rows, each on its own: what was finished before an error or Ctrl-C is there. Rows of
    /// one recording that follow each other share what was read and decoded. `take` says whether more are wanted, as does
    /// this.
    fn compute(
        &self,
        block: &[&'a Planned],
        bar: &Progress<'_>,
        job: &Job<'_>,
        take: &mut dyn FnMut(Batch<'a>) -> bool,
    ) -> bool {
        let check = || job.check("finished recordings are kept; run the same command again to go on");
        if let [planned] = block
            && self.is_long(planned)
        {
            let mut go_on = true;
            self.extractor.long_row(self.plan, planned, &check, &mut |computed| {
                go_on = go_on && take(vec![(*planned, computed)]);
                go_on
            });
            bar.inc(1);
            return go_on;
        }
        let recordings: Vec<&[&Planned]> = block.chunk_by(|a, b| a.row.path == b.row.path).collect();
        let n_recordings = recordings.len();
        let recording = |(nth, rows): (usize, &&[&Planned])| {
            let computed = self.extractor.rows(self.plan, rows, nth + 1 == n_recordings, &check);
            bar.inc(rows.len());
            computed
        };
        let computed: Vec<Vec<Computed>> = recordings.par_iter().enumerate().map(recording).collect();
        take(block.iter().copied().zip(computed.into_iter().flatten()).collect())
    }
}

/// Adds the clips of a recording to the shards.
fn push(writer: &mut SpectrogramWriter, planned: &Planned, recording: Recording) -> Result<()> {
    let Recording { records, mel, frames, n_mels, n_frames } = recording;
    for ((record, mel), frames) in records.into_iter().zip(mel.chunks_exact(n_mels * n_frames)).zip(frames) {
        let path = record.path.clone();
        let pushed = writer.push(record, mel, n_mels, n_frames, frames, planned.label, planned.split);
        pushed.with_context(|| {
            format!("{path}: every spectrogram of a shard has the same size; choose a window length")
        })?;
    }
    Ok(())
}

/// Recordings that are damaged and kept: path and words, one entry a recording.
#[derive(Default)]
pub(crate) struct Damaged(Vec<(String, String)>);

impl Damaged {
    /// Words of a recording; empty ones are left out.
    pub(crate) fn add(&mut self, path: &str, words: &str) {
        if !words.is_empty() && self.0.last().is_none_or(|(last, _)| last != path) {
            self.0.push((path.to_owned(), words.to_owned()));
        }
    }

    /// Lists them.
    pub(crate) fn warn(&self, job: &Job<'_>) {
        warn_list("recordings are damaged and kept", &self.0, job);
    }
}

/// Lists what could not be used, at the end, where it is seen.
pub(crate) fn warn_skipped(skipped: &[Skipped], job: &Job<'_>) {
    let rows: Vec<(String, String)> = skipped.iter().map(|s| (s.path.clone(), s.reason.clone())).collect();
    warn_list("recordings could not be used and are left out", &rows, job);
}

fn warn_list(what: &str, rows: &[(String, String)], job: &Job<'_>) {
    if rows.is_empty() {
        return;
    }
    let mut lines: Vec<String> =
        rows.iter().take(MOST_LISTED).map(|(path, reason)| format!("  {path}: {reason}")).collect();
    if rows.len() > MOST_LISTED {
        lines.push(format!("  ... and {} more", rows.len() - MOST_LISTED));
    }
    job.warn(format!("{} {what}:\n{}", rows.len(), lines.join("\n")));
}
