//! Windows over recordings: the classifier's spectrograms and, where a detector looks at a backbone, the backbone's.

use crate::chain::{Chain, ClipSpectrogram};
use crate::error::{Context, Result, bail};
use crate::input::Input;
use crate::model::Model;
use crate::unknown::{ClipKey, Detectors, Mels, Outputs, Wants};
use audio_io::{ClipConfig, Placement, Windowing};
use features::FrontEnd;

/// The front ends of a model, over whole recordings.
pub struct Windows {
    chain: Chain,
    front_end: FrontEnd,
    /// The backbone's, where there is one.
    backbone: Option<(Chain, FrontEnd)>,
}

/// One window of a recording.
pub struct Window {
    /// Which of the inputs it is of.
    pub input: usize,
    /// The classifier's spectrogram.
    pub clip: ClipSpectrogram,
    /// The backbone's spectrogram.
    backbone_mel: Option<Vec<f32>>,
}

impl Windows {
    /// The model's windows over whole recordings, overlapping by so many seconds.
    ///
    /// # Errors
    /// An overlap that is negative or not shorter than the window, or a front end that this version does not compute.
    pub fn sliding(model: &Model, detectors: Option<&Detectors>, overlap_s: f64) -> Result<Self> {
        let chain = sliding(&model.chain()?, overlap_s)?;
        let backbone = match detectors.and_then(|detectors| detectors.backbone_front_end.as_ref()) {
            None => None,
            Some(front_end) => {
                let chain = sliding(&Chain::from_header(front_end, &model.path)?, overlap_s)?;
                let front_end = chain.build()?;
                Some((chain, front_end))
            }
        };
        Ok(Self { front_end: chain.build()?, chain, backbone })
    }

    /// The windows of one recording, which is number `nth` of the inputs.
    ///
    /// # Errors
    /// A recording that cannot be read or holds no sound.
    #[tracing::instrument(level = "debug", skip_all, fields(recording = %input.name))]
    pub fn of(&self, nth: usize, input: &Input) -> Result<Vec<Window>> {
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

    /// Runs the classifier, and the backbone where there is one; none where there are no windows. `name` is what an
    /// input is called.
    ///
    /// # Errors
    /// Outputs that are not finite, or spectrograms of another shape than a network takes.
    pub fn outputs<'a>(
        &self,
        model: &Model,
        detectors: Option<&Detectors>,
        windows: &[Window],
        name: impl Fn(usize) -> &'a str,
    ) -> Result<Option<Outputs>> {
        let Some(first) = windows.first() else { return Ok(None) };
        let backbone = match detectors.and_then(|detectors| detectors.backbone.as_ref()).zip(self.backbone.as_ref()) {
            None => None,
            Some((backbone, (_, front_end))) => {
                let mels: Vec<&[f32]> = windows.iter().filter_map(|window| window.backbone_mel.as_deref()).collect();
                Some(backbone.outputs(&mels, mels[0].len() / front_end.n_bands())?)
            }
        };
        let key = |window: &Window| {
            let (path, clip) = (name(window.input), &window.clip);
            let channel = clip.channel.map_or_else(String::new, |channel| format!("#{channel}"));
            ClipKey {
                id: format!("{path}@{:.3}{channel}", clip.start_s),
                path: path.to_owned(),
                start_ms: (clip.start_s * 1000.0).round() as u64,
                group: path.to_owned(),
                class: None,
                split: String::new(),
            }
        };
        let mels = Mels {
            mels: windows.iter().map(|window| window.clip.mel.as_slice()).collect(),
            n_frames: first.clip.n_frames,
            wants: detectors.map_or_else(Wants::default, Detectors::wants),
        };
        Outputs::of_mels(model.forward(), &mels, backbone, windows.iter().map(key).collect()).map(Some)
    }
}

/// A chain whose windows slide over the whole recording.
fn sliding(chain: &Chain, overlap_s: f64) -> Result<Chain> {
    if !(0.0..chain.clip.window.seconds).contains(&overlap_s) {
        bail!("--overlap {overlap_s}: expected less than the model's window of {} s", chain.clip.window.seconds);
    }
    let window = Windowing { placement: Placement::Sliding { overlap_s }, ..chain.clip.window };
    Ok(Chain { clip: ClipConfig { window, ..chain.clip }, ..chain.clone() })
}
