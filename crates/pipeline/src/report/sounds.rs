//! Pictures and sounds of chosen clips, as many as there is room for.

use super::galleries::Chosen;
use super::recordings::Recordings;
use crate::error::{Result, bail};
use crate::exhibit::{Exhibit, exhibit};
use crate::job::Job;
use audio_io::Row;
use features::FrontEnd;
use inference::Chain;
use rayon::prelude::*;
use report::{Evaluation, Example, Gallery, Prediction};

/// Clips that are made side by side.
const BLOCK: usize = 16;
/// Bytes of text of a byte of a file.
const BASE64: f64 = 4.0 / 3.0;
/// Seconds of a sound at most: a clip is short, and a whole recording does not fit into a page.
const LONGEST_S: f64 = 10.0;

/// Reads recordings again.
pub(super) struct Sounds<'a> {
    pub(super) recordings: &'a Recordings,
    pub(super) chain: &'a Chain,
    pub(super) front_end: FrontEnd,
    /// Clips with pictures and sounds that may still be made.
    pub(super) clips_left: usize,
    /// Bytes of the page that may still be used.
    pub(super) bytes_left: f64,
    /// Recordings that could not be read.
    pub(super) missing: Vec<String>,
}

impl Sounds<'_> {
    /// The galleries, until there is no room; the first are the most important.
    pub(super) fn galleries(
        &mut self,
        chosen: Vec<Chosen>,
        evaluations: &[Evaluation],
        job: &Job<'_>,
    ) -> Result<Vec<Gallery>> {
        let n: usize = chosen.iter().flat_map(|of| &of.parts).map(|(_, clips)| clips.len()).sum();
        let progress = job.progress("clips", n.min(self.clips_left));
        let mut galleries = Vec::new();
        for Chosen { title, text, parts, is_folded } in chosen {
            let mut made = Vec::new();
            for (head, clips) in parts {
                let mut examples = Vec::new();
                for block in clips.chunks(BLOCK) {
                    job.check("nothing was written")?;
                    if self.clips_left == 0 || self.bytes_left <= 0.0 {
                        break;
                    }
                    let block = &block[..block.len().min(self.clips_left)];
                    let load = |&(e, i): &(usize, usize)| {
                        let clip = &evaluations[e].predictions[i];
                        (clip, self.load(clip, &evaluations[e].metrics.classes))
                    };
                    let loaded: Vec<_> = block.par_iter().map(load).collect();
                    for (clip, example) in loaded {
                        let Ok(example) = example else {
                            self.missing.push(clip.clip.path.clone());
                            continue;
                        };
                        let pictures = example.looked_at.iter().map(|of| of.png.len()).sum::<usize>();
                        let bytes = BASE64 * (example.png.len() + example.sound.len() + pictures) as f64;
                        if bytes > self.bytes_left {
                            self.bytes_left = 0.0;
                            break;
                        }
                        self.bytes_left -= bytes;
                        self.clips_left -= 1;
                        examples.push(example);
                        progress.inc(1);
                    }
                }
                if !examples.is_empty() {
                    made.push((head, examples));
                }
            }
            galleries.push(Gallery { title, text: text.to_owned(), parts: made, is_folded });
        }
        Ok(galleries)
    }

    fn load(&self, clip: &Prediction, classes: &[String]) -> Result<Example> {
        let place = &clip.clip;
        let [start_s, end_s] = place.span_s.unwrap_or_default();
        let Some(found) = self.recordings.find(&place.path, start_s, place.channel) else {
            bail!("{}: not in the manifest", place.path);
        };
        let known = found.row;
        let channel = place.channel.or(known.channel);
        let part = match place.span_s {
            Some(_) => Row { start_s: Some(start_s), end_s: Some(end_s), channel, ..known.clone() },
            None => known.clone(),
        };
        let title = format!("{} {start_s:.1} s", place.path);
        let Exhibit { png, ogg, .. } =
            exhibit(&found.file(), &part, title, self.chain, &self.front_end, Some(LONGEST_S))?;
        let predicted = clip.predicted();
        let notes = [
            clip.outlier_p.map(|p| format!("p-value {p:.3}")),
            Some(&clip.group).filter(|group| !group.is_empty()).map(|group| format!("group {group}")),
        ];
        Ok(Example {
            clip: place.clone(),
            truth: Some(clip.truth.clone()).filter(|truth| !truth.is_empty()),
            predicted: predicted.map(|class| classes[class].clone()).unwrap_or_default(),
            probability: predicted.map_or(f64::NAN, |class| clip.probability[class]),
            note: notes.into_iter().flatten().collect::<Vec<_>>().join("; "),
            png,
            sound: ogg,
            looked_at: Vec::new(),
        })
    }
}
