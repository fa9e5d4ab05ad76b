//! Clips that are in the memory of a device, and the batches that are made of them there: gathered, augmented, normalized and
//! mixed, as drawn by the host.

mod chacha;
mod twin;
mod words;

use super::maps::host;
use super::{Body, Launch};
use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Threads that make a clip.
const THREADS: usize = 512;

/// What a clip of a batch is made of. Rows are numbers of clips in a [`ClipStore`].
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A row as it is.
    Row(u32),
    /// The mean of two rows.
    Mixture(u32, u32),
    /// A row with high bands for low, late for early and loud for quiet, between its own extremes.
    Inverted(u32),
    /// A row in patches of some bands and frames, and which patch each one becomes; what is left over stays.
    Shuffled {
        /// The row.
        row: u32,
        /// Bands and frames of a patch.
        patch: [usize; 2],
        /// Patches of the lowest bands first.
        order: Vec<u32>,
    },
}

/// Noise in a clip, in the units of its spectrogram where not in decibels.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipNoise {
    /// How far its mean is below the loudest cell, in decibels.
    pub below_db: f32,
    /// Its slope over the bands, from minus to plus so many decibels.
    pub tilt_db: f32,
    /// Units of the spectrogram per decibel.
    pub unit_per_db: f32,
    /// Units of the spectrogram per factor e of power.
    pub unit_per_e: f32,
    /// The key of ChaCha with 8 rounds.
    pub key: [u32; 8],
    /// Its stream, whose upper 32 bits are 0.
    pub stream: u32,
    /// The first word of that stream that is a cell's: each has two.
    pub word: u32,
}

/// How a clip is mixed with the one after it.
#[derive(Debug, Clone, PartialEq)]
pub enum ClipMix {
    /// Not at all.
    None,
    /// All cells, of which the clip keeps this share.
    All(f32),
    /// These frames are the other's.
    Frames(Range<usize>),
}

/// A clip of a batch: what is done to it, in this order. The steps are those of the crate `augment`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipSteps {
    /// What it is made of.
    pub source: Source,
    /// The frames that are kept and repeated over all.
    pub excerpt: Option<Range<usize>>,
    /// A frame of the time axis and where it is moved to, between the first and the last one.
    pub warp: Option<[f32; 2]>,
    /// Frames by which the clip is rolled to the right, fewer than it has.
    pub roll: usize,
    /// Bands by which it is moved up, or down where negative; what comes in has its lowest cell.
    pub up: isize,
    /// Gain and tilt.
    pub color: Option<[f32; 2]>,
    /// What each band gets added; empty for nothing.
    pub curve: Vec<f32>,
    /// How far below the loudest cell a gate's level is, and what it leaves there.
    pub gate: Option<[f32; 2]>,
    /// The noise.
    pub noise: Option<ClipNoise>,
    /// The first band of those that get the lowest cell.
    pub cutoff: Option<usize>,
    /// Which bands are masked; empty for none.
    pub dropped: Vec<bool>,
    /// Frames that are masked.
    pub time_masks: Vec<Range<usize>>,
    /// Bands that are masked.
    pub frequency_masks: Vec<Range<usize>>,
    /// How it is mixed, after it is normalized.
    pub mix: ClipMix,
}

impl ClipSteps {
    /// A row that stays as it is.
    pub fn of_row(row: u32) -> Self {
        Self {
            source: Source::Row(row),
            excerpt: None,
            warp: None,
            roll: 0,
            up: 0,
            color: None,
            curve: Vec::new(),
            gate: None,
            noise: None,
            cutoff: None,
            dropped: Vec::new(),
            time_masks: Vec::new(),
            frequency_masks: Vec::new(),
            mix: ClipMix::None,
        }
    }

    /// Whether all of it is inside of `n_rows` clips of these sizes: a kernel does not check.
    fn fits(&self, n_rows: usize, [n_mels, n_frames]: [usize; 2]) -> bool {
        let row = |row: u32| (row as usize) < n_rows;
        let source = match &self.source {
            Source::Row(own) | Source::Inverted(own) => row(*own),
            Source::Mixture(own, other) => row(*own) && row(*other),
            Source::Shuffled { row: own, patch: [high, long], order } => {
                let sizes = (1..=n_mels).contains(high) && (1..=n_frames).contains(long);
                let n = || (n_mels / high) * (n_frames / long);
                row(*own) && sizes && order.len() == n() && order.iter().all(|patch| (*patch as usize) < n())
            }
        };
        let within = |ranges: &[Range<usize>], n: usize| ranges.iter().all(|r| r.start <= r.end && r.end <= n);
        let of_bands = |n: usize| n == 0 || n == n_mels;
        source
            && self.excerpt.iter().all(|kept| kept.start < kept.end && kept.end <= n_frames)
            && self.roll < n_frames
            && self.up.unsigned_abs() < n_mels
            && self.cutoff.is_none_or(|cutoff| cutoff <= n_mels)
            && of_bands(self.curve.len())
            && of_bands(self.dropped.len())
            && within(&self.time_masks, n_frames)
            && within(&self.frequency_masks, n_mels)
            && !matches!(&self.mix, ClipMix::Frames(cut) if !within(std::slice::from_ref(cut), n_frames))
    }
}

