//! What every candidate computes for every clip, as it is and under each condition of the stress tests. A recording is
//! decoded once for all of them.

use super::backbone::Pretrained;
use super::network::Network;
use super::table::{Clip, Table};
use crate::error::{Error, Result, bail};
use crate::job::Job;
use crate::named::Named;
use crate::stress::Condition;
use candle_core::{Device, Tensor};
use classifier::{HeadRows, predict_mels};
use inference::{Chain, FrontEnd, Model, decode, reason};
use rayon::prelude::*;
use shard::Skipped;

/// Clips whose spectrograms are in memory at once, under all conditions.
const BLOCK: usize = 16;

/// A candidate that is trained, with the model of each fold.
pub(super) struct Trained {
    /// What it is.
    pub(super) network: Network,
    /// By fold.
    pub(super) folds: Vec<Model>,
}

/// What was computed under one condition.
#[derive(Debug, Clone, Default)]
pub(super) struct OfCondition {
    /// Width of the pretrained embedding, D.
    pub(super) dim: usize,
    /// `[N, D]`.
    pub(super) embedding: Vec<f32>,
    /// Classes of the pretrained network, K.
    pub(super) n_own: usize,
    /// `[N, K]`.
    pub(super) log_odds: Vec<f32>,
    /// By candidate that is trained: `[N, C]`, from the model that the clip was held out of.
    pub(super) networks: Vec<Vec<f32>>,
}

impl OfCondition {
    /// What heads are fitted on.
    pub(super) fn rows(&self) -> HeadRows<'_> {
        HeadRows { dim: self.dim, embedding: &self.embedding, n_own: self.n_own, log_odds: &self.log_odds }
    }

    /// The clips `rows` alone, for heads.
    pub(super) fn subset(&self, rows: &[usize]) -> Self {
        let take = |values: &[f32], width: usize| -> Vec<f32> {
            rows.iter().flat_map(|&row| values[row * width..(row + 1) * width].iter().copied()).collect()
        };
        Self {
            embedding: take(&self.embedding, self.dim),
            log_odds: take(&self.log_odds, self.n_own),
            networks: Vec::new(),
            ..*self
        }
    }
}

/// What was computed for the clips that could be used.
pub(super) struct Measured {
    /// The clips, known ones first.
    pub(super) clips: Vec<Clip>,
    /// None for the clips as they are, then each condition; rows are known clips.
    pub(super) conditions: Vec<(Option<Condition>, OfCondition)>,
    /// What the pretrained network computes for unknown sounds as they are.
    pub(super) unknowns: OfCondition,
    /// Recordings that could not be used.
    pub(super) skipped: Vec<Skipped>,
}

/// The front ends of all candidates under one condition.
struct Cut {
    condition: Option<Condition>,
    chains: Vec<(Chain, FrontEnd)>,
}

/// Decodes every clip, and runs every candidate over it.
pub(super) fn measure(
    table: &Table,
    backbone: Option<&Pretrained>,
    trained: &[Trained],
    seed: u64,
    job: &Job<'_>,
) -> Result<Measured> {
    let chains = chains(backbone, trained)?;
    let built = |chain: Chain| -> Result<(Chain, FrontEnd)> {
        let front_end = chain.build()?;
        Ok((chain, front_end))
    };
    // A front end does not depend on how clips are cut: each is built once for all conditions.
    let chains = chains.into_iter().map(built).collect::<Result<Vec<_>>>()?;
    let cuts = std::iter::once(None).chain(Condition::ALL.iter().map(|(_, condition, _)| Some(*condition)));
    let cuts: Vec<Cut> = cuts.map(|condition| Cut::new(condition, &chains)).collect();
    let mut conditions: Vec<_> = cuts.iter().map(|cut| (cut.condition, OfCondition::empty(trained.len()))).collect();
    let (mut clips, mut skipped, mut unknowns) = (Vec::new(), Vec::new(), OfCondition::empty(0));
    let progress = job.progress("stress tests", table.clips.len());
    for block in table.clips.chunks(BLOCK) {
        job.check("run the same command with --resume to go on")?;
        let mels = |clip: &Clip| mels_of(clip, if clip.class.is_some() { &cuts } else { &cuts[..1] }, seed);
        let all: Vec<Result<Vec<Vec<Mel>>>> = block.par_iter().map(mels).collect();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (clip, mels) in block.iter().zip(all) {
            match mels {
                Ok(mels) if clip.class.is_some() => known.push((clip, mels)),
                Ok(mels) => unknown.push((clip, mels)),
                Err(error) => {
                    let reason = reason(&error, &clip.input.path);
                    job.warn(format!("{}: {reason}", clip.input.name));
                    skipped.push(Skipped { path: clip.input.name.clone(), reason });
                }
            }
        }
        for (nth, (_, of_condition)) in conditions.iter_mut().enumerate() {
            let of_cut: Vec<(&Clip, &[Mel])> = known.iter().map(|(clip, cuts)| (*clip, &cuts[nth][..])).collect();
            of_condition.extend(&of_cut, backbone, trained, job)?;
        }
        let of_unknown: Vec<(&Clip, &[Mel])> = unknown.iter().map(|(clip, cuts)| (*clip, &cuts[0][..])).collect();
        unknowns.extend(&of_unknown, backbone, &[], job)?;
        clips.extend(known.iter().map(|(clip, _)| (*clip).clone()));
        progress.inc(block.len());
    }
    // Unknown sounds that could be used come last, as in the table.
    let lost = |clip: &&Clip| !skipped.iter().any(|skip| skip.path == clip.input.name);
    clips.extend(table.clips.iter().filter(|clip| clip.class.is_none()).filter(lost).cloned());
    for class in 0..table.classes.len() as u32 {
        if !clips.iter().any(|clip| clip.class == Some(class)) {
            bail!("class {}: no recording of it could be used; the reasons are above", table.classes[class as usize]);
        }
    }
    Ok(Measured { clips, conditions, unknowns, skipped })
}

