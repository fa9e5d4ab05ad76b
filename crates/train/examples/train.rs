//! Trains a linear classifier to tell low sounds from high ones, and evaluates it.
//!
//!     cargo run --release --example train -p train

use candle_core::{Device, Tensor, Var};
use classifier::{Classifier, Init, Mode, ModelFile, Output, Parameters};
use kernels::Compute;
use shard::{ClipRecord, Header, Provenance, Spectrograms};
use std::sync::atomic::AtomicBool;
use train::{Control, Data, EvaluateOptions, RunHeader, Start, TrainConfig};

/// One layer over the mean spectrum.
struct Linear {
    weight: Var,
}

impl Classifier for Linear {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "linear"})
    }
    fn n_classes(&self) -> usize {
        2
    }
    fn embedding_dim(&self) -> usize {
        2
    }
    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, classifier::Error> {
        let embedding = mel.mean(2)?; // [B, M]
        Ok(Output { logits: embedding.matmul(&self.weight.t()?)?, embedding })
    }
}

/// 40 clips of two bands and three frames; the last ten validate.
fn spectrograms() -> Spectrograms {
    let clip = |i: usize| ClipRecord {
        id: format!("{i}"),
        path: format!("{i}.wav"),
        group: None,
        source_sha256: String::new(),
        start_s: 0.0,
        channel: None,
        seconds: 1.0,
        view: 0,
        steps: vec![],
    };
    let provenance = Provenance {
        stage: "example".into(),
        version: "0".into(),
        configuration: serde_json::json!({}),
        seed: 0,
        inputs: Default::default(),
    };
    let header = Header {
        schema: shard::SPECTROGRAM.into(),
        front_end: serde_json::json!({}),
        classes: vec!["high".into(), "low".into()],
        splits: vec!["train".into(), "val".into()],
        clips: (0..40).map(clip).collect(),
        provenance,
    };
    let mel = |i| if i % 2 == 0 { [0., 1., 0., 9., 8., 9.] } else { [9., 8., 9., 0., 1., 0.] };
    Spectrograms {
        header,
        n_mels: 2,
        n_frames: 3,
        mel: (0..40).flat_map(mel).collect(),
        frames: vec![3; 40],
        label: (0..40).map(|i| i % 2).collect(),
        split: (0..40).map(|i| u8::from(i >= 30)).collect(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let mut parameters = Parameters::seeded(0, &device);
    let model = Linear { weight: parameters.trainable("weight", &[2, 2], Init::Normal { std: 0.1 })? };
    let data = Data::from_spectrograms(spectrograms(), "train", "val")?;
    let config = TrainConfig { epochs: 20, lr: 0.05, ..TrainConfig::default() };
    let header = RunHeader {
        version: "0".into(),
        compute: Compute::default(),
        compute_record: serde_json::json!({"device": "cpu"}),
        front_end: serde_json::json!({}),
        unit_per_db: 1.0,
    };
    let out = std::env::temp_dir().join(format!("barkbird-train-example-{}", std::process::id()));
    let control = Control { cancel: &AtomicBool::new(false), progress: &|_| {} };
    let outcome = train::run(&model, &parameters, &data, &config, &header, &out, Start::Overwrite, &control)?;
    assert_eq!(outcome.best.val_accuracy, Some(1.0));

    let path = out.join("model.safetensors");
    let file = ModelFile::from_bytes(&std::fs::read(&path)?, &path)?;
    let options = EvaluateOptions::default();
    let evaluation = train::evaluate(&model, &device, &file.header, &data.spectrograms, "val", options)?;
    assert_eq!((evaluation.rows.n_clips(), evaluation.metrics.accuracy), (10, Some(1.0)));
    std::fs::remove_dir_all(out)?;
    Ok(())
}
