//! What the networks of a model looked at in a window.
//!
//! Each network has a front end of its own, so a map is over the spectrogram of its network, which is given with it. It says
//! where the class's logit comes from, not whether the answer is right; docs/saliency.md has what was measured.

use crate::chain::Chain;
use crate::error::{Context, Result, bail};
use crate::model::{Member, Model};
use crate::windows::{Window, Windows};
use candle_core::Tensor;
use classifier::{Maps, Method};

/// Windows that are computed together.
const BATCH: usize = 32;

/// What one network looked at in one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Saliency {
    /// How the map was computed.
    pub method: Method,
    /// Name of the network, where the model averages several.
    pub member: Option<String>,
    /// The front end of the network, in words.
    pub front_end: String,
    /// Bands of its spectrogram.
    pub n_bands: usize,
    /// Frames of its spectrogram.
    pub n_frames: usize,
    /// Bands and frames of a cell of the network's own grid: the map shows nothing smaller.
    pub cell: [usize; 2],
    /// The map, `[n_bands, n_frames]` row-major from low to high band: 0 to 1, its largest value 1; all 0 where nothing speaks
    /// for the class.
    pub values: Vec<f32>,
    /// The spectrogram, `[n_bands, n_frames]`, as the front end gives it.
    pub mel: Vec<f32>,
    /// Center frequency of each band, `[n_bands]`; empty where bands have none.
    pub band_hz: Vec<f32>,
    /// Unit of the bands.
    pub unit: &'static str,
    /// Seconds from the first frame to the end of the last: length of the time axis.
    pub seconds: f64,
}

/// What the networks of a model looked at in one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// A map of each network that has one.
    pub maps: Vec<Saliency>,
    /// Why the other networks have none.
    pub without: Vec<String>,
}

impl Windows {
    /// Where in windows the networks of the model saw a class; `class` is that of each window, and `method` none for the usual
    /// one of each network.
    ///
    /// # Errors
    /// A class that the model does not have, windows of another model's front ends, or as for [`outputs`](Self::outputs).
    pub fn saliency(
        &self,
        model: &Model,
        windows: &[&Window],
        class: &[usize],
        method: Option<Method>,
    ) -> Result<Vec<Explanation>> {
        if windows.len() != class.len() {
            bail!("saliency: expected a class for each of {} windows, got {}", windows.len(), class.len());
        }
        let mut explained: Vec<Explanation> = windows.iter().map(|_| Explanation::default()).collect();
        for (nth, member) in model.members.iter().enumerate() {
            let (chain, _) = &self.front_ends[self.of_member[nth]];
            if let Some(onnx) = &chain.onnx {
                let why =
                    format!("{}: {} computes before our network, and it is not looked into", member.name, onnx.name());
                explained.iter_mut().for_each(|explanation| explanation.without.push(why.clone()));
                continue;
            }
            let picture = Picture::new(chain, (model.members.len() > 1).then(|| member.name.clone()))?;
            for (first, part) in windows.chunks(BATCH).enumerate().map(|(nth, part)| (nth * BATCH, part)) {
                let mels: Vec<(&[f32], usize)> = part.iter().map(|window| self.mel_of_member(window, nth)).collect();
                let maps = maps(model, member, &mels, &class[first..first + part.len()], method);
                let maps = maps.with_context(|| format!("{}: what it looked at", member.name))?;
                let explained = &mut explained[first..first + part.len()];
                let Some(maps) = maps else {
                    let why = format!("{}: no such map for a network of this kind", member.name);
                    explained.iter_mut().for_each(|explanation| explanation.without.push(why.clone()));
                    continue;
                };
                let size = mels[0].0.len();
                let values = classifier::scaled(maps.values, size);
                for ((explanation, values), (mel, n_frames)) in explained.iter_mut().zip(values.chunks(size)).zip(mels)
                {
                    explanation.maps.push(picture.of(values, mel, n_frames, maps.method, maps.cell));
                }
            }
        }
        Ok(explained)
    }

    /// The spectrogram of a network of the model, `[n_bands, n_frames]`, and its number of frames.
    pub fn mel_of_member<'a>(&self, window: &'a Window, member: usize) -> (&'a [f32], usize) {
        window.mel(self.of_member[member])
    }
}

/// The maps of windows, all of one size.
fn maps(
    model: &Model,
    member: &Member,
    mels: &[(&[f32], usize)],
    class: &[usize],
    method: Option<Method>,
) -> Result<Option<Maps>> {
    let (n_frames, n_bands) = (mels[0].1, member.normalization.mean.len());
    let mut values = Vec::with_capacity(mels.len() * n_bands * n_frames);
    for (mel, _) in mels {
        if mel.len() != n_bands * n_frames {
            bail!("expected [{n_bands}, {n_frames}], got {} values", mel.len());
        }
        let first = values.len();
        values.extend_from_slice(mel);
        member.normalization.apply(&mut values[first..], n_frames);
    }
    let mel = Tensor::from_vec(values, (mels.len(), n_bands, n_frames), &candle_core::Device::Cpu)?;
    let mel = mel.to_device(&model.device)?;
    Ok(kernels::with(model.compute, || classifier::saliency(&*member.classifier, &mel, class, method))?)
}

/// What all maps of a network have in common.
struct Picture {
    member: Option<String>,
    front_end: String,
    band_hz: Vec<f32>,
    unit: &'static str,
    hop_s: f64,
}

impl Picture {
    fn new(chain: &Chain, member: Option<String>) -> Result<Self> {
        let front_end = chain.build_picture()?;
        let (band_hz, unit) = (front_end.band_hz(), front_end.unit());
        Ok(Self { member, front_end: chain.describe(), band_hz, unit, hop_s: chain.hop_s() })
    }

    fn of(&self, values: &[f32], mel: &[f32], n_frames: usize, method: Method, cell: [usize; 2]) -> Saliency {
        Saliency {
            method,
            member: self.member.clone(),
            front_end: self.front_end.clone(),
            n_bands: mel.len() / n_frames.max(1),
            n_frames,
            cell,
            values: values.to_vec(),
            mel: mel.to_vec(),
            band_hz: self.band_hz.clone(),
            unit: self.unit,
            seconds: n_frames as f64 * self.hop_s,
        }
    }
}
