//! Windows over recordings: the spectrograms of a model's networks and, where a detector looks at a backbone, the backbone's.

use crate::batch::n_batch;
use crate::chain::{Chain, ClipSpectrogram};
use crate::error::{Context, Result, bail};
use crate::front_end::FrontEnd;
use crate::input::Input;
use crate::model::Model;
use crate::recording::{damage_words, enough, for_each};
use crate::unknown::{ClipKey, Detectors, Mels, Outputs, Wants};
use crate::window_stream::Closed;
use audio_io::{ClipConfig, Decoded, Placement, Row, Until, Windowing};

/// The front ends of a model, over whole recordings.
pub struct Windows {
    /// Each once, that of the first network first.
    pub(crate) front_ends: Vec<(Chain, FrontEnd)>,
    /// Which of them each network has.
    pub(crate) of_member: Vec<usize>,
    /// Which of them the backbone of the detectors has, where there is one.
    of_backbone: Option<usize>,
    /// Whether no more of a recording is decoded than windows need; else what else is wrong with it is found, too.
    is_bounded: bool,
}

/// One window of a recording.
pub struct Window {
    /// Which of the inputs it is of.
    pub input: usize,
    /// The spectrogram of the first front end.
    pub clip: ClipSpectrogram,
    /// The spectrograms of the others, and their numbers of frames.
    pub(crate) others: Vec<(Vec<f32>, usize)>,
}

impl Window {
    /// The spectrogram of a front end and its number of frames.
    pub(crate) fn mel(&self, front_end: usize) -> (&[f32], usize) {
        match front_end.checked_sub(1) {
            None => (&self.clip.mel, self.clip.n_frames),
            Some(nth) => (&self.others[nth].0, self.others[nth].1),
        }
    }
}

/// The windows of one recording.
pub struct Windowed {
    /// In time order, silent ones too.
    pub windows: Vec<Window>,
    /// What is wrong with the recording, in words; empty where nothing is.
    pub damage: String,
    /// Seconds of the recording, as far as it was decoded.
    pub seconds: f64,
}

impl Windowed {
    /// How many windows hold no sound.
    pub fn n_silent(&self) -> usize {
        self.windows.iter().filter(|window| window.clip.silence.is_some()).count()
    }

    /// What a reader should know of the recording: damage, and silence.
    pub fn warning(&self) -> Option<String> {
        warning(self.n_silent(), self.windows.len(), &self.damage)
    }
}

/// What a reader should know of a recording of `of` windows, `n` of them silent.
pub(crate) fn warning(n: usize, of: usize, damage: &str) -> Option<String> {
    let silence = match n {
        0 => String::new(),
        _ if n == of => "silent".to_owned(),
        _ => format!("{n} of {of} windows are silent"),
    };
    let parts: Vec<&str> = [silence.as_str(), damage].into_iter().filter(|part| !part.is_empty()).collect();
    Some(parts.join("; ")).filter(|text| !text.is_empty())
}

impl Windows {
    /// The model's windows over whole recordings, overlapping by so many seconds.
    ///
    /// # Errors
    /// An overlap that is negative or not shorter than the window, or a front end that this version does not compute.
    pub fn sliding(model: &Model, detectors: Option<&Detectors>, overlap_s: f64) -> Result<Self> {
        Self::new(model, detectors, false, |chain| sliding(&chain, overlap_s))
    }

    /// The windows that the model's training clips were: of the same placement, so that a recording gives the clips that
    /// `features` gives.
    ///
    /// # Errors
    /// A front end that this version does not compute.
    pub fn as_trained(model: &Model, detectors: Option<&Detectors>) -> Result<Self> {
        Self::new(model, detectors, true, Ok)
    }

    fn new(
        model: &Model,
        detectors: Option<&Detectors>,
        is_bounded: bool,
        place: impl Fn(Chain) -> Result<Chain>,
    ) -> Result<Self> {
        let mut front_ends: Vec<(Chain, FrontEnd)> = Vec::new();
        let mut number = |header: &serde_json::Value| -> Result<usize> {
            let chain = place(Chain::from_header(header, &model.path)?)?;
            if let Some(nth) = front_ends.iter().position(|(other, _)| *other == chain) {
                return Ok(nth);
            }
            let front_end = chain.build()?;
            front_ends.push((chain, front_end));
            Ok(front_ends.len() - 1)
        };
        let of_member = model.members.iter().map(|member| number(&member.front_end)).collect::<Result<_>>()?;
        let backbone = detectors.and_then(|detectors| detectors.backbone_front_end.as_ref());
        let of_backbone = backbone.map(&mut number).transpose()?;
        Ok(Self { front_ends, of_member, of_backbone, is_bounded })
    }

    pub(crate) fn chains(&self) -> impl Iterator<Item = &Chain> + Clone {
        self.front_ends.iter().map(|(chain, _)| chain)
    }

    /// The same with other clip settings for all front ends. The sample rate must stay.
    #[must_use]
    pub fn map_clip(mut self, change: impl Fn(&ClipConfig) -> ClipConfig) -> Self {
        for (chain, _) in &mut self.front_ends {
            chain.clip = change(&chain.clip);
        }
        self
    }

    /// How much of a recording the windows of these rows need; none for all of it.
    pub fn until<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Option<Until> {
        enough(rows.into_iter().flat_map(|row| self.chains().map(|chain| chain.until(row))))
    }

    /// The windows of one recording, which is number `nth` of the inputs.
    ///
    /// # Errors
    /// A recording that cannot be read or holds no sound.
    pub fn of(&self, nth: usize, input: &Input) -> Result<Windowed> {
        self.of_rows(nth, std::slice::from_ref(input)).swap_remove(0)
    }

