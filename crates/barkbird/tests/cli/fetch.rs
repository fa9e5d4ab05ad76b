//! What is fetched by its name is found by its name.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, error_line};
use crate::test_hub::{TestHub, sha256};
use crate::web_server::WebServer;
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::process::Output;

/// Weights of YAMNet that have learned nothing, as a safetensors file.
fn yamnet(work: &Work) -> Vec<u8> {
    let mut parameters = classifier::Parameters::seeded(3, &Device::Cpu);
    models_cnn::Yamnet::new(&models_cnn::YamnetConfig::default(), 2, 0, &mut parameters).unwrap();
    let tensors = parameters.snapshot().unwrap();
    let weight = |(name, tensor): (String, Tensor)| match name.strip_suffix(".weight") {
        // None is zero: a network of zeros has no embedding.
        Some(_) => (name, Tensor::randn(0f32, 0.1, tensor.dims(), &Device::Cpu).unwrap()),
        None => (name, tensor),
    };
    let tensors: HashMap<String, Tensor> =
        tensors.into_iter().filter(|(name, _)| !name.starts_with("head.")).map(weight).collect();
    let path = work.path("made.safetensors");
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

/// Runs the program with a cache of the test's own and without a proxy.
fn run(work: &Work, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    let mut command = work.command(arguments);
    for (name, _) in std::env::vars() {
        if name.to_lowercase().ends_with("_proxy") || name.starts_with("HF_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CACHE_HOME", work.path("cache")).envs(more.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn what_has_a_name_is_listed_with_address_size_and_license() {
    let work = Work::new();
    let list = said(&run(&work, &["fetch", "--list"], &[]));
    for text in ["esc50: ", "esc10: ", "yamnet: ", "https://github.com/karolpiczak/ESC-50/", "CC BY-NC 3.0", "16 MB"] {
        assert!(list.contains(text), "{text}: {list}");
    }
    let error = run(&work, &["fetch", "esc"], &[]);
    assert_eq!(error.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&error.stderr).contains("expected one of esc50, esc10, yamnet or a repository"));
}

#[test]
fn yamnet_is_fetched_once_and_found_by_its_name() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features", "--front-end", "yamnet"]);
    let train =
        ["train", "yamnet", "--features", "features", "--out", "run", "--pretrained", "yamnet", "--epochs", "2"];
    let missing = error_line(&run(&work, &train, &[]));
    assert!(missing.contains("not fetched yet; `barkbird fetch yamnet`"), "{missing}");
    let missing = error_line(&run(&work, &["fit", "manifest.csv", "--out", "fit", "--backbone", "yamnet"], &[]));
    assert!(missing.contains("--backbone yamnet: not fetched yet"), "{missing}");

    let (server, bytes) = (WebServer::start(), yamnet(&work));
    server.publish("/copy.tflite", &bytes, None);
    let (mirror, sum) = (format!("{}/copy.tflite", server.address()), sha256(&bytes));
    // The published checksum is another one.
    let fetch = ["fetch", "yamnet", "--mirror", &mirror];
    let error = error_line(&run(&work, &fetch, &[]));
    assert!(error.contains("the file at this address is not the published one"), "{error}");
    let fetch = [&fetch[..], &["--sha256", &sum, "--json"]].concat();
    let output = run(&work, &fetch, &[]);
    assert!(said(&output).contains("license: Apache-2.0"));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["files"].as_u64(), json["cached"].as_bool()), (Some(1), Some(false)));
    assert!(work.path("cache/barkbird/yamnet/yamnet.tflite").is_file());
    server.requests();
    assert!(said(&run(&work, &["fetch", "yamnet"], &[])).contains("nothing to do"));
    assert!(server.requests().is_empty());

    said(&run(&work, &train, &[]));
    assert!(work.path("run/model.safetensors").is_file());
    // `fit` finds it without a name, too.
    for named in [&["--backbone", "yamnet"][..], &[]] {
        let plan = [&["fit", "manifest.csv", "--out", "fit", "--dry-run"][..], named].concat();
        let plan = said(&run(&work, &plan, &[]));
        assert!(plan.contains("evidence") && !plan.contains("without a pretrained audio network"), "{plan}");
    }
}

/// A repository of the hub that holds YAMNet's weights is as good as a file of them.
#[test]
fn fit_fetches_yamnet_from_a_repository() {
    let (work, hub) = (Work::new(), TestHub::start());
    work.sounds(24);
    hub.publish("main", &[("config.json", b"{}"), ("model.safetensors", &yamnet(&work))]);
    let (endpoint, cache) = (hub.endpoint(), hub.cache());
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HF_HUB_CACHE", cache.to_str().unwrap())];
    let plan = ["fit", "manifest.csv", "--out", "fit", "--dry-run", "--backbone", "acme/tiny-vit"];
    let offline = [&plan[..], &["--offline"]].concat();
    let error = error_line(&run(&work, &offline, &variables));
    assert!(error.contains("not in the cache"), "{error}");
    let text = said(&run(&work, &plan, &variables));
    assert!(text.contains("fetched model.safetensors") && text.contains("evidence"), "{text}");
    hub.requests();
    said(&run(&work, &offline, &variables));
    assert!(hub.requests().is_empty());
}

#[test]
fn a_repository_is_fetched_without_what_can_run_code() {
    let (work, hub) = (Work::new(), TestHub::start());
    let card = b"---\nlicense: cc-by-4.0\n---\n# Sounds\n";
    let files: [(&str, &[u8]); 4] =
        [("README.md", card), ("train/a.wav", b"RIFF"), ("pytorch_model.bin", b"code"), ("x.PKL", b"code")];
    let commit = hub.publish("main", &files);
    let (endpoint, cache) = (hub.endpoint(), hub.cache());
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HF_HUB_CACHE", cache.to_str().unwrap())];
    let fetch = ["fetch", "hf:datasets/acme/tiny-vit", "--out", "set"];
    let text = said(&run(&work, &fetch, &variables));
    for expected in ["license: cc-by-4.0", "2 files, 0.0 MB", "left out: 2 files", &commit] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(std::fs::read(work.path("set/train/a.wav")).unwrap(), b"RIFF");
    assert!(work.path("set/fetch.json").is_file() && !work.path("set/pytorch_model.bin").exists());
    assert!(said(&run(&work, &fetch, &variables)).contains("nothing to do"));
    // Without a hub, from the cache; into it, and with the pickles.
    let offline = [&variables[..], &[("HF_HUB_OFFLINE", "1")]].concat();
    assert!(said(&run(&work, &fetch, &offline)).contains("nothing to do"));
    let all = ["fetch", "hf:datasets/acme/tiny-vit", "--pickles", "--json"];
    let output = run(&work, &all, &variables);
    said(&output);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["files"].as_u64(), json["commit"].as_str()), (Some(4), Some(commit.as_str())));
    let error = error_line(&run(&work, &["fetch", "hf:acme/none", "--out", "none"], &variables));
    assert!(error.contains("no such repository"), "{error}");
}
