//! Errors that name the file, what was expected, what was found and what to do.

use std::path::PathBuf;

/// An error of this crate. The text names the file, what was done, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file has no bytes at all.
    #[error("{}: the file is empty (0 bytes)", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A format that is recognized and not decoded.
    #[error("{}: {format} is not decoded: {advice}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The name of the format or codec.
        format: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The bytes are no sound format that is known here.
    #[error("{}: not a sound file: it begins with {found}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The first bytes, and what they look like.
        found: String,
    },
    /// A known format that could not be decoded.
    #[error("{}: {operation}: {message}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// What went wrong, with expected and got.
        message: String,
    },
    /// A sound that could not be written in a format.
    #[error("cannot be written as {format}: {message}")]
    Encode {
        /// The format.
        format: &'static str,
        /// What the encoder says.
        message: String,
    },
    /// There is not enough memory for what a file asks for.
    #[error("not enough memory for {bytes} bytes")]
    Memory {
        /// Bytes that were asked for.
        bytes: usize,
    },
    /// A path with characters that are not UTF-8: it cannot be written into a manifest or a table.
    #[error("{}: the name is not UTF-8: rename it (for names of old systems: `convmv -f latin1 -t utf8`)", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// Something that is not a plain file where one is expected: a pipe, a device, a socket, a folder.
    #[error("{}: expected a file, got {found}", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Something else where a manifest is expected.
    #[error("{}: expected a folder of class folders or a manifest (CSV with the columns path and label), got {found}", path.display())]
    NotAManifest {
        /// What was named.
        path: PathBuf,
        /// What it is, and what to do.
        found: String,
    },
    /// The caller asked to stop.
    #[error("stopped before the end")]
    Cancelled,
    /// All that a clip could be made of is silent.
    #[error("{0}")]
    Silent(crate::damage::Silence),
    /// The decoder panicked on this file.
    #[error("{}: the decoder gave up inside: {message}", path.display())]
    Panicked {
        /// The file.
        path: PathBuf,
        /// The text of the panic.
        message: String,
    },
    /// A line of a manifest is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A manifest lacks a column.
    #[error("{}: no column `{missing}`; the columns found are: {found}", path.display())]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The column that is required.
        missing: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// A folder of class folders is not usable as it is.
    #[error("{}: {message}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A manifest row asks for sound outside the file.
    #[error("the row asks for {start_s} s to {end_s} s, the file has {seconds} s")]
    Range {
        /// Start of the row in seconds.
        start_s: f64,
        /// End of the row in seconds.
        end_s: f64,
        /// Seconds in the file.
        seconds: f64,
    },
    /// A row whose windows depend on all of it, and that is too long to be kept in memory.
    #[error(
        "the row is longer than {seconds:.0} s, which is too much for this placement of windows, since it needs all of the row at \
         once; use the placement first or sliding, or shorter rows"
    )]
    TooLong {
        /// The longest that a row can be, in seconds.
        seconds: f64,
    },
    /// A channel is asked for that the file lacks.
    #[error("channel {channel} is asked for (counted from 0), the file has {n_channels}")]
    Channel {
        /// The channel that is asked for, from 0.
        channel: u16,
        /// Channels in the file.
        n_channels: usize,
    },
    /// A decoded file without any sample.
    #[error("the file holds no sound")]
    NoSound,
    /// A setting that makes no sense.
    #[error("{setting}: expected {expected}, got {got}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What is accepted.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What a scan has kept of an earlier one cannot be used.
    #[error("{}: {message}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The resampler refused.
    #[error("resample {from_hz} Hz to {to_hz} Hz: {message}")]
    Resample {
        /// Rate of the input.
        from_hz: u32,
        /// Rate asked for.
        to_hz: u32,
        /// The resampler's message.
        message: String,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