    /// The windows of several rows of one recording, which is decoded once; `first` is the number of the first row among the
    /// inputs.
    pub(crate) fn of_rows(&self, first: usize, rows: &[Input]) -> Vec<Result<Windowed>> {
        self.few_of_rows(first, rows, usize::MAX).unwrap_or_default()
    }

    /// The same, or none where they are more than `most` windows.
    #[tracing::instrument(level = "debug", skip_all, fields(recording = %rows[0].name, rows = rows.len()))]
    pub(crate) fn few_of_rows(&self, first: usize, rows: &[Input], most: usize) -> Option<Vec<Result<Windowed>>> {
        let mut stream = match self.stream(first, rows) {
            Ok(stream) => stream,
            Err(error) => return Some(for_each(error, rows.len())),
        };
        let window_s = self.chains().map(|chain| chain.clip.window.seconds).fold(f64::INFINITY, f64::min);
        let is_whole = rows.iter().any(|input| input.row.end_s.is_none()) && self.slides();
        if is_whole && stream.declared_s().is_some_and(|seconds| seconds / window_s > most as f64) {
            return None;
        }
        let mut of_rows: Vec<Vec<Window>> = rows.iter().map(|_| Vec::new()).collect();
        let mut n = 0;
        while let Some(windows) = stream.next() {
            n += windows.len();
            if n > most {
                return None;
            }
            windows.into_iter().for_each(|window| of_rows[window.input - first].push(window));
        }
        let Closed { damage, seconds, failed } = stream.close();
        let windowed = |windows| Ok(Windowed { windows, damage: damage.clone(), seconds });
        let mut of_rows: Vec<Result<Windowed>> = of_rows.into_iter().map(windowed).collect();
        failed.into_iter().for_each(|(nth, error)| of_rows[nth - first] = Err(error));
        Some(of_rows)
    }

    /// How much of a recording is decoded for these rows; none for all of it.
    pub(crate) fn decoded_until(&self, rows: &[Input]) -> Option<Until> {
        self.until(rows.iter().map(|input| &input.row)).filter(|_| self.is_bounded)
    }

    /// Bytes of a window for all front ends.
    pub(crate) fn n_bytes(&self) -> u64 {
        let of_front_end = |(chain, front_end): &(Chain, FrontEnd)| {
            let n_samples = (chain.clip.window.seconds * f64::from(chain.clip.sample_rate_hz)) as usize;
            (size_of::<f32>() * front_end.n_bands() * front_end.n_frames(n_samples)) as u64
        };
        self.front_ends.iter().map(of_front_end).sum()
    }

    /// Whether windows follow each other over the whole recording.
    fn slides(&self) -> bool {
        self.chains().all(|chain| matches!(chain.clip.window.placement, Placement::Sliding { .. }))
    }

    /// The windows of a row of a recording that is decoded already, as far as [`until`](Self::until) says; `nth` is the
    /// number of the row among the inputs.
    ///
    /// # Errors
    /// A row outside the recording, or a channel that it lacks.
    pub fn of_decoded(&self, nth: usize, input: &Input, decoded: &Decoded) -> Result<Windowed> {
        let name = || input.path.display().to_string();
        let of_front_end = |(chain, front_end): &(Chain, FrontEnd)| {
            chain.spectrograms(front_end, decoded, &input.row).with_context(name)
        };
        let mut all = self.front_ends.iter().map(of_front_end).collect::<Result<Vec<_>>>()?.into_iter();
        let clips = all.next().unwrap_or_default();
        let mut others: Vec<Vec<(Vec<f32>, usize)>> = clips.iter().map(|_| Vec::new()).collect();
        for of_other in all {
            if of_other.len() != clips.len() {
                bail!("{} windows by one front end, {} by another", clips.len(), of_other.len());
            }
            others.iter_mut().zip(of_other).for_each(|(others, clip)| others.push((clip.mel, clip.n_frames)));
        }
        let window = |(clip, others)| Window { input: nth, clip, others };
        let windows = clips.into_iter().zip(others).map(window).collect();
        Ok(Windowed { windows, damage: damage_words(decoded), seconds: decoded.seconds() })
    }

    /// Runs the networks, and the backbone where there is one; none where there are no windows. `name` is what an
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
        if windows.is_empty() {
            return Ok(None);
        }
        let mels = |front_end: usize| -> (Vec<&[f32]>, usize) {
            (windows.iter().map(|window| window.mel(front_end).0).collect(), windows[0].mel(front_end).1)
        };
        let backbone = match detectors.and_then(|detectors| detectors.backbone.as_ref()).zip(self.of_backbone) {
            None => None,
            Some((backbone, front_end)) => {
                let (mels, n_frames) = mels(front_end);
                Some(backbone.outputs(&mels, n_frames)?)
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
        let keys: Vec<ClipKey> = windows.iter().map(key).collect();
        if model.members.len() > 1 {
            let mels: Vec<_> = self.of_member.iter().map(|&front_end| mels(front_end)).collect();
            let rows = model.average(&mels, n_batch(&model.device), &|nth| keys[nth].path.clone())?;
            return Ok(Some(Outputs::of_average(rows, backbone, keys)));
        }
        let (mels, n_frames) = mels(0);
        let mels = Mels { mels, n_frames, wants: detectors.map_or_else(Wants::default, Detectors::wants) };
        Outputs::of_mels(model.forward()?, &mels, backbone, keys).map(Some)
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
