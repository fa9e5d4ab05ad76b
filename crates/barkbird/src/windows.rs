//! Windows over recordings as `predict` sees them: the classifier's spectrograms and, where a backbone listens too, the backbone's.

use crate::front_end::{Chain, ClipSpectrogram};
use crate::inputs::Input;
use crate::model::Loaded;
use crate::outlier::stored::Outlier;
use crate::outlier::table::{Mels, Place, Table};
use anyhow::{Context, Result, bail};
use audio_io::{ClipConfig, Placement, Windowing};
use candle_core::Device;
use features::FrontEnd;

/// The front ends of a model.
pub(crate) struct Ears {
    chain: Chain,
    front_end: FrontEnd,
    /// The backbone's, where there is one.
    backbone: Option<(Chain, FrontEnd)>,
}

/// One window of a recording.
pub(crate) struct Window {
    /// Which of the inputs it is of.
    pub(crate) input: usize,
    /// As the classifier sees it.
    pub(crate) clip: ClipSpectrogram,
    /// As the backbone hears it.
    backbone_mel: Option<Vec<f32>>,
}

impl Ears {
    /// The model's windows laid over the whole recording, overlapping by so much.
    pub(crate) fn sliding(loaded: &Loaded, outlier: Option<&Outlier>, overlap_s: f64) -> Result<Self> {
        let chain = sliding(&loaded.chain()?, overlap_s)?;
        let backbone = match outlier.and_then(|outlier| outlier.backbone_front_end.as_ref()) {
            None => None,
            Some(front_end) => {
                let backbone = sliding(&Chain::from_header(front_end, &loaded.path)?, overlap_s)?;
                let front_end = backbone.build()?;
                Some((backbone, front_end))
            }
        };
        Ok(Self { front_end: chain.build()?, chain, backbone })
    }

    /// The windows of one recording.
    pub(crate) fn windows(&self, nth: usize, input: &Input) -> Result<Vec<Window>> {
        let bytes = std::fs::read(&input.path).context("cannot be read")?;
        let clips = self.chain.spectrograms(&self.front_end, &bytes, &input.path, &input.row)?;
        let of_backbone = match &self.backbone {
            None => Vec::new(),
            Some((chain, front_end)) => chain.spectrograms(front_end, &bytes, &input.path, &input.row)?,
        };
        if self.backbone.is_some() && of_backbone.len() != clips.len() {
            bail!("{} windows for the classifier, {} for the backbone", clips.len(), of_backbone.len());
        }
        let mut of_backbone = of_backbone.into_iter().map(|clip| clip.mel);
        Ok(clips.into_iter().map(|clip| Window { input: nth, clip, backbone_mel: of_backbone.next() }).collect())
    }

    /// Asks the classifier, and the backbone where there is one. `name` says what an input is called.
    pub(crate) fn ask<'a>(
        &self,
        loaded: &Loaded,
        outlier: Option<&Outlier>,
        device: &Device,
        windows: &[Window],
        name: impl Fn(usize) -> &'a str,
    ) -> Result<Option<Table>> {
        let Some(first) = windows.first() else { return Ok(None) };
        let heard = match outlier.and_then(|outlier| outlier.backbone.as_ref()).zip(self.backbone.as_ref()) {
            None => None,
            Some((backbone, (_, front_end))) => {
                let mels: Vec<&[f32]> = windows.iter().filter_map(|window| window.backbone_mel.as_deref()).collect();
                Some(backbone.hear(&mels, mels[0].len() / front_end.n_bands())?)
            }
        };
        let place = |window: &Window| Place {
            path: name(window.input).to_owned(),
            start_ms: (window.clip.start_s * 1000.0).round() as u64,
            group: name(window.input).to_owned(),
            class: None,
            split: String::new(),
        };
        let mels = Mels {
            mels: windows.iter().map(|window| window.clip.mel.as_slice()).collect(),
            n_frames: first.clip.n_frames,
            wants_layers: outlier.is_some_and(Outlier::needs_layers),
            wants_cells: outlier.is_some_and(Outlier::needs_cells),
        };
        Table::of_mels(loaded, device, &mels, heard, windows.iter().map(place).collect()).map(Some)
    }
}

/// The windows of a chain laid over the whole recording.
fn sliding(chain: &Chain, overlap_s: f64) -> Result<Chain> {
    if !(0.0..chain.clip.window.seconds).contains(&overlap_s) {
        bail!("--overlap {overlap_s}: expected less than the model's window of {} s", chain.clip.window.seconds);
    }
    let window = Windowing { placement: Placement::Sliding { overlap_s }, ..chain.clip.window };
    Ok(Chain { clip: ClipConfig { window, ..chain.clip }, ..chain.clone() })
}
