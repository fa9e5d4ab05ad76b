//! The page: a sample of the detections of a table, each with its sound.

use crate::clips::{Excerpt, Span, excerpt};
use crate::error::{Context, Result, bail};
use crate::inputs::{self, Recordings};
use crate::job::Job;
use crate::output;
use audio_io::{ClipConfig, Level, OPUS_RATE_HZ, Placement, Recording, Windowing, to_opus};
use detections::TableDetection;
use inference::one_line;
use rayon::prelude::*;
use report::{ReviewItem, ReviewQueue, render_review};
use serde::Serialize;
use shard::Skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bytes of sound of a detection at most, before it is encoded.
const MOST_SOUND: u64 = 64 << 20;
/// Detections whose sounds are made side by side.
const BLOCK: usize = 16;
/// The largest page, in bytes of sound.
const MOST_BYTES: usize = 14_000_000;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The table of detections.
    pub detections: PathBuf,
    /// Where recordings are that are not found as written.
    pub recordings: Option<PathBuf>,
    /// The run whose classes can be answered; none for the labels of the table.
    pub run: Option<PathBuf>,
    /// HTML file to write.
    pub out: PathBuf,
    /// Detections in the page at most. Of more, a random sample.
    pub n: usize,
    /// Sound before and after each detection, in seconds.
    pub context_s: f64,
}

/// The page that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The file.
    pub out: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Detections in it.
    pub detections: usize,
    /// Detections of the table.
    pub of: usize,
    /// Detections without a sound, and why.
    pub skipped: Vec<Skipped>,
}

/// Writes a page of detections to review.
///
/// # Errors
/// A table, a model or a folder of recordings that cannot be read, a table without a detection whose sound is found, and a file that
/// cannot be written.
#[tracing::instrument(level = "info", name = "review", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::file(&options.out)?;
    let table = &options.detections;
    let rows = inputs::detections(table, None)?;
    let recordings = Recordings::new(table, options.recordings.as_deref(), &job.cancel)?;
    let (model, mut classes) = match &options.run {
        Some(run) => {
            let (path, file) = inputs::read_model(run, job)?;
            let sha256 = shard::sha256_hex(
                &storage::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?,
            );
            (sha256, file.header.classes)
        }
        None => (String::new(), Vec::new()),
    };
    if classes.is_empty() {
        let labels: BTreeSet<&str> =
            rows.iter().map(|row| row.label.as_str()).filter(|label| !is_no_class(label)).collect();
        classes = labels.into_iter().map(str::to_owned).collect();
    }
    let chosen = drawn(rows.len(), options.n, job.seed());
    let progress = job.progress("review", chosen.len());
    let (mut items, mut skipped, mut bytes) = (Vec::new(), Vec::new(), 0);
    'page: for block in chosen.chunks(BLOCK) {
        job.check("nothing was written")?;
        let item =
            |&nth: &usize| (nth, item(&rows[nth], &recordings, options.context_s).map_err(|error| one_line(&error)));
        let made: Vec<(usize, std::result::Result<ReviewItem, String>)> = block.par_iter().map(item).collect();
        for (nth, made) in made {
            match made {
                Ok(item) if bytes + item.sound.len() <= MOST_BYTES => {
                    bytes += item.sound.len();
                    items.push((nth, item));
                }
                // Full; to go on with shorter sounds would make a sample of short ones.
                Ok(_) => break 'page,
                Err(reason) => {
                    let path = rows[nth].path.clone().unwrap_or_default();
                    skipped.push(Skipped {
                        path: format!("{path} at {:.3} s", rows[nth].start_ms as f64 / 1000.0),
                        reason,
                    });
                }
            }
        }
        progress.inc(block.len());
    }
    drop(progress);
    if items.is_empty() {
        let reason = skipped.first().map_or_else(|| "the table has no row".to_owned(), |first| first.reason.clone());
        bail!("{}: no detection to review: {reason}", table.display());
    }
    for one in &skipped {
        job.warn(format!("{}: {}", one.path, one.reason));
    }
    items.sort_by_key(|(nth, _)| *nth);
    let name = table.file_name().unwrap_or_default().to_string_lossy();
    let text = storage::read(table).with_context(|| format!("{}: cannot be read", table.display()))?;
    let queue = ReviewQueue {
        title: format!("Review of {name}"),
        key: shard::sha256_hex(&text),
        model,
        classes,
        n_total: rows.len(),
        counts: counts(&rows),
        items: items.into_iter().map(|(_, item)| item).collect(),
        rate_hz: OPUS_RATE_HZ,
    };
    let html = render_review(&queue)?;
    shard::write_atomic(&options.out, html.as_bytes())?;
    Ok(Outcome { out: options.out.clone(), bytes: html.len(), detections: queue.items.len(), of: rows.len(), skipped })
}

