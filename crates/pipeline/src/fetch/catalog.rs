//! What can be fetched by name: where it is published, how large it is, under what license, and how it is verified.
//!
//! Nothing here is ours: no data set and no weights are part of barkbird.

use crate::error::{Result, bail};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A data set or a model that somebody has published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The name that it is fetched by.
    pub name: String,
    /// What it is, one line.
    pub what: String,
    /// Where it is published.
    pub url: String,
    /// Bytes to download, about.
    pub n_bytes: u64,
    /// Its license, and what that asks of a user.
    pub license: String,
    /// Whom to cite.
    pub citation: String,
    /// What is compared with what, one sentence.
    pub verified: String,
    /// How it is stored.
    pub form: Form,
}

/// How something is stored at its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A model: one file.
    Model {
        /// Its name once it is fetched.
        file: String,
        /// Its SHA-256 in hex.
        sha256: String,
    },
    /// A data set in ESC-50's layout, in a ZIP archive: `meta/esc50.csv` and `audio/`.
    Esc50(Esc50),
}

/// A data set in ESC-50's layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Esc50 {
    /// Keep the recordings whose column `esc10` is true alone.
    pub only_esc10: bool,
    /// Number of recordings.
    pub n_recordings: usize,
    /// SHA-256 of the published table.
    pub table_sha256: String,
    /// SHA-256 of the table of the recordings that are kept.
    pub kept_table_sha256: String,
    /// SHA-256 of the list of MD5s of the recordings: what `LC_ALL=C; md5sum audio/* | sha256sum` prints.
    pub md5s_sha256: String,
}

/// The commit that the branch `master` was at in 2025, so that the address always gives the same files.
const ESC50_URL: &str = "https://github.com/karolpiczak/ESC-50/archive/33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6.zip";
const ESC50_TABLE: &str = "ca660da60191a97de289983a05821c9382d852a38a2ba8428980816b68cf6246";
const PICZAK: &str =
    "K. J. Piczak: ESC: Dataset for Environmental Sound Classification. ACM Multimedia, 2015, pages 1015-1018";

/// As TensorFlow publishes the network whose layers end with ReLU, in 32-bit floats: its file of TensorFlow Hub
/// (`google/lite-model/yamnet/tflite/1`), in the repository of TensorFlow Lite Support.
const YAMNET_URL: &str = "https://raw.githubusercontent.com/tensorflow/tflite-support/522a02b47444e6016d5a0d4d1388b522bc2529f2/\
     tensorflow_lite_support/metadata/python/tests/testdata/audio_classifier/yamnet_tfhub.tflite";

/// All that can be fetched by name.
#[must_use]
pub fn catalog() -> Vec<Published> {
    // The archive itself is made for each request, and its bytes have changed over the years. The checksums of the recordings
    // and of the table are those that the package soundata publishes (its index esc50_index.json).
    let esc = |name: &str, what: &str, license: &str, data: Esc50| Published {
        name: name.into(),
        what: what.into(),
        url: ESC50_URL.into(),
        n_bytes: 645_832_161,
        license: license.into(),
        citation: PICZAK.into(),
        verified: format!(
            "the MD5 of each of the {} recordings and the SHA-256 of the table are the published ones",
            data.n_recordings
        ),
        form: Form::Esc50(data),
    };
    vec![
        esc(
            "esc50",
            "data set ESC-50: 2,000 recordings of 5 s, 50 classes, 5 folds",
            "CC BY-NC 3.0: name the authors, no commercial use; those of each recording are in its file LICENSE",
            Esc50 {
                only_esc10: false,
                n_recordings: 2000,
                table_sha256: ESC50_TABLE.into(),
                kept_table_sha256: ESC50_TABLE.into(),
                md5s_sha256: "6a96522abaf1cd3fc0cbbf1791b59d7214cb2895c0195cacb642663458e1d22b".into(),
            },
        ),
        esc(
            "esc10",
            "data set ESC-10: 400 recordings of ESC-50, 10 classes, 5 folds",
            "CC BY 3.0: name the authors; those of each recording are in its file LICENSE",
            Esc50 {
                only_esc10: true,
                n_recordings: 400,
                table_sha256: ESC50_TABLE.into(),
                kept_table_sha256: "ed49ba35f21b17fb74d8d9a25be35f62337a58ba6d3ad1d055793472f2c56736".into(),
                md5s_sha256: "9b5b5f0078d72b53a3a8841ac1ce5b2d13870adf6c5ebe3261b07b6124894d0e".into(),
            },
        ),
        Published {
            name: "yamnet".into(),
            what: "model YAMNet: 521 classes of AudioSet, the pretrained network of `fit`".into(),
            url: YAMNET_URL.into(),
            n_bytes: 16_096_668,
            license: "Apache-2.0".into(),
            citation: "M. Plakal and D. Ellis: YAMNet. TensorFlow Models, 2019".into(),
            verified: "the SHA-256 of the file is the published one".into(),
            form: Form::Model {
                file: "yamnet.tflite".into(),
                sha256: "141fba1cdaae842c816f28edc4937e8b4f0af4c8df21862ccc6b52dc567993c3".into(),
            },
        },
    ]
}

impl Published {
    /// What is fetched by a name.
    ///
    /// # Errors
    /// There is no such name.
    pub fn by_name(name: &str) -> Result<Self> {
        let all = catalog();
        let names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
        match all.into_iter().find(|one| one.name == name) {
            Some(found) => Ok(found),
            None => bail!("{name}: expected one of {} or a repository, hf:OWNER/NAME", names.join(", ")),
        }
    }

    /// Where it is put if no folder is named: a model into the cache, where `fit` finds it, a data set below this folder.
    ///
    /// # Errors
    /// No home folder for the cache.
    pub fn usual_folder(&self) -> Result<PathBuf> {
        match self.form {
            Form::Model { .. } => crate::cache_folder::folder_of(&self.name),
            Form::Esc50(_) => Ok(Path::new(&self.name).to_owned()),
        }
    }
}
