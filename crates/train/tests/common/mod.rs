//! A tiny classifier with a buffer and dropout, and data that it can learn.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part of it; a test may panic")]

use candle_core::{Tensor, Var};
use classifier::{Classifier, Error, Init, Mode, Output, Parameters};
use shard::{ClipRecord, Header, NO_LABEL, Provenance, SPECTROGRAM, Spectrograms};
use std::collections::BTreeMap;

pub(crate) mod runs;

pub(crate) const N_MELS: usize = 6;
pub(crate) const N_FRAMES: usize = 10;

/// Two layers over the mean spectrum less its running mean, with dropout that is drawn from the seed of the pass.
pub(crate) struct Tiny {
    n_classes: usize,
    hidden: Var,
    hidden_bias: Var,
    head: Var,
    running_mean: Var,
}

impl Tiny {
    pub(crate) fn new(n_classes: usize, parameters: &mut Parameters) -> Self {
        let normal = Init::Normal { std: 0.3 };
        Self {
            n_classes,
            hidden: parameters.trainable("hidden.weight", &[N_MELS, 8], normal).unwrap(),
            hidden_bias: parameters.trainable("hidden.bias", &[8], Init::Constant(0.0)).unwrap(),
            head: parameters.trainable("head.weight", &[8, n_classes], normal).unwrap(),
            running_mean: parameters.buffer("running_mean", &[N_MELS], 0.0).unwrap(),
        }
    }
}

impl Classifier for Tiny {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "tiny", "n_classes": self.n_classes})
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        8
    }

    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, Error> {
        let spectrum = mel.mean(2)?; // [B, M]
        if let Mode::Train { .. } = mode {
            let mean = ((self.running_mean.as_tensor() * 0.9)? + (spectrum.mean(0)?.detach() * 0.1)?)?;
            self.running_mean.set(&mean)?;
        }
        let centered = spectrum.broadcast_sub(&self.running_mean.as_detached_tensor())?;
        let mut embedding = centered.matmul(&self.hidden)?.broadcast_add(&self.hidden_bias)?.tanh()?; // [B, 8]
        if let Mode::Train { seed } = mode {
            let uniform = Init::Uniform { bound: 1.0 }.draw(embedding.elem_count(), seed, "dropout");
            let mask: Vec<f32> = uniform.iter().map(|u| if u.abs() < 0.1 { 0.0 } else { 1.0 / 0.9 }).collect();
            embedding = (&embedding * Tensor::from_vec(mask, embedding.dims(), mel.device())?)?;
        }
        Ok(Output { logits: embedding.matmul(&self.head)?, embedding })
    }
}

/// What [`Linear`] multiplies the mean spectrum with; it is never trained.
pub(crate) const FROZEN: [f32; N_MELS] = [1.5; N_MELS];

/// One layer over the mean spectrum times frozen factors: no batch norm, no dropout.
pub(crate) struct Linear {
    n_classes: usize,
    weight: Var,
    frozen: Tensor,
}

impl Linear {
    pub(crate) fn new(n_classes: usize, parameters: &mut Parameters) -> Self {
        let weight = parameters.trainable("weight", &[N_MELS, n_classes], Init::Normal { std: 0.3 }).unwrap();
        let frozen = parameters.weight("frozen", &[N_MELS], Init::Constant(FROZEN[0]), false).unwrap();
        Self { n_classes, weight, frozen }
    }
}

impl Classifier for Linear {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "linear"})
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        N_MELS
    }

    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
        let embedding = mel.mean(2)?.broadcast_mul(&self.frozen)?; // [B, M]
        Ok(Output { logits: embedding.matmul(&self.weight)?, embedding })
    }
}

/// A model with freshly seeded parameters.
pub(crate) fn tiny(n_classes: usize) -> (Tiny, Parameters) {
    let mut parameters = Parameters::seeded(11, &candle_core::Device::Cpu);
    (Tiny::new(n_classes, &mut parameters), parameters)
}

/// Clips of dogs (low bands loud) and birds (high bands loud) in groups of two, noise of `noise` dB on top, and a few
/// unknown sounds: a cat in `ood-test`, one clip without a label there and one in `test`.
pub(crate) fn clips(n_train: usize, n_val: usize, n_test: usize, noise: f32) -> Spectrograms {
    let splits = ["train", "val", "test", "ood-test"];
    let mut rows: Vec<(u32, u8)> = Vec::new();
    for (split, n) in [n_train, n_val, n_test].into_iter().enumerate() {
        rows.extend((0..n).map(|i| ([0, 2, 2][i % 3], split as u8)));
    }
    rows.extend([(1, 3), (NO_LABEL, 3), (NO_LABEL, 2)]);
    let random = Init::Normal { std: f64::from(noise) }.draw(rows.len() * N_MELS * N_FRAMES, 3, "noise");
    let cell = |(i, noise): (usize, f32)| {
        let (clip, band) = (i / (N_MELS * N_FRAMES), i / N_FRAMES % N_MELS);
        let loud = match rows[clip].0 {
            0 => band >= N_MELS / 2,
            2 => band < N_MELS / 2,
            _ => true,
        };
        -60.0 + if loud { 20.0 } else { 0.0 } + noise
    };
    let clip = |i: usize| ClipRecord {
        id: format!("clip-{i}"),
        path: format!("some/{i}.wav"),
        group: Some(format!("{}-{}-{}", rows[i].0, rows[i].1, i / 6)),
        source_sha256: String::new(),
        start_s: i as f64,
        channel: None,
        seconds: 2.5,
        view: 0,
        steps: Vec::new(),
    };
    let provenance = Provenance {
        stage: "test".into(),
        version: "0".into(),
        configuration: serde_json::json!({}),
        seed: 0,
        inputs: BTreeMap::new(),
    };
    let spectrograms = Spectrograms {
        header: Header {
            schema: SPECTROGRAM.into(),
            front_end: serde_json::json!({"kind": "test", "n_mels": N_MELS}),
            classes: ["bird", "cat", "dog"].map(str::to_owned).to_vec(),
            splits: splits.map(str::to_owned).to_vec(),
            clips: (0..rows.len()).map(clip).collect(),
            provenance,
        },
        n_mels: N_MELS,
        n_frames: N_FRAMES,
        mel: random.into_iter().enumerate().map(cell).collect(),
        frames: vec![N_FRAMES as u32; rows.len()],
        label: rows.iter().map(|row| row.0).collect(),
        split: rows.iter().map(|row| row.1).collect(),
    };
    spectrograms.validate().unwrap();
    spectrograms
}
