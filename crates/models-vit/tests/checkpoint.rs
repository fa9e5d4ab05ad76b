//! Checkpoints of every layout: the values that the transformers library computes, and what is said of those that are
//! damaged.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{DType, Device, Tensor};
use classifier::{Classifier, Mode, Parameters};
use common::{fixture, largest_difference, open};
use models_vit::{Checkpoint, Pooling, Trained, View, Vit, VitConfig};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The network over images of this size, and what the checkpoint has that it does not use.
fn load(checkpoint: &Checkpoint, size: [usize; 2], channels: usize) -> (Vit, Vec<String>) {
    let config = VitConfig { channels, ..checkpoint.vit_config(size, View::OwnGrid).unwrap() };
    let mut parameters = Parameters::seeded(0, &Device::Cpu);
    let vit = Vit::new(&config, 2, Trained::Head, 1.0, &mut parameters).unwrap();
    let weights = checkpoint.weights(&config).unwrap();
    let left = parameters.load(&weights.tensors, Path::new("checkpoint")).unwrap();
    assert_eq!(
        (left.missing.as_slice(), left.unknown.as_slice()),
        (&["head.bias".into(), "head.weight".into()][..], &[][..])
    );
    (vit, weights.ignored)
}

#[test]
fn every_layout_gives_what_transformers_gives() {
    let heads = ["classifier.bias", "classifier.weight"];
    let cases: [(&str, &[&str], &[&str]); 9] = [
        ("vit", &["square", "wide"], &heads),
        ("vit-f16", &["square", "wide"], &["pooler.dense.bias", "pooler.dense.weight"]),
        ("vit-bf16", &["square", "wide"], &["pooler.dense.bias", "pooler.dense.weight"]),
        ("vit-shards", &["square", "wide"], &heads),
        (
            "deit",
            &["square", "wide"],
            &[
                "cls_classifier.bias",
                "cls_classifier.weight",
                "distillation_classifier.bias",
                "distillation_classifier.weight",
            ],
        ),
        ("deit-bare", &["square", "wide"], &["pooler.dense.bias", "pooler.dense.weight"]),
        ("dinov2", &["square", "wide"], &["embeddings.mask_token"]),
        ("dinov2-registers", &["square", "wide"], &["embeddings.mask_token"]),
        (
            "ast",
            &["whole"],
            &[
                "classifier.dense.bias",
                "classifier.dense.weight",
                "classifier.layernorm.bias",
                "classifier.layernorm.weight",
            ],
        ),
    ];
    for (name, sizes, expected_ignored) in cases {
        let checkpoint = open(name);
        let golden = candle_core::safetensors::load(fixture(name).join("golden.safetensors"), &Device::Cpu).unwrap();
        for size in sizes {
            let of =
                |what: &str| golden.get(&format!("{size}.{what}")).unwrap_or_else(|| panic!("{name}: {size}.{what}"));
            let image = of("pixel_values");
            let (_, channels, height, width) = image.dims4().unwrap();
            let (vit, ignored) = load(&checkpoint, [height, width], channels);
            assert_eq!(ignored, *expected_ignored, "{name}");
            let config = vit.config();
            let embedded = vit.embed(image, Mode::Eval).unwrap();
            let last = vit.normalize(&vit.layers(&embedded, 0..config.layers, Mode::Eval).unwrap()).unwrap();
            let token = |tokens: &Tensor, nth: usize| tokens.narrow(1, nth, 1).unwrap().squeeze(1).unwrap();
            let first_patch = config.n_output_tokens() + config.registers;
            let mean = last.narrow(1, first_patch, config.n_patches()).unwrap().mean(1).unwrap();
            let first = vit.layers(&embedded, 0..1, Mode::Eval).unwrap();
            for (what, got) in [("cls", token(&last, 0)), ("patch_mean", mean), ("hidden_1_cls", token(&first, 0))] {
                let difference = largest_difference(&got, of(what));
                assert!(difference < 1e-5, "{name} {size}.{what}: {difference}");
            }
            if name == "ast" {
                let mel = image.squeeze(1).unwrap();
                let embedding = vit.forward(&mel, Mode::Eval).unwrap().embedding;
                assert!(largest_difference(&embedding, of("pooled")) < 1e-5);
            }
        }
    }
}

/// candle's own network, which can be asked but not trained.
#[test]
fn equals_candle_s_own_network() {
    use candle_transformers::models::vit;
    let path = fixture("vit").join("model.safetensors");
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let (weight, bias) = (tensors["classifier.weight"].clone(), tensors["classifier.bias"].clone());
    let config: vit::Config =
        serde_json::from_slice(&std::fs::read(fixture("vit").join("config.json")).unwrap()).unwrap();
    let builder = candle_nn::VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let oracle = vit::Model::new(&config, 2, builder).unwrap();
    let image = common::random(&[3, 3, 32, 32], "image");
    let expected = oracle.forward(&image).unwrap();

    let checkpoint = open("vit");
    let form =
        VitConfig { channels: 3, pooling: Pooling::Class, ..checkpoint.vit_config([32, 32], View::OwnGrid).unwrap() };
    let mut parameters = Parameters::seeded(0, &Device::Cpu);
    let vit = Vit::new(&form, 2, Trained::All, 1.0, &mut parameters).unwrap();
    let mut weights = checkpoint.weights(&form).unwrap().tensors;
    weights.extend([("head.weight".to_owned(), weight), ("head.bias".to_owned(), bias)]);
    assert_eq!(parameters.load(&weights, &path).unwrap(), classifier::LeftOver::default());
    let tokens = vit.layers(&vit.embed(&image, Mode::Eval).unwrap(), 0..form.layers, Mode::Eval).unwrap();
    let class = vit.normalize(&tokens.narrow(1, 0, 1).unwrap()).unwrap().squeeze(1).unwrap();
    let logits = class.matmul(&weights["head.weight"].t().unwrap()).unwrap();
    let logits = logits.broadcast_add(&weights["head.bias"]).unwrap();
    assert!(largest_difference(&logits, &expected) < 1e-5);
}

