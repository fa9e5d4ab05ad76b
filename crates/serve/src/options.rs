//! What is served, to whom, and within which limits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Options of [`run`](crate::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of runs, or model files. May be empty where models are trained from the page.
    pub runs: Vec<PathBuf>,
    /// Where connections are accepted. Port 0 is any that is free.
    pub addr: SocketAddr,
    /// What every request has to bring; required where the address is not of this machine alone.
    pub token: Option<String>,
    /// Names that the server has beside those of this machine and, with a token, IP addresses.
    pub hosts: Vec<String>,
    /// How models are asked.
    pub ask: Ask,
    /// The table whose detections are reviewed.
    pub review: Option<ReviewTable>,
    /// The CSV that answers of reviewers are appended to; made with the first answer.
    pub reviews: PathBuf,
    /// How models are trained; none where that is not allowed.
    pub fit: Option<FitSettings>,
    /// Folder for what is uploaded to train on, and for models that are made; none for one that is removed at the end.
    pub work: Option<PathBuf>,
    /// Bounds.
    pub limits: Limits,
}

impl Options {
    /// Models on this machine alone, at the usual port.
    pub fn new(runs: Vec<PathBuf>) -> Self {
        Self {
            runs,
            addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            token: None,
            hosts: Vec::new(),
            ask: Ask::default(),
            review: None,
            reviews: PathBuf::from("reviews.csv"),
            fit: Some(FitSettings::default()),
            work: None,
            limits: Limits::default(),
        }
    }
}

/// How models are asked, where a request does not say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// `unsure` where no class is as probable as this, 0 to 1.
    pub unsure_below: f32,
    /// Maximum false-rejection rate; none for the usual one.
    pub alpha: Option<f64>,
    /// The detector of unknown sounds.
    pub reject: inference::Reject,
}

impl Default for Ask {
    fn default() -> Self {
        Self { unsure_below: 0.5, alpha: None, reject: inference::Reject::Auto }
    }
}

/// A table of detections, and where its recordings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewTable {
    /// The table, ours or another tool's.
    pub detections: PathBuf,
    /// Folder that recordings are under where they are not as written; or the recording of a table that names none.
    pub recordings: Option<PathBuf>,
}

/// How models are trained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FitSettings {
    /// The pretrained network, as for `barkbird fit`.
    pub backbone: Option<String>,
    /// Folders where YAMNet's weights may be, where none is named.
    pub usual_backbones: Vec<PathBuf>,
}

/// Bounds of size, time, concurrency and memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one uploaded recording.
    pub upload_bytes: u64,
    /// Seconds of sound of one recording.
    pub seconds: u64,
    /// Bytes of all clips of one training.
    pub fit_bytes: u64,
    /// Trainings that are kept at a time, and calibrations.
    pub n_fits: usize,
    /// Recordings that are received or classified at a time; others wait.
    pub n_uploads: usize,
    /// Recordings that are classified at a time.
    pub n_jobs: usize,
    /// Live sessions at a time.
    pub n_live: usize,
    /// Connections at a time; others wait to be accepted.
    pub n_connections: usize,
    /// How long a request waits for its turn before it is told that the server is busy.
    pub wait: Duration,
    /// How long nothing may come of a body.
    pub idle: Duration,
    /// How long a body may take in all.
    pub receive: Duration,
    /// How long the classification of one recording may take.
    pub classify: Duration,
    /// How long a live session may be without sound.
    pub live_idle: Duration,
    /// Memory for windows and what networks compute of them, over all recordings that are classified at a time, in bytes, about.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 512 << 20,
            seconds: 24 * 3600,
            fit_bytes: 4 << 30,
            n_fits: 16,
            n_uploads: 16,
            n_jobs: 1,
            n_live: 4,
            n_connections: 1024,
            wait: Duration::from_secs(60),
            idle: Duration::from_secs(20),
            receive: Duration::from_secs(1800),
            classify: Duration::from_secs(3600),
            live_idle: Duration::from_secs(30),
            memory_bytes: 256 << 20,
        }
    }
}
