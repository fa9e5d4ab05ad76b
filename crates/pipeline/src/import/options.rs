//! How data are read, and what comes of it.

use crate::named::named;
use audio_io::Manifest;
use std::fmt;
use std::path::PathBuf;

named! {
    /// How data are laid out.
    pub enum Layout {
        Manifest = "manifest", "A table with `path` and `label`";
        Folders = "folders", "A folder with one folder a class";
        Birdnet = "birdnet", "The same as BirdNET-Analyzer has it: -NAME, noise, other, background and silence are no classes";
        Audiofolder = "audiofolder", "Hugging Face: train/LABEL/x.wav, or a table with `file_name`";
        Esc50 = "esc50", "meta/esc50.csv and audio/";
        Annotations = "annotations", "Recordings with tables of what is to be heard when";
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "a manifest",
            Self::Folders => "a folder with one folder a class",
            Self::Birdnet => "class folders of BirdNET-Analyzer",
            Self::Audiofolder => "an audiofolder of Hugging Face",
            Self::Esc50 => "a data set in the layout of ESC-50",
            Self::Annotations => "recordings with tables of annotations",
        })
    }
}

/// How data are read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The layout; found out where it is not said.
    pub layout: Option<Layout>,
    /// Folder of the recordings that a table names, or the one recording that it is of.
    pub recordings: Option<PathBuf>,
    /// Column of the label where it is not the usual one.
    pub label_column: Option<String>,
    /// Annotations shorter than this are extended into the sound around them, in seconds; those without a length get it.
    pub clip_s: Option<f64>,
    /// Clips of time without annotation that are taken of each recording as `neither`, at most.
    pub background: usize,
    /// Annotations with a lower score are left out.
    pub min_score: Option<f64>,
}

/// Data that were read.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The rows, and what was left out of them.
    pub manifest: Manifest,
    /// What the data were taken for.
    pub layout: Layout,
    /// What a reader should know of how they were read, a sentence each.
    pub notes: Vec<String>,
}

impl Imported {
    pub(super) fn of(layout: Layout, manifest: Manifest) -> Self {
        Self { manifest, layout, notes: Vec::new() }
    }
}
