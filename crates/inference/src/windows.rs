//! Windows over recordings: the classifier's spectrograms and, where a detector looks at a backbone, the backbone's.

use crate::chain::{Chain, ClipSpectrogram};
use crate::error::{Context, Result, bail};
use crate::input::Input;
use crate::model::Model;
use crate::recording::{damage_words, decode, enough, for_each};
use crate::unknown::{ClipKey, Detectors, Mels, Outputs, Wants};
use audio_io::{ClipConfig, Decoded, Placement, Row, Until, Windowing};
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

/// The windows of one recording.
pub struct Windowed {
    /// In time order, silent ones too.
    pub windows: Vec<Window>,
    /// What is wrong with the recording, in words; empty where nothing is.
    pub damage: String,
}

impl Windowed {
    /// How many windows hold no sound.
    pub fn n_silent(&self) -> usize {
        self.windows.iter().filter(|window| window.clip.silence.is_some()).count()
    }

    /// What a reader should know of the recording: damage, and silence.
    pub fn warning(&self) -> Option<String> {
        let (n, of) = (self.n_silent(), self.windows.len());
        let silence = match n {
            0 => String::new(),
            _ if n == of => "silent".to_owned(),
            _ => format!("{n} of {of} windows are silent"),
        };
        let parts: Vec<&str> = [silence.as_str(), &self.damage].into_iter().filter(|part| !part.is_empty()).collect();
        Some(parts.join("; ")).filter(|text| !text.is_empty())
    }
}

impl Windows {
    /// The model's windows over whole recordings, overlapping by so many seconds.
    ///
    /// # Errors
    /// An overlap that is negative or not shorter than the window, or a front end that this version does not compute.
    pub fn sliding(model: &Model, detectors: Option<&Detectors>, overlap_s: f64) -> Result<Self> {
        Self::new(model, detectors, |chain| sliding(&chain, overlap_s))
    }

    /// The windows that the model's training clips were: of the same placement, so that a recording gives the clips that
    /// `features` gives.
    ///
    /// # Errors
    /// A front end that this version does not compute.
    pub fn as_trained(model: &Model, detectors: Option<&Detectors>) -> Result<Self> {
        Self::new(model, detectors, Ok)
    }

    fn new(model: &Model, detectors: Option<&Detectors>, place: impl Fn(Chain) -> Result<Chain>) -> Result<Self> {
        let built = |chain: Chain| -> Result<(Chain, FrontEnd)> {
            let chain = place(chain)?;
            let front_end = chain.build()?;
            Ok((chain, front_end))
        };
        let (chain, front_end) = built(model.chain()?)?;
        let backbone = detectors.and_then(|detectors| detectors.backbone_front_end.as_ref());
        let backbone = backbone.map(|header| built(Chain::from_header(header, &model.path)?)).transpose()?;
        Ok(Self { chain, front_end, backbone })
    }

    /// The same with other clip settings for all front ends. The sample rate must stay.
    #[must_use]
    pub fn map_clip(mut self, change: impl Fn(&ClipConfig) -> ClipConfig) -> Self {
        for chain in std::iter::once(&mut self.chain).chain(self.backbone.as_mut().map(|(chain, _)| chain)) {
            chain.clip = change(&chain.clip);
        }
        self
    }

    /// How much of a recording the windows of these rows need; none for all of it.
    pub fn until<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Option<Until> {
        let chains = || std::iter::once(&self.chain).chain(self.backbone.as_ref().map(|(chain, _)| chain));
        enough(rows.into_iter().flat_map(|row| chains().map(|chain| chain.until(row))))
    }

    /// The windows of one recording, which is number `nth` of the inputs.
    ///
    /// # Errors
    /// A recording that cannot be read or holds no sound.
    pub fn of(&self, nth: usize, input: &Input) -> Result<Windowed> {
        self.of_rows(nth, std::slice::from_ref(input)).swap_remove(0)
    }

    /// The windows of several rows of one recording, which is read and decoded once; `first` is the number of the first
    /// row among the inputs.
    #[tracing::instrument(level = "debug", skip_all, fields(recording = %rows[0].name, rows = rows.len()))]
    pub(crate) fn of_rows(&self, first: usize, rows: &[Input]) -> Vec<Result<Windowed>> {
        let until = self.until(rows.iter().map(|input| &input.row));
        let decoded = rows[0].read().and_then(|bytes| decode(&bytes, &rows[0].path, until));
        match decoded {
            Ok(decoded) => (first..).zip(rows).map(|(nth, input)| self.of_decoded(nth, input, &decoded)).collect(),
            Err(error) => for_each(error, rows.len()),
        }
    }

    /// The windows of a row of a recording that is decoded already, as far as [`until`](Self::until) says; `nth` is the
    /// number of the row among the inputs.
    ///
    /// # Errors
    /// A row outside the recording, or a channel that it lacks.
    pub fn of_decoded(&self, nth: usize, input: &Input, decoded: &Decoded) -> Result<Windowed> {
        let name = || input.path.display().to_string();
        let clips = self.chain.spectrograms(&self.front_end, decoded, &input.row).with_context(name)?;
        let of_backbone = match &self.backbone {
            None => Vec::new(),
            Some((chain, front_end)) => chain.spectrograms(front_end, decoded, &input.row)?,
        };
        if self.backbone.is_some() && of_backbone.len() != clips.len() {
            bail!("{} windows for the classifier, {} for the backbone", clips.len(), of_backbone.len());
        }
        let mut of_backbone = of_backbone.into_iter().map(|clip| clip.mel);
        let window = |clip| Window { input: nth, clip, backbone_mel: of_backbone.next() };
        Ok(Windowed { windows: clips.into_iter().map(window).collect(), damage: damage_words(decoded) })
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
        windows: &[&Window],
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
        let key = |window: &&Window| {
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