/// Clips in the memory of a device.
#[derive(Debug)]
pub struct ClipStore {
    body: Body,
    /// `[N, M, T]`
    cells: Tensor,
    /// What masked cells hold, means and factors, `[3, M]`.
    bands: Tensor,
}

impl ClipStore {
    /// Memory for `n` clips of `[n_mels, n_frames]`. `fill` is what masked cells of each band hold before they are normalized, `mean`
    /// and `std` normalize.
    ///
    /// # Errors
    /// No clip or no cell, other numbers of bands, or no memory on the device.
    pub fn new(
        body: Body,
        [n, n_mels, n_frames]: [usize; 3],
        [fill, mean, std]: [&[f32]; 3],
        device: &Device,
    ) -> Result<Self> {
        if n * n_mels * n_frames == 0 || [fill, mean, std].iter().any(|values| values.len() != n_mels) {
            bail!("clips: expected {n} clips of {n_mels} bands and {n_frames} frames, and values of as many bands");
        }
        let factors: Vec<f32> = std.iter().map(|std| 1.0 / std).collect();
        let bands = [fill, mean, &factors].concat();
        Ok(Self {
            body,
            cells: Tensor::zeros((n, n_mels, n_frames), DType::F32, device)?,
            bands: Tensor::from_vec(bands, (3, n_mels), device)?,
        })
    }

    /// Copies clips, one after the other, to the rows from `first` on.
    ///
    /// # Errors
    /// Clips that do not fit, or an error of the device.
    pub fn put(&self, first: usize, cells: &[f32]) -> Result<()> {
        let (_, n_mels, n_frames) = self.cells.dims3()?;
        let shape = (cells.len() / (n_mels * n_frames), n_mels, n_frames);
        self.cells.slice_set(&Tensor::from_slice(cells, shape, self.cells.device())?, 0, first)
    }

    /// A batch, `[B, M, T]`. Of its clips the first `n_mixed` are mixed as they say: each with the one after it, the last of
    /// them with the first.
    ///
    /// # Errors
    /// No clips, steps that go beyond the clips, or an error of the device.
    pub fn batch(&self, clips: &[ClipSteps], n_mixed: usize) -> Result<Tensor> {
        let (n_rows, n_mels, n_frames) = self.cells.dims3()?;
        let sizes = [n_mels, n_frames];
        if clips.is_empty() || n_mixed > clips.len() || !clips.iter().all(|clip| clip.fits(n_rows, sizes)) {
            bail!("clips: a batch that does not fit {n_rows} clips of {n_mels} bands and {n_frames} frames");
        }
        let shape = Shape::from((clips.len(), n_mels, n_frames));
        match self.body {
            Body::Kernel => {
                let (table, width) = words::table(clips, sizes)?;
                let table = Tensor::from_vec(table, (clips.len(), width), self.cells.device())?;
                let launch = Launch::once("clips", "clips").grid(clips.len(), 1, THREADS);
                let launch = launch.read(&table)?.read(&self.cells)?.read(&self.bands)?;
                let [made] = launch.ints_of(&[width, n_mels, n_frames])?.run([(shape.clone(), DType::F32)])?;
                if clips[..n_mixed].iter().all(|clip| clip.mix == ClipMix::None) {
                    return Ok(made);
                }
                let launch = Launch::once("clips", "mixed_clips").threads(shape.elem_count());
                let launch = launch.read(&table)?.read(&made)?;
                let launch = launch.ints_of(&[width, clips.len(), n_mixed, n_mels, n_frames])?;
                let [mixed] = launch.run([(shape, DType::F32)])?;
                Ok(mixed)
            }
            Body::Twin => {
                let (cells, bands) = (host::<f32>(&self.cells)?, host::<f32>(&self.bands)?);
                Tensor::from_vec(twin::batch(clips, n_mixed, &cells, &bands, sizes), shape, &Device::Cpu)
            }
            Body::Operations => bail!("clips: only on a CUDA device"),
        }
    }
}
