//! What the page shows of one run: its evaluations clip by clip, clips to look at and listen to, a map of its embeddings.

use crate::data::{Epoch, Metrics};
use crate::section::Section;

/// A clip that was classified: a row of `predictions.csv`, and what the manifest says of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// Which clip.
    pub clip: ClipPlace,
    /// The group; empty where none is known.
    pub group: String,
    /// The split or the set of unknown sounds; empty where none is known.
    pub set: String,
    /// The true label in words; empty where it is not known.
    pub truth: String,
    /// The true class's number among the model's; none for an unknown sound.
    pub class: Option<usize>,
    /// The probability of each class of the model, `[C]`.
    pub probability: Vec<f64>,
    /// The p-value of the detector of unknown sounds, where there is one.
    pub outlier_p: Option<f64>,
}

impl Prediction {
    /// The most probable class, the first of equals; none without classes.
    pub fn predicted(&self) -> Option<usize> {
        let p = &self.probability;
        (0..p.len()).reduce(|best, nth| if p[nth] > p[best] { nth } else { best })
    }
}

/// Where a clip is: the same place is the same clip everywhere on the page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipPlace {
    /// The recording.
    pub path: String,
    /// Start and end of the clip in the recording, in seconds; none for the whole recording.
    pub span_s: Option<[f64; 2]>,
    /// The channel, counted from 0; none where the recording has one channel or its channels were mixed.
    pub channel: Option<u16>,
}

impl ClipPlace {
    /// The recording, and which part and channel of it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.path.clone();
        if let Some(channel) = self.channel {
            text.push_str(&format!(", channel {channel}"));
        }
        if let Some([start, end]) = self.span_s {
            text.push_str(&format!(", {start:.1} to {end:.1}\u{a0}s"));
        }
        text
    }
}

/// The metrics of a split, and the clips they are of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// The metrics.
    pub metrics: Metrics,
    /// The clips; empty where they are not known, and then nothing can be clicked.
    pub predictions: Vec<Prediction>,
    /// The temperature that the logits were divided by; none where it is not known.
    pub temperature: Option<f64>,
}

impl From<Metrics> for Evaluation {
    fn from(metrics: Metrics) -> Self {
        Self { metrics, ..Self::default() }
    }
}

/// A clip to look at and listen to, with its prediction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Example {
    /// Which clip.
    pub clip: ClipPlace,
    /// The true label, where it is known.
    pub truth: Option<String>,
    /// The predicted label; empty for a clip that nothing was predicted of.
    pub predicted: String,
    /// The predicted probability of `predicted`.
    pub probability: f64,
    /// A further remark.
    pub note: String,
    /// The spectrogram as a PNG file; empty for none.
    pub png: Vec<u8>,
    /// The sound as a file, OGG or WAV; empty for none.
    pub sound: Vec<u8>,
    /// What the model looked at.
    pub looked_at: Vec<LookedAt>,
}

/// A picture of what a model looked at in a clip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LookedAt {
    /// How it was computed, and of which class and network.
    pub method: String,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
}

/// Clips of one kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gallery {
    /// Its heading.
    pub title: String,
    /// What they are.
    pub text: String,
    /// Heading of each part (empty for none) and its clips.
    pub parts: Vec<(String, Vec<Example>)>,
    /// Whether it is closed until it is asked for.
    pub is_folded: bool,
}

/// Clips as points on a plane.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingMap {
    /// What it shows.
    pub text: Vec<String>,
    /// Name of each projection, and a point for each clip.
    pub planes: Vec<(String, Vec<[f32; 2]>)>,
    /// The clips.
    pub points: Vec<MapPoint>,
}

/// A clip of an [`EmbeddingMap`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MapPoint {
    /// Which clip.
    pub clip: ClipPlace,
    /// Its label in words; empty where it is not known.
    pub label: String,
    /// The group; empty where none is known.
    pub group: String,
    /// The split; empty where none is known.
    pub split: String,
    /// The most probable class.
    pub predicted: String,
    /// Whether its label is a class of the model.
    pub is_known: bool,
}

/// Everything that the report shows of one run, whatever the kind of model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunReport {
    /// The run's name.
    pub name: String,
    /// Class names of the model.
    pub classes: Vec<String>,
    /// Parameters of the network that classifies, frozen ones included.
    pub n_parameters: u64,
    /// Parameters of the backbone that a detector of unknown sounds uses beside the network; none without one.
    pub n_backbone_parameters: Option<u64>,
    /// Name and value of further facts: front end, seed, device, precision, durations.
    pub facts: Vec<(String, String)>,
    /// Sentences for the top of the page, before those about the first evaluation.
    pub sentences: Vec<String>,
    /// Sections after the evaluations.
    pub sections: Vec<Section>,
    /// Sections about the data, after the clips.
    pub data_sections: Vec<Section>,
    /// Learning curves, in order; empty where the run has no record of its epochs.
    pub epochs: Vec<Epoch>,
    /// Evaluations; the summary is about the first.
    pub evaluations: Vec<Evaluation>,
    /// Which detector of unknown sounds it has, and why.
    pub detector: Vec<String>,
    /// The embeddings of clips.
    pub map: Option<EmbeddingMap>,
    /// Clips to look at and listen to. A clip is in one of them at most.
    pub galleries: Vec<Gallery>,
    /// Command lines that repeat the run, in order: as they were recorded, where they were.
    pub commands: Vec<String>,
    /// Recordings that were skipped: path and reason.
    pub skipped: Vec<(String, String)>,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_and_two_parts_of_a_file_have_different_places() {
        let whole = ClipPlace { path: "a.wav".into(), ..ClipPlace::default() };
        let part = ClipPlace { channel: Some(1), span_s: Some([5.0, 10.0]), ..whole.clone() };
        assert_eq!((whole.text().as_str(), part.text().as_str()), ("a.wav", "a.wav, channel 1, 5.0 to 10.0\u{a0}s"));
    }

    #[test]
    fn the_first_of_equal_classes_is_predicted() {
        let of = |p: &[f64]| Prediction { probability: p.to_vec(), ..Prediction::default() }.predicted();
        assert_eq!((of(&[0.2, 0.4, 0.4]), of(&[])), (Some(1), None));
    }
}
