//! Training clips that stay in a card's memory: each batch is made of them there, and only what is drawn for it is copied.

use crate::Result;
use crate::batch::{AHEAD, Assembler};
use crate::config::TrainConfig;
use crate::data::Data;
use crate::plan::Plan;
use crate::sampler::{Turn, batches};
use crate::unknowns::{Made, UnknownSound};
use augment::{Blend, Drawn, Noise, Unknown, patch_order};
use candle_core::{Device, Tensor};
use classifier::{Normalization, Parameters};
use kernels::on_device::{Body, ClipMix, ClipNoise, ClipSteps, ClipStore, Source};
use rayon::prelude::*;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// The share of a card's free memory that clips take at most: the rest is for training.
const MOST_OF_FREE: f64 = 0.25;

/// Values that are copied at a time.
const AT_ONCE: usize = 16_000_000;

/// The clips of a training in the memory of its device.
#[derive(Debug)]
pub(crate) struct Resident {
    clips: ClipStore,
    /// Where each row of the spectrograms is there; those that are not are [`u32::MAX`].
    places: Vec<u32>,
}

/// A batch as drawn.
#[derive(Debug)]
pub(crate) struct Planned {
    clips: Vec<ClipSteps>,
    n_mixed: usize,
    pub(crate) targets: Vec<f32>,
    pub(crate) rows: Vec<usize>,
}

impl Resident {
    /// The clips of a training on a CUDA device, where they fit and all that is done to them has a kernel.
    ///
    /// # Errors
    /// A shard that cannot be read, or an error of the device; not a lack of its memory.
    pub(crate) fn of(
        parameters: &Parameters,
        data: &Data,
        config: &TrainConfig,
        normalization: &Normalization,
    ) -> Result<Option<Self>> {
        let device = parameters.device();
        let Some(free) = kernels::free_bytes(device).map_err(candle_core::Error::wrap)? else { return Ok(None) };
        let n_bytes = rows_of(data).len() as f64 * data.spectrograms.n_cells() as f64 * 4.0;
        let most = (config.device_gb * 1e9).min(free as f64 * MOST_OF_FREE);
        if parameters.count() == 0 || n_bytes > most || !has_kernels(config) {
            tracing::debug!(n_bytes, most, "batches are made by the CPU");
            return Ok(None);
        }
        Self::new(Body::of(device), data, normalization, device)
    }

    fn new(body: Body, data: &Data, normalization: &Normalization, device: &Device) -> Result<Option<Self>> {
        let (rows, clips) = (rows_of(data), &data.spectrograms);
        let bands = [&data.normalization.mean[..], &normalization.mean, &normalization.std];
        let store = match ClipStore::new(body, [rows.len(), clips.n_mels, clips.n_frames], bands, device) {
            Ok(store) => store,
            Err(error) => {
                tracing::warn!("batches are made by the CPU: {error}");
                return Ok(None);
            }
        };
        let n_cells = clips.n_cells();
        let (mut places, mut cells) = (vec![u32::MAX; clips.n_clips()], Vec::new());
        for (nth, rows) in rows.chunks((AT_ONCE / n_cells).max(1)).enumerate() {
            let first = nth * (AT_ONCE / n_cells).max(1);
            cells.resize(rows.len() * n_cells, 0.0);
            let each = cells.par_chunks_exact_mut(n_cells).zip(rows);
            each.try_for_each(|(cells, row)| clips.read(*row as usize, cells))?;
            store.put(first, &cells)?;
            rows.iter().zip(first as u32..).for_each(|(row, place)| places[*row as usize] = place);
        }
        tracing::debug!(clips = rows.len(), "the training clips are in the device's memory");
        Ok(Some(Self { clips: store, places }))
    }

