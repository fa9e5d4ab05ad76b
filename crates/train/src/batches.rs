//! The batches of an epoch, whatever makes them.

use crate::batch::{Assembler, Batch};
use crate::resident::{Planned, Resident};
use crate::sampler::Turn;
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use std::ops::Range;
use std::sync::mpsc::Receiver;
use std::thread::Scope;

/// Batches that are on their way.
pub(crate) enum Batches<'a> {
    /// Made by the CPU.
    Host(Receiver<Result<Batch>>),
    /// Drawn by the CPU, made by the device.
    Device(&'a Resident, Receiver<Planned>),
}

/// The spectrograms of a batch, `[B, M, T]`.
pub(crate) enum Mel {
    Host(Vec<f32>),
    Device(Tensor),
}

/// What a step computes with.
pub(crate) struct Input {
    pub(crate) mel: Mel,
    /// `[B, C]`
    pub(crate) targets: Vec<f32>,
    pub(crate) rows: Vec<usize>,
}

impl<'a> Batches<'a> {
    /// Begins an epoch.
    pub(crate) fn spawn<'scope>(
        scope: &'scope Scope<'scope, '_>,
        assembler: Assembler<'scope>,
        resident: Option<&'scope Resident>,
        turns: Vec<Turn>,
        epoch: usize,
    ) -> Self
    where
        'scope: 'a,
    {
        match resident {
            Some(resident) => Self::Device(resident, resident.spawn(scope, assembler, turns, epoch)),
            None => Self::Host(assembler.spawn(scope, turns, epoch)),
        }
    }

    /// The next batch.
    ///
    /// # Errors
    /// A shard that cannot be read, or an error of the device.
    pub(crate) fn next(&self) -> Result<Input> {
        match self {
            Self::Host(batches) => {
                let Batch { mel, targets, rows } = batches.recv().map_err(|_| Error::Worker)??;
                Ok(Input { mel: Mel::Host(mel), targets, rows })
            }
            Self::Device(resident, batches) => {
                let planned = batches.recv().map_err(|_| Error::Worker)?;
                let mel = Mel::Device(resident.batch(&planned)?);
                let Planned { targets, rows, .. } = planned;
                Ok(Input { mel, targets, rows })
            }
        }
    }
}

impl Mel {
    /// Some of the clips of `[n_mels, n_frames]`, on the device.
    pub(crate) fn part(&self, clips: Range<usize>, [n_mels, n_frames]: [usize; 2], device: &Device) -> Result<Tensor> {
        let shape = (clips.len(), n_mels, n_frames);
        Ok(match self {
            Self::Host(mel) => {
                let n_cells = n_mels * n_frames;
                let mel = &mel[clips.start * n_cells..clips.end * n_cells];
                Tensor::from_slice(mel, shape, &Device::Cpu)?.to_device(device)?
            }
            Self::Device(mel) if clips.len() == mel.dim(0)? => mel.clone(),
            Self::Device(mel) => mel.narrow(0, clips.start, clips.len())?.force_contiguous()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_batch_are_the_same_wherever_it_is() {
        let cells: Vec<f32> = (0..30).map(|cell| cell as f32).collect();
        let device = Mel::Device(Tensor::from_slice(&cells, (5, 2, 3), &Device::Cpu).unwrap());
        let host = Mel::Host(cells);
        for clips in [0..5, 0..2, 2..5] {
            let part = |mel: &Mel| {
                let part = mel.part(clips.clone(), [2, 3], &Device::Cpu).unwrap();
                assert_eq!((part.dims(), part.layout().start_offset()), (&[clips.len(), 2, 3][..], 0));
                part.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            assert_eq!(part(&host), part(&device));
        }
    }
}
