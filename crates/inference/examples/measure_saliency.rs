//! Whether maps of what a network looked at mark what matters: see `scripts/measure-saliency.sh`.
//!
//! ```text
//! measure_saliency RUN MANIFEST SPLIT OUT.json [METHOD [FILL]]
//! ```
//!
//! Each clip's spectrogram is cut into patches of the size of the network's cells. Some are masked, the clip is classified
//! again, and the probability of the class that it had is compared: patches that the map marks most, as many random ones
//! (the mean of several draws), and as many of the loudest, which need no map. METHOD is usual, rollout or gradient-rollout.
//!
//! FILL is what a masked cell becomes. quiet: the band's 10th percentile in the clip, which sounds like nothing there. mean: the
//! band's mean in the clip. The mean of the training clips is no choice: in a quiet clip it is louder than what it masks, and
//! a network with a normalization of its own has none.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use audio_io::{Manifest, Row};
use classifier::{Calibration, largest, predict_mels};
use inference::{Explanation, Input, Model, SaliencyMethod, Window, Windows};
use rand::seq::index::sample;
use rayon::prelude::*;
use serde_json::{Value, json};
use stats::{Groups, bootstrap, quantile_sorted, seed};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

type Anyway<T> = Result<T, Box<dyn Error>>;

const SHARES: [f64; 3] = [0.1, 0.2, 0.3];
const DRAWS: u64 = 20;
const RESAMPLES: usize = 2000;
const QUIET: f64 = 0.1;

fn main() -> Anyway<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, manifest, split, out, rest @ ..] = &arguments[..] else {
        return Err("usage: measure_saliency RUN MANIFEST SPLIT OUT.json [METHOD [FILL]]".into());
    };
    let method = match rest.first().map_or("usual", String::as_str) {
        "usual" => None,
        "rollout" => Some(SaliencyMethod::Rollout),
        "gradient-rollout" => Some(SaliencyMethod::GradientRollout),
        other => return Err(format!("METHOD: expected usual, rollout or gradient-rollout, got {other}").into()),
    };
    let is_quiet = match rest.get(1).map_or("quiet", String::as_str) {
        "quiet" => true,
        "mean" => false,
        other => return Err(format!("FILL: expected quiet or mean, got {other}").into()),
    };
    let model = Model::open(run)?;
    let manifest = Manifest::open(Path::new(manifest))?;
    let is_wanted = |row: &&Row| row.split.as_deref() == Some(split) && model.header.classes.contains(&row.label);
    let rows: Vec<&Row> = manifest.rows.iter().filter(is_wanted).collect();
    if rows.is_empty() {
        return Err(format!("no recording of the model's classes in split {split}").into());
    }
    let of_windows = Windows::as_trained(&model, None)?;
    let window = |(nth, row): (usize, &&Row)| -> inference::Result<Option<Window>> {
        let input = Input { row: (*row).clone(), ..Input::file(&manifest.file(row)) };
        Ok(of_windows.of(nth, &input)?.windows.into_iter().next())
    };
    let windows: Vec<Option<Window>> = rows.par_iter().enumerate().map(window).collect::<Result<_, _>>()?;
    let windows: Vec<&Window> = windows.iter().flatten().collect();
    let groups: Vec<&str> =
        windows.iter().map(|window| rows[window.input].group.as_deref().unwrap_or(&rows[window.input].path)).collect();

    let members = 0..model.members.len();
    let mels: Vec<Vec<Vec<f32>>> = members
        .map(|member| windows.iter().map(|window| of_windows.mel_of_member(window, member).0.to_vec()).collect())
        .collect();
    let asked = Asked {
        model: &model,
        n_frames: (0..model.members.len()).map(|m| of_windows.mel_of_member(windows[0], m).1).collect(),
    };
    let before = asked.classify(&mels)?;
    let class: Vec<usize> = before.iter().map(|p| largest(p)).collect();
    let began = Instant::now();
    let explained = of_windows.saliency(&model, &windows, &class, method)?;
    let seconds = began.elapsed().as_secs_f64();
    if explained[0].maps.len() != model.members.len() {
        return Err(format!("no map: {}", explained[0].without.join("; ")).into());
    }
    let fills: Vec<Vec<Vec<f32>>> = mels
        .iter()
        .enumerate()
        .map(|(member, mels)| mels.par_iter().map(|mel| fill(mel, asked.n_frames[member], is_quiet)).collect())
        .collect();

    let groups_of = Groups::from_names(&groups);
    let mut all = Vec::new();
    for share in SHARES {
        let masked = |marks: &(dyn Fn(usize, usize, &Patches) -> Vec<usize> + Sync)| -> Anyway<Vec<Vec<f32>>> {
            let of_member = |member: usize| -> Vec<Vec<f32>> {
                let of_clip = |(clip, mel): (usize, &Vec<f32>)| {
                    let patches = Patches::of(&explained[clip], member);
                    let mut mel = mel.clone();
                    for patch in marks(clip, member, &patches) {
                        patches.cells(patch).for_each(|cell| mel[cell] = fills[member][clip][cell / patches.n_frames]);
                    }
                    mel
                };
                mels[member].par_iter().enumerate().map(of_clip).collect()
            };
            asked.classify(&(0..mels.len()).map(of_member).collect::<Vec<_>>())
        };
        let by_map = masked(&|clip, member, patches| patches.most(&explained[clip].maps[member].values, share))?;
        let by_level = masked(&|clip, member, patches| {
            let (mel, quiet) = (&mels[member][clip], &fills[member][clip]);
            let above: Vec<f32> = mel.iter().enumerate().map(|(cell, x)| x - quiet[cell / patches.n_frames]).collect();
            patches.most(&above, share)
        })?;
        let draws: Vec<Vec<Vec<f32>>> = (0..DRAWS)
            .map(|draw| {
                masked(&|clip, member, patches| {
                    let mut random = seed::stream(seed::nth(draw, member as u64), clip as u64);
                    sample(&mut random, patches.n(), patches.n_of(share)).into_vec()
                })
            })
            .collect::<Anyway<_>>()?;
        let figures = Figures::of(&before, &class, &by_map, &by_level, &draws);
        all.push(figures.summary(share, &groups_of));
    }
    let first = &explained[0].maps[0];
    let name = explained[0].maps.iter().map(|map| map.method.name()).collect::<Vec<_>>().join(", ");
    let result = json!({
        "run": run, "split": split, "method": name, "fill": if is_quiet { "quiet" } else { "mean" },
        "n": windows.len(), "n_groups": groups_of.n_groups(), "seconds": seconds,
        "cell": first.cell, "size": [first.n_bands, first.n_frames], "shares": all,
        "empty_maps": explained.iter().filter(|e| e.maps.iter().any(|map| map.values.iter().all(|v| *v == 0.0))).count(),
    });
    shard::write_atomic(Path::new(out), format!("{result:#}\n").as_bytes())?;
    println!("{split}: {name}: {} maps in {seconds:.1} s", windows.len());
    Ok(())
}

