//! Goes through a recording once, and writes its clips.

use super::options::Options;
use super::plan::{OfRecording, Part};
use super::sound::{Samples, Sound};
use crate::error::{Context, Error, Result, bail};
use crate::features::{PictureOptions, draw};
use crate::job::Job;
use crate::one_line;
use audio_io::Recording;
use inference::{damage_words, reason};
use shard::Skipped;
use std::path::{Path, PathBuf};

/// Frames that are decoded at once.
const BLOCK_FRAMES: usize = 1 << 16;

/// A clip that was written.
pub(super) struct Clip {
    pub(super) part: Part,
    /// First frame in the recording.
    pub(super) first: u64,
    pub(super) n_frames: u64,
    pub(super) rate_hz: u32,
    pub(super) has_picture: bool,
}

/// What became of a recording.
#[derive(Default)]
pub(super) struct Cut {
    pub(super) clips: Vec<Clip>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) warnings: Vec<String>,
    /// Why no more could be written.
    pub(super) failed: Option<Error>,
}

/// Frames of a clip.
struct Span<'p> {
    part: &'p Part,
    first: u64,
    /// The frame behind the last, where the recording is that long.
    last: u64,
    /// First frame of the detection itself.
    start: u64,
}

/// Cuts all clips of a recording, as far as it can be read and the clips can be written.
pub(super) fn cut(of: &OfRecording, root: &Path, options: &Options, job: &Job<'_>) -> Cut {
    let mut cut = Cut::default();
    let name = of.path.to_string_lossy();
    let skip = |reason: String| Skipped { path: name.clone().into_owned(), reason };
    let mut recording = match Recording::open(&of.path) {
        Ok(recording) => recording,
        Err(error) => {
            let n = of.parts.len();
            let detections = if n == 1 { "detection" } else { "detections" };
            cut.skipped.push(skip(format!("{} ({n} {detections})", reason(&error, &of.path))));
            return cut;
        }
    };
    if let Err(error) = walk(&mut recording, of, root, options, job, &mut cut) {
        cut.failed = Some(error);
    }
    let damage = damage_words(&recording.finish());
    if !damage.is_empty() {
        cut.warnings.push(format!("{name}: {damage}"));
    }
    cut
}

/// The error is of what is written: a recording that ends early or cannot be read to its end is noted in `cut`.
fn walk(
    recording: &mut Recording<'_>,
    of: &OfRecording,
    root: &Path,
    options: &Options,
    job: &Job<'_>,
    cut: &mut Cut,
) -> Result<()> {
    let samples = Samples::of(recording);
    let skip = |part: &Part, reason: String, skipped: &mut Vec<Skipped>| {
        let at = format!("{}.{:03} s", part.row.start_ms / 1000, part.row.start_ms % 1000);
        skipped.push(Skipped { path: part.path.clone(), reason: format!("{at}: {reason}") });
    };
    let mut spans = Vec::new();
    for part in &of.parts {
        match span(part, samples, options) {
            Ok(span) => spans.push(span),
            Err(why) => skip(part, why, &mut cut.skipped),
        }
    }
    spans.reverse();
    let mut open: Vec<(Span<'_>, Sound)> = Vec::new();
    let mut block: Vec<Vec<f32>> = Vec::new();
    let mut unreadable = None;
    loop {
        if job.cancel.is_cancelled() {
            return Ok(());
        }
        let at = recording.n_frames();
        let Some(next) = open.first().map(|_| at).or(spans.last().map(|span| span.first)) else { return Ok(()) };
        block.iter_mut().for_each(Vec::clear);
        let read = match next > at {
            true => recording.skip(next - at).and_then(|_| recording.next_block(BLOCK_FRAMES, &mut block)),
            false => recording.next_block(BLOCK_FRAMES, &mut block),
        };
        let n = match read {
            Ok(n) => n as u64,
            Err(error) => {
                unreadable = Some(one_line(&error));
                0
            }
        };
        let end = recording.n_frames();
        let begin = end - n;
        while let Some(span) = spans.pop_if(|span| span.first < end) {
            open.push((span, Sound::create(root, samples)?));
        }
        for (span, sound) in &mut open {
            let (from, to) = (span.first.max(begin) - begin, span.last.min(end).saturating_sub(begin));
            if from < to {
                let stretch: Vec<&[f32]> = block.iter().map(|channel| &channel[from as usize..to as usize]).collect();
                sound.append(&stretch)?;
            }
        }
        // What is complete, or ends with the recording.
        let is_over = n == 0;
        let (done, left) = open.into_iter().partition(|(span, _)| is_over || span.last <= end);
        open = left;
        for (span, sound) in done {
            match &unreadable {
                Some(why) => skip(span.part, why.clone(), &mut cut.skipped),
                None if span.start >= end => skip(span.part, past(end, samples), &mut cut.skipped),
                None => cut.clips.push(place(span, sound, end, samples, root, options, job, &mut cut.warnings)?),
            }
        }
        if is_over {
            let why = unreadable.unwrap_or_else(|| past(end, samples));
            spans.iter().rev().for_each(|span| skip(span.part, why.clone(), &mut cut.skipped));
            return Ok(());
        }
    }
}

fn past(end: u64, samples: Samples) -> String {
    format!("the recording ends at {:.3} s", end as f64 / f64::from(samples.rate_hz))
}

/// The frames of a clip, or why it is none.
fn span<'p>(part: &'p Part, samples: Samples, options: &Options) -> Result<Span<'p>, String> {
    let frame = |ms: u64| {
        let thousandths = u128::from(ms) * u128::from(samples.rate_hz);
        u64::try_from((thousandths + 500) / 1000).unwrap_or(u64::MAX / 2)
    };
    let context = (options.context_s * f64::from(samples.rate_hz)).round() as u64;
    let (start, end) = (frame(part.row.start_ms), frame(part.row.end_ms));
    let (first, last) = (start.saturating_sub(context), end.saturating_add(context));
    if first >= last {
        return Err("start and end are the same; --context gives it sound before and after".into());
    }
    if let Some(problem) = samples.problem(last - first, options.encoding) {
        return Err(problem.into());
    }
    Ok(Span { part, first, last, start })
}

/// Writes a clip under its name, and its picture.
#[allow(clippy::too_many_arguments, reason = "all of it is about one clip")]
fn place(
    span: Span<'_>,
    sound: Sound,
    end: u64,
    samples: Samples,
    root: &Path,
    options: &Options,
    job: &Job<'_>,
    warnings: &mut Vec<String>,
) -> Result<Clip> {
    let path = root.join(&span.part.name);
    let folder = path.parent().unwrap_or(root);
    let inside = || -> Result<PathBuf> {
        storage::create_dir_all(folder)?;
        Ok(storage::canonical(folder)?)
    };
    if !inside().with_context(|| format!("{}: cannot be written", folder.display()))?.starts_with(root) {
        bail!("{}: a link to another place; nothing is written outside {}", folder.display(), options.out.display());
    }
    sound.place(&path, options.encoding)?;
    let mut has_picture = options.pictures;
    if options.pictures
        && let Err(error) = draw(&PictureOptions::new(&path, path.with_extension("png")), job)
    {
        has_picture = false;
        warnings.push(format!("{}: no picture: {}", span.part.name, reason(&error, &path)));
    }
    let n_frames = span.last.min(end) - span.first;
    Ok(Clip { part: span.part.clone(), first: span.first, n_frames, rate_hz: samples.rate_hz, has_picture })
}