/// How many detections of each label a table has.
pub fn counts(rows: &[TableDetection]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.label.clone()).or_default() += 1;
    }
    counts
}

/// Labels that are none of a class.
fn is_no_class(label: &str) -> bool {
    label.is_empty() || label == detections::NEITHER || label == detections::UNSURE
}

/// Numbers of the detections that are taken, in the order in which they are drawn: where the page is full before the last of them,
/// what it has is a random sample all the same.
fn drawn(n_rows: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n_rows).collect();
    all.sort_by_cached_key(|&nth| stats::seed::derive(seed, 0, nth as u64));
    all.truncate(n);
    all
}

/// A detection with its sound.
fn item(row: &TableDetection, recordings: &Recordings, context_s: f64) -> Result<ReviewItem> {
    let Some(path) = recordings.find(row.path.as_deref())? else { bail!("{}", recordings.reason()) };
    let span = Span { start_ms: row.start_ms, end_ms: row.end_ms, channel: row.channel, context_s };
    let Excerpt { wav, start_s } = excerpt(&path, &span, MOST_SOUND)?;
    Ok(ReviewItem {
        path: row.path.clone().unwrap_or_else(|| path.to_string_lossy().into_owned()),
        start: row.start_ms as f64 / 1000.0,
        end: row.end_ms as f64 / 1000.0,
        channel: row.channel,
        label: row.label.clone(),
        score: row.score,
        outlier_p: row.outlier_p,
        sound: opus(&wav, &path)?,
        sound_start: start_s,
    })
}

/// A WAV file as OGG with Opus, one channel, its peak at full scale.
fn opus(wav: &[u8], path: &Path) -> Result<Vec<u8>> {
    let usual = ClipConfig::default();
    let window = Windowing { placement: Placement::Whole, ..usual.window };
    let config = ClipConfig { sample_rate_hz: OPUS_RATE_HZ, level: Level::Peak, window, ..usual };
    let decoded = Recording::of_bytes(wav, path)?.decode(None)?;
    let clips = audio_io::clips(&decoded, None, None, None, &config)?;
    let clip = clips.first().with_context(|| format!("{}: no sound", path.display()))?;
    Ok(to_opus(&clip.samples)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_sample_with_sounds_and_what_is_missing_is_listed() {
        assert_eq!(drawn(50, 50, 1).len(), 50);
        assert!(!drawn(50, 10, 1).is_sorted() && drawn(50, 10, 1) != drawn(50, 10, 2));
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let samples = synth::TestSound::ALL[0].render(44_100, 44_100, 0, 0);
        std::fs::write(path("a.wav"), synth::to_wav_16(&samples, 44_100)).unwrap();
        let rows = "path,start,end,channel,label,score\na.wav,0.2,0.4,,dog,0.9\nb.wav,0,1,,bird,0.6\na.wav,0.5,0.9,,neither,0.5\n";
        std::fs::write(path("d.csv"), rows).unwrap();
        let options = Options {
            detections: path("d.csv"),
            recordings: None,
            run: None,
            out: path("review.html"),
            n: 10,
            context_s: 0.1,
        };
        let outcome = run(&options, &Job::default()).unwrap();
        assert_eq!((outcome.detections, outcome.of, outcome.skipped.len()), (2, 3, 1));
        assert!(outcome.skipped[0].path.starts_with("b.wav") && outcome.skipped[0].reason.contains("not found"));
        let page = std::fs::read_to_string(path("review.html")).unwrap();
        assert!(page.contains("\"counts\":{\"bird\":1,\"dog\":1,\"neither\":1}"));
        assert!(page.contains("\"classes\":[\"bird\",\"dog\"]") && page.contains("data:audio/ogg;base64,"));
    }
}