/// The model, and the frames of its members' spectrograms.
struct Asked<'a> {
    model: &'a Model,
    n_frames: Vec<usize>,
}

impl Asked<'_> {
    /// The probabilities of clips, from the spectrograms of each member.
    fn classify(&self, mels: &[Vec<Vec<f32>>]) -> Anyway<Vec<Vec<f32>>> {
        let plain = |member: usize| mels[member].iter().map(Vec::as_slice).collect::<Vec<_>>();
        let name = |clip: usize| format!("clip {clip}");
        let rows = if mels.len() == 1 {
            let n_mels = self.model.only()?.normalization.mean.len();
            predict_mels(self.model.forward()?, &plain(0), n_mels, self.n_frames[0], 32, &name)?
        } else {
            let all: Vec<_> = (0..mels.len()).map(|member| (plain(member), self.n_frames[member])).collect();
            self.model.average(&all, 32, &name)?
        };
        let probability = Calibration::probabilities(self.model.temperature(), &rows.logits, rows.n_classes);
        Ok(probability.chunks_exact(rows.n_classes).map(<[f32]>::to_vec).collect())
    }
}

/// What a masked cell of each band becomes.
fn fill(mel: &[f32], n_frames: usize, is_quiet: bool) -> Vec<f32> {
    let of_band = |band: &[f32]| {
        if !is_quiet {
            return band.iter().sum::<f32>() / band.len() as f32;
        }
        let mut sorted: Vec<f64> = band.iter().map(|value| f64::from(*value)).collect();
        sorted.sort_by(f64::total_cmp);
        quantile_sorted(&sorted, QUIET).unwrap_or_default() as f32
    };
    mel.chunks_exact(n_frames).map(of_band).collect()
}

