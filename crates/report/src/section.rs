//! A part of a page: sentences, numbers on a line, a table, sounds.

use crate::table::Table;

/// One part of a page; what is empty is not shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Sentences under it.
    pub text: Vec<String>,
    /// Numbers between 0 and 1, drawn on a line.
    pub figures: Vec<LineFigure>,
    /// A table.
    pub table: Option<Table>,
    /// Clips to look at and listen to.
    pub sounds: Vec<SoundCard>,
}

/// A number between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineFigure {
    /// What was measured.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// The value of a random guess, marked on the line.
    pub chance: f64,
    /// An explanation in words.
    pub note: String,
    /// Whether it is highlighted as a problem.
    pub alarm: bool,
}

/// A clip to look at and listen to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundCard {
    /// The main point, in a few words.
    pub verdict: String,
    /// Details.
    pub note: String,
    /// Which clip.
    pub path: String,
    /// The spectrogram as a PNG file; empty for none.
    pub png: Vec<u8>,
    /// The sound as a file, OGG or WAV; empty for none.
    pub sound: Vec<u8>,
}
