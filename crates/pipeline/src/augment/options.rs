//! Options of an augmentation, and what they name.

use crate::config::{Dtype, Strength};
use crate::error::{Context, Result};
use crate::extraction::stage::{Assembled, Part};
use crate::extraction::views::Backgrounds;
use crate::features::FrontEndOptions;
use crate::job::Job;
use inference::Chain;
use std::path::PathBuf;

/// Options of [`run`](super::run) and [`preview`](super::preview()).
#[derive(Debug, Clone)]
pub struct Options {
    /// What `scan` wrote, or a features folder; for a preview, the recording.
    pub input: PathBuf,
    /// Folder for the shards; for a preview, for sounds and the picture.
    pub out: PathBuf,
    /// Views of each clip.
    pub views: usize,
    /// Splits to augment; the others are copied as they are.
    pub splits: Vec<String>,
    /// How strongly; none for what the configuration has.
    pub strength: Option<Strength>,
    /// Recordings to mix in.
    pub background: Option<PathBuf>,
    /// The front end; its configuration has the section `augment` too.
    pub front_end: FrontEndOptions,
    /// Compute share I of N of the recordings alone.
    pub part: Option<(usize, usize)>,
    /// Classes, in order; empty for all labels that are trained on.
    pub classes: Vec<String>,
    /// How values are stored.
    pub dtype: Dtype,
    /// Keep a cache beside the shards, which a killed run goes on from.
    pub cache: bool,
}

impl Options {
    /// Four views of each training clip.
    pub fn new(input: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            out: out.into(),
            views: 4,
            splits: vec!["train".into()],
            strength: None,
            background: None,
            front_end: FrontEndOptions::default(),
            part: None,
            classes: Vec::new(),
            dtype: Dtype::F32,
            cache: true,
        }
    }
}

/// What was done.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A share was computed into the cache.
    Part(Part),
    /// All shards of a manifest were written.
    Assembled(Box<Assembled>),
    /// All shards of a features folder were written.
    Spectrograms {
        /// What was written.
        index: Box<shard::Index>,
        /// Clips of the features folder.
        clips: u64,
    },
}

pub(super) fn backgrounds(options: &Options, chain: &Chain, job: &Job<'_>) -> Result<Backgrounds> {
    let read = |folder| Backgrounds::read(folder, chain.clip.sample_rate_hz, job);
    options.background.as_deref().map_or_else(|| Ok(Backgrounds::default()), read)
}

/// Where the splits that are asked for are among those there are.
pub(super) fn numbers_of(asked: &[String], there: &[String]) -> Result<Vec<u8>> {
    let number = |name: &String| -> Result<u8> {
        let position = there.iter().position(|split| split == name.trim());
        let position = position.with_context(|| format!("no split {name}; the splits there are: {}", there.join(", ")));
        Ok(u8::try_from(position?)?)
    };
    asked.iter().map(number).collect()
}