/// Patches of a spectrogram, of the size of a network's cells. What remains at its ends is in none, since networks drop it.
struct Patches {
    n_frames: usize,
    size: [usize; 2],
    grid: [usize; 2],
}

impl Patches {
    fn of(explained: &Explanation, member: usize) -> Self {
        let map = &explained.maps[member];
        let grid = [(map.n_bands / map.cell[0]).max(1), (map.n_frames / map.cell[1]).max(1)];
        Self { n_frames: map.n_frames, size: [map.cell[0].min(map.n_bands), map.cell[1].min(map.n_frames)], grid }
    }

    fn n(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    fn n_of(&self, share: f64) -> usize {
        ((self.n() as f64 * share).round() as usize).max(1)
    }

    /// The cells of a patch.
    fn cells(&self, patch: usize) -> impl Iterator<Item = usize> + '_ {
        let (band, frame) = (patch / self.grid[1] * self.size[0], patch % self.grid[1] * self.size[1]);
        (band..band + self.size[0])
            .flat_map(move |band| (frame..frame + self.size[1]).map(move |frame| band * self.n_frames + frame))
    }

    /// The patches with the largest sums.
    fn most(&self, values: &[f32], share: f64) -> Vec<usize> {
        let sums: Vec<f32> = (0..self.n()).map(|patch| self.cells(patch).map(|cell| values[cell]).sum()).collect();
        let mut order: Vec<usize> = (0..self.n()).collect();
        order.sort_by(|a, b| sums[*b].total_cmp(&sums[*a]).then(a.cmp(b)));
        order.truncate(self.n_of(share));
        order
    }
}

/// Drops of each clip by map, level and at random: of the probability, of the log-odds, and whether the verdict changes.
struct Figures([[Vec<f64>; 3]; 3]);

impl Figures {
    fn of(before: &[Vec<f32>], class: &[usize], map: &[Vec<f32>], level: &[Vec<f32>], draws: &[Vec<Vec<f32>>]) -> Self {
        let drops = |after: &[Vec<f32>]| -> [Vec<f64>; 3] {
            let clips = || before.iter().zip(after).zip(class);
            let p = |of: &[f32], class: usize| f64::from(of[class]).clamp(1e-6, 1.0 - 1e-6);
            let odds = |of: &[f32], class: usize| (p(of, class) / (1.0 - p(of, class))).ln();
            [
                clips().map(|((b, a), class)| f64::from(b[*class] - a[*class])).collect(),
                clips().map(|((b, a), class)| odds(b, *class) - odds(a, *class)).collect(),
                clips().map(|((_, a), class)| f64::from(u8::from(largest(a) != *class))).collect(),
            ]
        };
        let mut mean: [Vec<f64>; 3] = std::array::from_fn(|_| vec![0.0; before.len()]);
        for draw in draws {
            for (mean, drop) in mean.iter_mut().zip(drops(draw)) {
                mean.iter_mut().zip(drop).for_each(|(sum, drop)| *sum += drop / draws.len() as f64);
            }
        }
        Self([drops(map), drops(level), mean])
    }

    /// Means, and differences to the map with intervals.
    fn summary(&self, share: f64, groups: &Groups) -> Value {
        let mut out = json!({"share": share});
        for (nth, figure) in ["probability", "log_odds", "changed"].into_iter().enumerate() {
            let [map, level, random] = [0, 1, 2].map(|by: usize| &self.0[by][nth]);
            let interval = |values: &[f64]| {
                let mean = |[weights]: [&[f64]; 1]| {
                    let sum: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                    sum / weights.iter().sum::<f64>()
                };
                let mut means = bootstrap([groups], RESAMPLES, |number| seed::stream(1, number as u64), mean);
                means.sort_by(f64::total_cmp);
                [0.025, 0.975].map(|at| quantile_sorted(&means, at))
            };
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let minus = |other: &[f64]| -> Vec<f64> { map.iter().zip(other).map(|(a, b)| a - b).collect() };
            let (over_random, over_level) = (minus(random), minus(level));
            out[figure] = json!({
                "map": mean(map), "random": mean(random), "loudest": mean(level),
                "map_interval": interval(map),
                "map_minus_random": mean(&over_random), "map_minus_random_interval": interval(&over_random),
                "map_minus_loudest": mean(&over_level), "map_minus_loudest_interval": interval(&over_level),
            });
        }
        out
    }
}