/// Three equal channels give what summed filters give.
#[test]
fn filters_are_summed_over_channels() {
    let mel = common::random(&[2, 32, 32], "mel");
    let checkpoint = open("vit");
    let own = load(&checkpoint, [32, 32], 1).0;
    let plain = checkpoint.vit_config([32, 32], View::AsImage).unwrap();
    assert_eq!((plain.channels, plain.resize), (3, Some([32, 32])));
    let as_image = load(&checkpoint, [32, 32], 3).0;
    let embedding = |vit: &Vit| vit.forward(&mel, Mode::Eval).unwrap().embedding;
    assert!(largest_difference(&embedding(&own), &embedding(&as_image)) < 2e-5);
}

#[test]
fn a_spectrogram_is_stretched_to_an_image() {
    let checkpoint = open("vit");
    let config = checkpoint.vit_config([20, 50], View::AsImage).unwrap();
    assert_eq!((config.image(), config.grid()), ([32, 32], [4, 4]));
    let mut parameters = Parameters::seeded(0, &Device::Cpu);
    let vit = Vit::new(&config, 2, Trained::Head, 1.0, &mut parameters).unwrap();
    let output = vit.forward(&common::random(&[2, 20, 50], "mel"), Mode::Eval).unwrap();
    assert_eq!(output.logits.dims(), [2, 2]);
    let own = checkpoint.vit_config([20, 50], View::OwnGrid).unwrap();
    assert_eq!((own.image(), own.grid()), ([20, 50], [2, 6]));
}

/// A copy of a checkpoint in a folder of its own.
fn copy(name: &str, to: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("barkbird-checkpoint-{}-{to}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

fn message(folder: &Path) -> String {
    Checkpoint::open(folder).err().unwrap().to_string()
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = copy("vit", "damaged");
    let (config, weights) = (folder.join("config.json"), folder.join("model.safetensors"));
    let whole = std::fs::read(&weights).unwrap();
    for end in [0, 7, 100, whole.len() - 1] {
        std::fs::write(&weights, &whole[..end]).unwrap();
        assert!(message(&folder).contains("not a complete safetensors file"), "{end}");
    }
    let mut nan = whole.clone();
    let at = nan.len() - 4;
    nan[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&weights, &nan).unwrap();
    assert!(message(&folder).contains("expected finite values"));
    std::fs::remove_file(&weights).unwrap();
    assert!(message(&folder).contains("no model.safetensors"));
    std::fs::write(folder.join("pytorch_model.bin"), b"").unwrap();
    let error = message(&folder);
    assert!(error.contains("pytorch_model.bin") && error.contains("runs any code"), "{error}");

    let text = std::fs::read_to_string(&config).unwrap();
    for (from, to, expected) in [
        ("\"model_type\": \"vit\"", "\"model_type\": \"swin\"", "expected one of vit, deit, dinov2"),
        ("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"", "hidden_act: expected gelu, got relu"),
        ("\"hidden_size\": 24", "\"hidden_size\": -1", "hidden_size"),
        ("{", "", "not JSON"),
    ] {
        std::fs::write(&config, text.replacen(from, to, 1)).unwrap();
        let error = message(&folder);
        assert!(error.contains(expected) || error.contains("invalid value"), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(message(&folder).contains("config.json: cannot be read"));
}

#[test]
fn missing_tensors_and_missing_shards_are_named() {
    let folder = copy("vit", "missing");
    let path = folder.join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    tensors.remove("vit.encoder.layer.1.output.dense.bias").unwrap();
    tensors.insert("extra".into(), Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap());
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let config = checkpoint.vit_config([32, 32], View::OwnGrid).unwrap();
    let error = checkpoint.weights(&config).unwrap_err().to_string();
    assert!(error.contains("tensor encoder.layer.1.output.dense.bias: missing"), "{error}");
    let full: HashMap<String, Tensor> =
        candle_core::safetensors::load(fixture("vit").join("model.safetensors"), &Device::Cpu).unwrap();
    let mut with_extra = full;
    with_extra.insert("extra".into(), Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap());
    candle_core::safetensors::save(&with_extra, &path).unwrap();
    let ignored = Checkpoint::open(&folder).unwrap().weights(&config).unwrap().ignored;
    assert_eq!(ignored, ["classifier.bias", "classifier.weight", "extra"]);
    std::fs::remove_dir_all(&folder).unwrap();

    let folder = copy("vit-shards", "shards");
    std::fs::remove_file(folder.join("model-00002-of-00005.safetensors")).unwrap();
    assert!(message(&folder).contains("model-00002-of-00005.safetensors: cannot be read"));
    let index = folder.join("model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace("model-00001-of-00005.safetensors", "../secret.safetensors")).unwrap();
    assert!(message(&folder).contains("not the name of a file beside it"));
    std::fs::remove_dir_all(&folder).unwrap();
}