    /// Draws the batches of an epoch in a thread of its own, as [`Assembler::spawn`] assembles them.
    pub(crate) fn spawn<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        assembler: Assembler<'scope>,
        turns: Vec<Turn>,
        epoch: usize,
    ) -> Receiver<Planned> {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for range in batches(turns.len(), assembler.config.batch_size) {
                let plan = assembler.plan(&turns[range], epoch);
                if sender.send(self.planned(plan, assembler.data)).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// The spectrograms of a batch, `[B, M, T]`.
    ///
    /// # Errors
    /// An error of the device.
    pub(crate) fn batch(&self, planned: &Planned) -> Result<Tensor> {
        Ok(self.clips.batch(&planned.clips, planned.n_mixed)?)
    }

    fn planned(&self, plan: Plan, data: &Data) -> Planned {
        let Plan { rows, unknowns, steps, blends, targets } = plan;
        let n_known = rows.len() - unknowns.len();
        let sizes = [data.spectrograms.n_mels, data.spectrograms.n_frames];
        let clip = |(nth, drawn): (usize, Drawn)| {
            let source = match nth.checked_sub(n_known) {
                None => Source::Row(self.places[rows[nth]]),
                Some(nth) => self.source(&unknowns[nth], sizes),
            };
            clip_steps(source, drawn, blends.get(nth))
        };
        let clips = steps.into_iter().enumerate().map(clip).collect();
        Planned { clips, n_mixed: n_known, targets, rows }
    }

    fn source(&self, unknown: &UnknownSound, [n_mels, n_frames]: [usize; 2]) -> Source {
        let row = self.places[unknown.row];
        let Some(Made { kind, partner, seed }) = &unknown.made else { return Source::Row(row) };
        match kind {
            Unknown::Mixture => Source::Mixture(row, self.places[*partner]),
            Unknown::Inverted => Source::Inverted(row),
            Unknown::ShuffledPatches => {
                let (patch, order) = patch_order(n_mels, n_frames, *seed);
                Source::Shuffled { row, patch, order }
            }
            Unknown::NoiseFilled => unreachable!("such batches are made by the CPU: see has_kernels"),
        }
    }
}

/// Whether a card can make the batches. What fills clips with noise sums up and draws one cell after the other.
fn has_kernels(config: &TrainConfig) -> bool {
    !config.exposure.made.contains(&Unknown::NoiseFilled)
}

/// Rows of the spectrograms that batches are made of.
fn rows_of(data: &Data) -> Vec<u32> {
    let mut rows: Vec<u32> =
        data.train.iter().map(|example| example.row).chain(data.unknowns.iter().copied()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn clip_steps(source: Source, drawn: Drawn, blend: Option<&Blend>) -> ClipSteps {
    let Drawn { excerpt, warp, roll, up, color, curve, gate, noise, cutoff, dropped, time_masks, frequency_masks } =
        drawn;
    ClipSteps {
        source,
        excerpt,
        warp: warp.map(|warp| [warp.from, warp.to]),
        roll,
        up,
        color,
        curve,
        gate: gate.map(|gate| [gate.below, gate.floor]),
        noise: noise.as_ref().map(clip_noise),
        cutoff,
        dropped,
        time_masks,
        frequency_masks,
        mix: match blend {
            None | Some(Blend::None) => ClipMix::None,
            Some(Blend::Mixup(share)) => ClipMix::All(*share),
            Some(Blend::CutMix(frames)) => ClipMix::Frames(frames.clone()),
        },
    }
}

fn clip_noise(noise: &Noise) -> ClipNoise {
    let (seed, words) = (noise.words.get_seed(), &noise.words);
    let key = std::array::from_fn(|nth| {
        let [a, b, c, d] = std::array::from_fn(|byte| seed[4 * nth + byte]);
        u32::from_le_bytes([a, b, c, d])
    });
    ClipNoise {
        below_db: noise.below_db,
        tilt_db: noise.tilt_db,
        unit_per_db: noise.unit_per_db,
        unit_per_e: noise.unit_per_e(),
        key,
        stream: words.get_stream() as u32,
        word: words.get_word_pos() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exposure;
    use crate::batch::Batch;
    use crate::fixture::{Row, spectrograms};
    use crate::windows::epoch_order;
    use augment::SpectrogramAugment;

    /// Clips of 11 bands and 29 frames, one of them of a split that is not used.
    fn data() -> Data {
        let mut rows: Vec<Row> = (0..20).map(|nth| (["bird", "dog", "cow"][nth % 3], "a", "train")).collect();
        rows.push(("dog", "b", "test"));
        rows.extend([("cow", "c", "ood-val"); 5]);
        let mut clips = spectrograms(&rows);
        (clips.n_mels, clips.n_frames) = (11, 29);
        clips.mel = (0..rows.len() * 11 * 29).map(|i| -40.0 + ((i * 7919) % 10_007) as f32 / 250.0).collect();
        clips.frames = vec![29; rows.len()];
        Data::from_spectrograms(clips, "train", "none").unwrap().with_unknowns("ood-val").unwrap()
    }

    /// All steps.
    fn everything() -> SpectrogramAugment {
        SpectrogramAugment {
            time_warp_share: 0.2,
            frequency_shift_share: 0.3,
            gate_share: 0.5,
            band_dropout_share: 0.2,
            filter_curve_db: 6.0,
            cutmix_alpha: 0.4,
            frequency_mask_bands: 4,
            ..SpectrogramAugment::strong()
        }
    }

    fn batches_of(assembler: Assembler<'_>, resident: &Resident, epoch: usize) -> [Vec<Batch>; 2] {
        let turns = epoch_order(assembler.data, &assembler.data.strata(), assembler.config, epoch);
        std::thread::scope(|scope| {
            let made = resident.spawn(scope, assembler, turns.clone(), epoch).into_iter().map(|planned| {
                let mel = resident.batch(&planned).unwrap().flatten_all().unwrap().to_vec1().unwrap();
                Batch { mel, targets: planned.targets, rows: planned.rows }
            });
            let made: Vec<Batch> = made.collect();
            [made, assembler.spawn(scope, turns, epoch).into_iter().collect::<Result<_>>().unwrap()]
        })
    }

    #[test]
    fn batches_of_a_device_are_those_of_the_cpu() {
        let data = data();
        // A model's own normalization; masks hold the mean of the clips all the same.
        let normalization = Normalization::uniform(11, -30.0, 7.0);
        let exposure =
            |made: &[Unknown]| Exposure { split: "ood-val".into(), made: made.into(), ..Exposure::default() };
        let kinds = [Unknown::Mixture, Unknown::Inverted, Unknown::ShuffledPatches];
        for augment in
            [SpectrogramAugment::off(), SpectrogramAugment::light(), SpectrogramAugment::strong(), everything()]
        {
            for exposure in [Exposure::default(), exposure(&[]), exposure(&kinds)] {
                let config =
                    TrainConfig { augment: augment.clone(), exposure, batch_size: 7, ..TrainConfig::default() };
                assert!(has_kernels(&config));
                let resident = Resident::new(Body::Twin, &data, &normalization, &Device::Cpu).unwrap().unwrap();
                let assembler =
                    Assembler { data: &data, config: &config, normalization: &normalization, unit_per_db: 0.23 };
                for epoch in 1..=4 {
                    let [made, expected] = batches_of(assembler, &resident, epoch);
                    assert_eq!(made.len(), expected.len());
                    for (made, expected) in made.iter().zip(&expected) {
                        let bits =
                            |batch: &Batch| -> Vec<u32> { batch.mel.iter().map(|cell| cell.to_bits()).collect() };
                        assert!(bits(made) == bits(expected), "{:?} {:?}", config.augment, config.exposure);
                        assert_eq!((&made.targets, &made.rows), (&expected.targets, &expected.rows));
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_no_kernel_is_left_to_the_cpu() {
        let made = vec![Unknown::Inverted, Unknown::NoiseFilled];
        let config = TrainConfig { exposure: Exposure { made, ..Exposure::default() }, ..TrainConfig::default() };
        assert!(!has_kernels(&config) && has_kernels(&TrainConfig::default()));
    }

    #[test]
    fn only_clips_that_batches_take_are_copied() {
        let data = data();
        let normalization = &data.normalization;
        let resident = Resident::new(Body::Twin, &data, normalization, &Device::Cpu).unwrap().unwrap();
        assert_eq!(resident.places[20], u32::MAX);
        assert_eq!(resident.places[21..], [20, 21, 22, 23, 24]);
    }
}
