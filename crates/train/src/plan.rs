//! What a batch is made of, drawn before a cell is read: so it is the same whether the host or a card makes the batch.

use crate::batch::Assembler;
use crate::sampler::Turn;
use crate::seeds::{Purpose, seed};
use crate::unknowns::{UnknownSound, draw_unknown};
use augment::{Blend, Drawn, mix, seed_for};
use rayon::prelude::*;

/// The draws of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Row of each clip, `[B]`; unknown sounds come last.
    pub(crate) rows: Vec<usize>,
    /// Those unknown sounds.
    pub(crate) unknowns: Vec<UnknownSound>,
    /// What is done to each clip, `[B]`.
    pub(crate) steps: Vec<Drawn>,
    /// How each clip that is no unknown sound is mixed with the next one; empty where none is.
    pub(crate) blends: Vec<Blend>,
    /// `[B, C]`, see [`Batch::targets`](crate::Batch::targets).
    pub(crate) targets: Vec<f32>,
}

impl Assembler<'_> {
    /// Draws a batch, see [`assemble`](Self::assemble).
    pub(crate) fn plan(self, turns: &[Turn], epoch: usize) -> Plan {
        let Self { data, config, unit_per_db, .. } = self;
        let (n_mels, n_frames) = (data.spectrograms.n_mels, data.spectrograms.n_frames);
        let n_classes = data.classes.len();
        let example = |turn: &Turn| data.train[turn.example as usize];
        let clip_seed = |turn: &Turn| {
            let row = u64::from(example(turn).row);
            seed_for(seed(config.seed, Purpose::Augment, row, epoch as u64), turn.occurrence.into(), 0)
        };
        let n_unknowns = config.exposure.n_unknowns(turns.len());
        let unknown = |nth: u64| {
            let batch = (epoch as u64, clip_seed(&turns[0]));
            draw_unknown(&config.exposure, data, config.seed, batch, nth)
        };
        let unknowns: Vec<UnknownSound> = (0..n_unknowns as u64).map(unknown).collect();

        let of_unknowns = (0..n_unknowns as u64).map(|nth| seed_for(clip_seed(&turns[0]), nth, 1));
        let seeds: Vec<u64> = turns.iter().map(clip_seed).chain(of_unknowns).collect();
        let draw = |seed: &u64| Drawn::of(&config.augment, n_mels, n_frames, unit_per_db, *seed);
        let steps = seeds.par_iter().map(draw).collect();

        let mut rows: Vec<usize> = turns.iter().map(|turn| example(turn).row as usize).collect();
        rows.extend(unknowns.iter().map(|unknown| unknown.row));

        let (mixup_alpha, cutmix_alpha) = (config.augment.mixup_alpha, config.augment.cutmix_alpha);
        let is_mixed = (mixup_alpha > 0.0 || cutmix_alpha > 0.0) && turns.len() > 1;
        let blend = |turn: &Turn| Blend::of(mixup_alpha, cutmix_alpha, n_frames, clip_seed(turn));
        let blends: Vec<Blend> = if is_mixed { turns.iter().map(blend).collect() } else { Vec::new() };

        let mut targets = vec![0.0; turns.len() * n_classes]; // [B, C]
        for (target, turn) in targets.chunks_exact_mut(n_classes).zip(turns) {
            target.fill((config.label_smoothing / n_classes as f64) as f32);
            target[example(turn).class as usize] += (1.0 - config.label_smoothing) as f32;
        }
        let unmixed = targets.clone();
        for (i, (target, blend)) in targets.chunks_exact_mut(n_classes).zip(&blends).enumerate() {
            let partner = (i + 1) % turns.len() * n_classes;
            mix(target, &unmixed[partner..partner + n_classes], blend.kept(n_frames));
        }
        let of_unknown = (config.exposure.weight / n_classes as f64) as f32;
        targets.resize((turns.len() + n_unknowns) * n_classes, of_unknown);
        Plan { rows, unknowns, steps, blends, targets }
    }
}