/// A spectrogram and its number of frames.
type Mel = (Vec<f32>, usize);

/// The front ends, each once: that of the backbone first, where there is one.
fn chains(backbone: Option<&Pretrained>, trained: &[Trained]) -> Result<Vec<Chain>> {
    let mut chains: Vec<Chain> = backbone.map(|backbone| backbone.chain.clone()).into_iter().collect();
    for of in trained {
        let chain = of.folds[0].chain()?;
        if !chains.contains(&chain) {
            chains.push(chain);
        }
    }
    Ok(chains)
}

impl Cut {
    fn new(condition: Option<Condition>, chains: &[(Chain, FrontEnd)]) -> Self {
        let changed = |(chain, front_end): &(Chain, FrontEnd)| {
            let clip = condition.map_or(chain.clip, |condition| condition.clip_config(&chain.clip));
            (Chain { clip, ..chain.clone() }, front_end.clone())
        };
        Self { condition, chains: chains.iter().map(changed).collect() }
    }
}

/// The spectrograms of a clip by each cut and front end.
fn mels_of(clip: &Clip, cuts: &[Cut], seed: u64) -> Result<Vec<Vec<Mel>>> {
    let input = &clip.input;
    let bytes = input.read()?;
    let decoded = decode(&bytes, &input.path, None)?;
    let sha256 = shard::sha256_hex(&bytes);
    drop(bytes);
    let of_cut = |cut: &Cut| -> Result<Vec<Mel>> {
        let changed = match cut.condition {
            None => None,
            Some(condition) => Some(condition.apply(&decoded, &input.row, &sha256, seed)?),
        };
        let (decoded, row) =
            changed.as_ref().map_or((&decoded, &input.row), |changed| (&*changed.decoded, &changed.row));
        let of_chain = |(chain, front_end): &(Chain, FrontEnd)| -> Result<Mel> {
            let clips = chain.spectrograms(front_end, decoded, row)?;
            let silence = clips.first().and_then(|clip| clip.silence);
            match (clips.into_iter().find(|clip| clip.silence.is_none()), silence) {
                (Some(clip), _) => Ok((clip.mel, clip.n_frames)),
                (None, Some(silence)) => Err(audio_io::Error::Silent(silence).into()),
                (None, None) => Err(Error::Invalid("no sound".into())),
            }
        };
        cut.chains.iter().map(of_chain).collect()
    };
    cuts.iter().map(of_cut).collect()
}

impl OfCondition {
    fn empty(n_networks: usize) -> Self {
        Self { networks: vec![Vec::new(); n_networks], ..Self::default() }
    }

    /// Adds what the candidates compute for more clips.
    fn extend(
        &mut self,
        clips: &[(&Clip, &[Mel])],
        backbone: Option<&Pretrained>,
        trained: &[Trained],
        job: &Job<'_>,
    ) -> Result<()> {
        if clips.is_empty() {
            return Ok(());
        }
        if let Some(backbone) = backbone {
            let n_frames = clips[0].1[0].1;
            let all: Vec<f32> = clips.iter().flat_map(|(_, mels)| mels[0].0.iter().copied()).collect();
            let n_bands = all.len() / clips.len() / n_frames;
            let mel = Tensor::from_vec(all, (clips.len(), n_bands, n_frames), &Device::Cpu)?.to_device(&job.device)?;
            let Some(of) = backbone.body.pretrained(&mel)? else { bail!("the backbone has no classes of its own") };
            (self.dim, self.n_own) = (of.embedding.dim(1)?, of.log_odds.dim(1)?);
            self.embedding.extend(of.embedding.flatten_all()?.to_vec1::<f32>()?);
            self.log_odds.extend(of.log_odds.flatten_all()?.to_vec1::<f32>()?);
        }
        for (of, logits) in trained.iter().zip(&mut self.networks) {
            let front_end =
                chains(backbone, trained)?.iter().position(|chain| of.folds[0].chain().ok().as_ref() == Some(chain));
            let front_end = front_end.unwrap_or(0);
            let n_classes = of.folds[0].header.classes.len();
            let mut of_clips = vec![0.0; clips.len() * n_classes];
            for (fold, model) in of.folds.iter().enumerate() {
                let rows: Vec<usize> = (0..clips.len()).filter(|&row| clips[row].0.fold == Some(fold)).collect();
                if rows.is_empty() {
                    continue;
                }
                let mels: Vec<&[f32]> = rows.iter().map(|&row| clips[row].1[front_end].0.as_slice()).collect();
                let n_frames = clips[rows[0]].1[front_end].1;
                let n_mels = mels[0].len() / n_frames;
                let name = |nth: usize| clips[rows[nth]].0.input.name.clone();
                let answers = predict_mels(model.forward()?, &mels, n_mels, n_frames, BLOCK, &name)?;
                for (row, answer) in rows.iter().zip(answers.logits.chunks_exact(n_classes)) {
                    of_clips[row * n_classes..][..n_classes].copy_from_slice(answer);
                }
            }
            logits.extend(of_clips);
        }
        Ok(())
    }
}
