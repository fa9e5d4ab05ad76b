//! Pictures and sounds of chosen clips, as many as there is room for.

use super::galleries::Chosen;
use super::recordings::Recordings;
use crate::error::Result;
use crate::exhibit::{Exhibit, exhibit};
use crate::job::Job;
use features::FrontEnd;
use inference::{Chain, Input, Model, SaliencyMethod, Window, Windows};
use rayon::prelude::*;
use report::{Axes, ClipPlace, Evaluation, Example, Gallery, LookedAt, Prediction, attention_png};

/// Clips that are made side by side.
const BLOCK: usize = 16;
/// Bytes of text of a byte of a file.
const BASE64: f64 = 4.0 / 3.0;
/// Seconds of a sound at most: a clip is short, and a whole recording does not fit into a page.
const LONGEST_S: f64 = 10.0;

/// A model that says what it looked at.
pub(super) struct Explainer<'a> {
    pub(super) model: &'a Model,
    pub(super) windows: Windows,
}

/// Reads recordings again.
pub(super) struct Sounds<'a> {
    /// Where the model can be opened.
    pub(super) explainer: Option<Explainer<'a>>,
    pub(super) recordings: &'a Recordings,
    pub(super) chain: &'a Chain,
    pub(super) front_end: FrontEnd,
    /// Clips with pictures and sounds that may still be made.
    pub(super) clips_left: usize,
    /// Bytes of the page that may still be used.
    pub(super) bytes_left: f64,
    /// Recordings that could not be read.
    pub(super) missing: Vec<String>,
    /// Recordings that are in no manifest.
    pub(super) unlisted: Vec<String>,
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
                    let mut loaded: Vec<_> = block.par_iter().map(load).collect();
                    if !is_folded && let Some(explainer) = &self.explainer {
                        let examples =
                            loaded.iter_mut().filter_map(|(clip, of)| of.as_mut().ok().map(|of| (*clip, of)));
                        explainer.explain(self.recordings, examples.collect())?;
                    }
                    for (clip, example) in loaded {
                        let Ok(example) = example else {
                            let is_listed = self.recordings.part(&clip.clip).is_ok();
                            let list = if is_listed { &mut self.missing } else { &mut self.unlisted };
                            list.push(clip.clip.path.clone());
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
        let (file, part) = self.recordings.part(place)?;
        let Exhibit { png, ogg, .. } =
            exhibit(&file, &part, title(place), self.chain, &self.front_end, Some(LONGEST_S))?;
        let predicted = clip.predicted();
        let notes = [
            clip.outlier_p.map(|p| format!("p-value {p:.3}")),
            Some(&clip.group).filter(|group| !group.is_empty()).map(|group| format!("group {group}")),
            Some(&clip.set).filter(|set| !set.is_empty()).map(|set| format!("split {set}")),
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

fn title(place: &ClipPlace) -> String {
    format!("{} {:.1} s", place.path, place.span_s.unwrap_or_default()[0])
}

impl Explainer<'_> {
    /// Whether a network sees so much at once that its map says little: YAMNet, as docs/saliency.md has it.
    fn is_coarse(&self, member: Option<&str>) -> bool {
        let of_name = |of: &&inference::Member| member.is_none_or(|name| of.name == name);
        let member = self.model.members.iter().find(of_name);
        member.is_some_and(|member| member.classifier.architecture().to_string().contains("\"yamnet\""))
    }

    /// Adds to each example what the networks of the model looked at for the class that they answered.
    fn explain(&self, recordings: &Recordings, examples: Vec<(&Prediction, &mut Example)>) -> Result<()> {
        let first_window = |(clip, _): &(&Prediction, &mut Example)| -> Option<(Window, usize)> {
            let (path, row) = recordings.part(&clip.clip).ok()?;
            let input = Input { path, name: clip.clip.path.clone(), row, ..Input::default() };
            // A recording that cannot be read has no example either.
            let window = self.windows.of(0, &input).ok()?.windows.into_iter().next()?;
            Some((window, clip.predicted()?))
        };
        let found: Vec<Option<(Window, usize)>> = examples.par_iter().map(first_window).collect();
        let (windows, class): (Vec<&Window>, Vec<usize>) =
            found.iter().flatten().map(|(window, class)| (window, *class)).unzip();
        if windows.is_empty() {
            return Ok(());
        }
        let mut explained = self.windows.saliency(self.model, &windows, &class, None)?.into_iter();
        let classes = &self.model.header.classes;
        for ((clip, example), found) in examples.into_iter().zip(&found) {
            let Some((_, class)) = found else { continue };
            for map in explained.next().map(|explanation| explanation.maps).unwrap_or_default() {
                let unit = if map.band_hz.is_empty() { "band" } else { "Hz" };
                let (seconds, title) = (map.seconds, title(&clip.clip));
                let axes = Axes { seconds, band_hz: map.band_hz, title, unit: unit.into() };
                let png = attention_png(&map.mel, &spread(map.values), map.n_bands, map.n_frames, &axes)?;
                let remark = match map.method {
                    SaliencyMethod::Rollout => " (the same for every class)",
                    _ if self.is_coarse(map.member.as_deref()) => " (a rough hint at best)",
                    _ => "",
                };
                let network = map.member.map_or_else(String::new, |name| format!(", network {name}"));
                let method = format!("{} for {}{network}{remark}", map.method.name(), classes[*class]);
                example.looked_at.push(LookedAt { method, png });
            }
        }
        Ok(())
    }
}

/// From its smallest value, which is drawn as nothing, to its largest: a rollout is nowhere 0.
fn spread(mut map: Vec<f32>) -> Vec<f32> {
    let (low, high) = map.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    if high > low {
        map.iter_mut().for_each(|value| *value = (*value - low) / (high - low));
    }
    map
}
