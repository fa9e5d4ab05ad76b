//! Batches: augmented, normalized and mixed clips with soft targets, assembled during the previous step.

use crate::Result;
use crate::ahead::read_ahead;
use crate::config::TrainConfig;
use crate::data::Data;
use crate::plan::Plan;
use crate::sampler::{Turn, batches};
use classifier::Normalization;
use rayon::prelude::*;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Batches that are assembled ahead of the loop.
pub(crate) const AHEAD: usize = 2;

/// The input of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[B, M, T]`, row-major, normalized.
    pub mel: Vec<f32>,
    /// `[B, C]`, row-major; each row adds up to 1, those of unknown sounds to their weight in the loss.
    pub targets: Vec<f32>,
    /// Row of each clip in the spectrograms, `[B]`; unknown sounds come last.
    pub rows: Vec<usize>,
}

/// Assembles the batches of a run.
#[derive(Debug, Clone, Copy)]
pub struct Assembler<'a> {
    /// The clips.
    pub data: &'a Data,
    /// Augmentation, batch size and seed.
    pub config: &'a TrainConfig,
    /// Normalization of the model's input.
    pub normalization: &'a Normalization,
    /// Units of the spectrogram per decibel.
    pub unit_per_db: f32,
}

impl<'a> Assembler<'a> {
    /// Assembles the batches of an epoch in a thread of its own, in order, up to two ahead. Dropping the receiver ends
    /// the thread.
    pub fn spawn<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        turns: Vec<Turn>,
        epoch: usize,
    ) -> Receiver<Result<Batch>>
    where
        'a: 'scope,
    {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            let mut unmixed = Vec::new();
            let ranges: Vec<_> = batches(turns.len(), self.config.batch_size).collect();
            let rows = |batch: usize| {
                turns[ranges[batch].clone()].iter().map(|turn| self.data.train[turn.example as usize].row as usize)
            };
            std::thread::scope(|scope| {
                let mut read = read_ahead(scope, &self.data.spectrograms, ranges.len(), rows);
                for range in &ranges {
                    let batch =
                        read.next().and_then(|mel| self.made_of(mel, &turns[range.clone()], epoch, &mut unmixed));
                    if sender.send(batch).is_err() {
                        return;
                    }
                }
            });
        });
        receiver
    }

    /// One batch, see [`spawn`](Self::spawn). The generator of a clip is seeded by (seed, clip, epoch, occurrence), so neither the number of threads nor
    /// the other clips of the batch matter, except for mixup and CutMix: their partner is the next clip of the batch, whose
    /// order is random.
    ///
    /// Clips are augmented before they are normalized, because a decibel must be the same in every band; masks are filled
    /// with the mean of the training clips. `unmixed` is memory that is reused.
    ///
    /// # Errors
    /// A shard that cannot be read.
    pub fn assemble(self, turns: &[Turn], epoch: usize, unmixed: &mut Vec<f32>) -> Result<Batch> {
        let n_cells = self.data.spectrograms.n_cells();
        let mut mel = vec![0.0; turns.len() * n_cells];
        mel.par_chunks_exact_mut(n_cells).zip(turns).try_for_each(|(cells, turn)| {
            self.data.spectrograms.read(self.data.train[turn.example as usize].row as usize, cells)
        })?;
        self.made_of(mel, turns, epoch, unmixed)
    }

    /// The batch of clips that are read already, `mel` `[B, M, T]`.
    fn made_of(self, mut mel: Vec<f32>, turns: &[Turn], epoch: usize, unmixed: &mut Vec<f32>) -> Result<Batch> {
        let Self { data, normalization, .. } = self;
        let Plan { rows, unknowns, steps, blends, targets } = self.plan(turns, epoch);
        let (n_cells, n_frames) = (data.spectrograms.n_cells(), data.spectrograms.n_frames);
        mel.resize(rows.len() * n_cells, 0.0); // [B, M, T]
        let of_unknowns = mel[turns.len() * n_cells..].par_chunks_exact_mut(n_cells).zip(&unknowns);
        of_unknowns.try_for_each(|(cells, unknown)| unknown.read(&data.spectrograms, cells))?;
        mel.par_chunks_exact_mut(n_cells).zip(&steps).for_each(|(cells, steps)| {
            steps.apply(cells, n_frames, &data.normalization.mean);
            normalization.apply(cells, n_frames);
        });
        if !blends.is_empty() {
            let clips = &mut mel[..turns.len() * n_cells];
            unmixed.clear();
            unmixed.extend_from_slice(clips);
            clips.par_chunks_exact_mut(n_cells).zip(&blends).enumerate().for_each(|(i, (cells, blend))| {
                let partner = (i + 1) % turns.len() * n_cells;
                blend.apply(cells, &unmixed[partner..partner + n_cells], n_frames);
            });
        }
        Ok(Batch { mel, targets, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exposure;
    use crate::fixture::{Row, spectrograms};
    use crate::sampler::epoch_turns;
    use augment::{SpectrogramAugment, Unknown};

    const ROWS: [Row; 6] = [
        ("dog", "a", "train"),
        ("bird", "b", "train"),
        ("dog", "c", "train"),
        ("bird", "d", "train"),
        ("dog", "e", "train"),
        ("cow", "f", "train"),
    ];

    fn data() -> Data {
        Data::from_spectrograms(spectrograms(&ROWS), "train", "val").unwrap()
    }

    fn config(augment: SpectrogramAugment) -> TrainConfig {
        TrainConfig { batch_size: 4, augment, label_smoothing: 0.3, ..TrainConfig::default() }
    }

    fn epoch(data: &Data, config: &TrainConfig, epoch: usize) -> Vec<Batch> {
        let turns = epoch_turns(&data.strata(), &TrainConfig { balance: false, ..config.clone() }, epoch);
        let assembler = Assembler { data, config, normalization: &data.normalization, unit_per_db: 1.0 };
        std::thread::scope(|scope| assembler.spawn(scope, turns, epoch).iter().collect::<Result<_>>().unwrap())
    }

    #[test]
    fn plain_clips_are_normalized_and_targets_smoothed() {
        let (data, config) = (data(), config(SpectrogramAugment::off()));
        for batch in epoch(&data, &config, 1) {
            for (i, row) in batch.rows.iter().enumerate() {
                let mut expected = vec![0.0; data.spectrograms.n_cells()];
                data.spectrograms.read(*row, &mut expected).unwrap();
                data.normalization.apply(&mut expected, data.spectrograms.n_frames);
                assert_eq!(batch.mel[i * expected.len()..(i + 1) * expected.len()], expected);
                let class = data.train.iter().find(|example| example.row as usize == *row).unwrap().class as usize;
                let target = &batch.targets[i * 3..(i + 1) * 3];
                assert!((0..3).all(|c| (target[c] - if c == class { 0.8 } else { 0.1 }).abs() < 1e-6));
            }
        }
    }

    #[test]
    fn unknowns_come_last_and_are_every_class_alike() {
        let mut rows = ROWS.to_vec();
        rows.extend([("cow", "g", "ood-val"), ("cow", "h", "ood-val")]);
        let data = Data::from_spectrograms(spectrograms(&rows), "train", "val").unwrap();
        let plain = epoch(&data, &config(SpectrogramAugment::off()), 1);
        let data = data.with_unknowns("ood-val").unwrap();
        assert_eq!(data.unknowns, [6, 7]);
        let exposure = Exposure { split: "ood-val".into(), made: vec![Unknown::Inverted], ..Exposure::default() };
        let config = TrainConfig { exposure, ..config(SpectrogramAugment::off()) };
        let exposed = epoch(&data, &config, 1);
        assert_eq!(exposed, epoch(&data, &config, 1));
        let mut sources = std::collections::BTreeSet::new();
        for (exposed, plain) in exposed.iter().zip(&plain) {
            let (n, m) = (plain.rows.len(), plain.rows.len().div_ceil(2));
            assert_eq!((exposed.rows.len(), &exposed.rows[..n]), (n + m, &plain.rows[..]));
            assert!(exposed.mel.starts_with(&plain.mel) && exposed.targets.starts_with(&plain.targets));
            assert!(exposed.targets[n * 3..].iter().all(|target| (target - 0.5 / 3.0).abs() < 1e-6));
            sources.extend(exposed.rows[n..].iter().map(|row| *row >= 6));
        }
        assert!(!sources.is_empty());
        let error = data.with_unknowns("train").unwrap_err().to_string();
        assert!(error.contains("no unknown sound of split train"), "{error}");
    }

    #[test]
    fn mixed_targets_are_the_mix_of_two() {
        let augment = SpectrogramAugment { mixup_alpha: 1.0, ..SpectrogramAugment::off() };
        let (data, config) = (data(), TrainConfig { label_smoothing: 0.0, ..config(augment) });
        let plain = TrainConfig { augment: SpectrogramAugment::off(), ..config.clone() };
        for (mixed, plain) in epoch(&data, &config, 1).iter().zip(epoch(&data, &plain, 1)) {
            let (n, cells) = (mixed.rows.len(), mixed.mel.len() / mixed.rows.len());
            for i in 0..n {
                let next = (i + 1) % n;
                assert!((mixed.targets[i * 3..(i + 1) * 3].iter().sum::<f32>() - 1.0).abs() < 1e-6);
                let (a, b) = (&plain.targets[i * 3..(i + 1) * 3], &plain.targets[next * 3..(next + 1) * 3]);
                if let Some(c) = (0..3).find(|c| a[*c] != b[*c]) {
                    let lambda = (mixed.targets[i * 3 + c] - b[c]) / (a[c] - b[c]);
                    let (x, y) = (plain.mel[i * cells], plain.mel[next * cells]);
                    assert!((mixed.mel[i * cells] - (lambda * x + (1.0 - lambda) * y)).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn cut_targets_are_the_shares_of_the_frames() {
        let augment = SpectrogramAugment { cutmix_alpha: 1.0, ..SpectrogramAugment::off() };
        let (data, config) = (data(), TrainConfig { label_smoothing: 0.0, ..config(augment) });
        let plain = TrainConfig { augment: SpectrogramAugment::off(), ..config.clone() };
        let n_frames = data.spectrograms.n_frames;
        let mut n_mixed = 0;
        for number in 1..20 {
            for (mixed, plain) in epoch(&data, &config, number).iter().zip(epoch(&data, &plain, number)) {
                let (n, cells) = (mixed.rows.len(), mixed.mel.len() / mixed.rows.len());
                for i in 0..n {
                    let next = (i + 1) % n;
                    let at = |batch: &Batch, i: usize, t: usize| batch.mel[i * cells + t];
                    let is_own = |t: &usize| at(mixed, i, *t) == at(&plain, i, *t);
                    let n_own = (0..n_frames).filter(is_own).count();
                    assert!((0..n_frames).all(|t| is_own(&t) || at(mixed, i, t) == at(&plain, next, t)));
                    let share = n_own as f32 / n_frames as f32;
                    for c in 0..3 {
                        let expected = share * plain.targets[i * 3 + c] + (1.0 - share) * plain.targets[next * 3 + c];
                        assert!(n == 1 || (mixed.targets[i * 3 + c] - expected).abs() < 1e-6);
                    }
                    n_mixed += usize::from(n_own < n_frames);
                }
            }
        }
        assert!(n_mixed > 20, "{n_mixed}");
    }

    #[test]
    fn threads_do_not_matter_and_epochs_differ() {
        let (data, config) = (data(), config(SpectrogramAugment::strong()));
        let with = |threads, number| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let turns = epoch_turns(&data.strata(), &TrainConfig { repeat: 3, seed: 5, ..config.clone() }, number);
            let assembler =
                Assembler { data: &data, config: &config, normalization: &data.normalization, unit_per_db: 1.0 };
            pool.install(|| assembler.assemble(&turns, number, &mut Vec::new())).unwrap()
        };
        assert_eq!(with(1, 1), with(3, 1));
        assert_ne!(with(1, 1).mel, with(1, 2).mel);
        assert!(with(2, 1).mel.iter().all(|value| value.is_finite()));
    }
}
