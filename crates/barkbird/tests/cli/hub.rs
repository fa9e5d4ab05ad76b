//! A pretrained model by the name of its repository, from a hub on 127.0.0.1.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::Work;

/// Few clips, and their spectrograms.
fn prepared() -> Work {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work
}

fn train<'a>(pretrained: &'a str, out: &'a str) -> Vec<&'a str> {
    let start = ["train", "vit", "--features", "features", "--out", out, "--pretrained", pretrained];
    [&start[..], &["--way", "probe", "--epochs", "2"]].concat()
}

#[cfg(feature = "hub")]
pub(crate) mod with_hub {
    use super::{prepared, train};
    use crate::common::{Work, error_line};
    use crate::test_hub::{ALWAYS, Fault, REPO, TestHub};
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Output;

    const TOKEN: &str = "hf_of_the_test";

    fn fixture() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/checkpoints/vit")
    }

    /// A hub that has a checkpoint, and the commit.
    fn hub() -> (TestHub, String) {
        let hub = TestHub::start();
        let read = |name: &str| fs::read(fixture().join(name)).unwrap();
        let (config, weights) = (read("config.json"), read("model.safetensors"));
        let commit = hub.publish("main", &[("config.json", &config), ("model.safetensors", &weights)]);
        hub.require_token(TOKEN);
        (hub, commit)
    }

    /// Runs the program with that hub, which may know the token, and its cache.
    pub(crate) fn run(work: &Work, hub: &TestHub, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let mut command = work.command(arguments);
        for (name, _) in std::env::vars() {
            let name_lower = name.to_lowercase();
            if name_lower.ends_with("_proxy") || name.starts_with("HF_") || name.starts_with("HUGGINGFACE_") {
                command.env_remove(name);
            }
        }
        command.env("HF_ENDPOINT", hub.endpoint()).env("HF_HUB_CACHE", hub.cache()).env("HF_HOME", work.path("home"));
        command.env("HF_TOKEN", TOKEN).envs(more.iter().copied()).output().unwrap()
    }

    pub(crate) fn text(output: &Output) -> String {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        text
    }

    #[test]
    fn a_repository_is_as_good_as_its_folder_and_the_run_keeps_its_commit() {
        let (work, (hub, commit)) = (prepared(), hub());
        work.ok(&train(fixture().to_str().unwrap(), "local"));
        let said = text(&run(&work, &hub, &train(REPO, "run"), &[]));
        assert!(said.contains("fetched model.safetensors, ") && said.contains(&commit), "{said}");
        let model = |run: &str| fs::read(work.path(run).join("model.safetensors")).unwrap();
        assert!(model("run") == model("local"));
        let config = fs::read_to_string(work.path("run/config.toml")).unwrap();
        let kept = format!("pretrained = \"{REPO}\"\nrevision = \"{commit}\"\n");
        assert!(config.contains(&kept), "{config}");
        for request in hub.requests() {
            let has_token = request.ends_with(&format!("authorization=Bearer {TOKEN}"));
            assert_eq!(has_token, request.starts_with("hub "), "{request}");
        }

        // All of it is there now, so nobody has to be asked, however that is said; and the run's own configuration names
        // the same weights.
        let cache = hub.cache();
        let by_flag = [&train(REPO, "flag")[..], &["--offline", "--cache", cache.to_str().unwrap()]].concat();
        let elsewhere = work.path("nowhere");
        text(&run(&work, &hub, &by_flag, &[("HF_HUB_CACHE", elsewhere.to_str().unwrap())]));
        text(&run(&work, &hub, &train(REPO, "variable"), &[("HF_HUB_OFFLINE", "1")]));
        let again = ["train", "vit", "--features", "features", "--out", "again", "--config", "run/config.toml"];
        text(&run(&work, &hub, &again, &[]));
        assert_eq!(hub.requests(), [""; 0]);
        assert!(["flag", "variable", "again"].iter().all(|run| model(run) == model("local")));
        hub.assert_no_bad_blob();
    }

    #[test]
    fn weights_that_are_not_what_the_hub_means_are_refused() {
        let (work, (hub, commit)) = (prepared(), hub());
        hub.fault("model.safetensors", Fault::Flip(5000), ALWAYS);
        let error = error_line(&run(&work, &hub, &train(REPO, "run"), &[]));
        assert!(error.starts_with(&format!("error: {REPO}@{commit}: model.safetensors: expected SHA-256 ")), "{error}");
        assert_eq!(hub.blobs().len(), 1, "only config.json stays");
        hub.assert_no_bad_blob();
        assert!(!work.path("run/model.safetensors").exists());
        let offline = [&train(REPO, "run")[..], &["--offline"]].concat();
        let error = error_line(&run(&work, &hub, &offline, &[]));
        assert!(error.contains("model.safetensors: not in the cache "), "{error}");
    }

    #[test]
    fn what_the_hub_refuses_or_does_not_have_is_said() {
        let (work, (hub, _)) = (prepared(), hub());
        for (arguments, variables, expected) in [
            (train(REPO, "run"), &[("HF_TOKEN", "hf_wrong")][..], "the hub answers 403: the token that was sent"),
            (train("acme/nobody", "run"), &[], "acme/nobody@main: config.json: no such repository"),
            ([&train(REPO, "run")[..], &["--revision", "v9"]].concat(), &[], "no such revision"),
            (train(REPO, "run"), &[("HF_HUB_OFFLINE", "1")], "config.json: not in the cache "),
        ] {
            let error = error_line(&run(&work, &hub, &arguments, variables));
            assert!(error.contains(expected), "{error}");
        }
        assert!(hub.blobs().is_empty());
    }
}

#[cfg(not(feature = "hub"))]
#[test]
fn a_build_without_the_hub_says_so() {
    let error = prepared().fails(&train("acme/tiny-vit", "run"));
    assert!(
        error.starts_with(
            "error: acme/tiny-vit: nothing here has this name, and this barkbird is built without the hub"
        ),
        "{error}"
    );
}
