//! What is wrong with a file that still decodes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong with a decoded file. The sound that is there is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Fewer frames are there than the header declares.
    Short {
        /// Frames that were decoded.
        decoded: u64,
        /// Frames that the header declares.
        declared: u64,
    },
    /// Decoding stopped before the end of the file.
    Tail(String),
    /// Packets that did not decode; silence stands in their place, so that later sound keeps its time.
    BadPackets(u64),
    /// The header is there and the sound that it announces is not.
    HeaderOnly,
    /// The file says that it holds no sound, and holds none.
    ZeroLength,
    /// Samples that were NaN or infinite; they were set to 0.
    NotFinite(u64),
    /// Every sample is 0.
    Silent,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Short { decoded, declared } => {
                write!(out, "cut short: {decoded} frames of the {declared} that the header declares")
            }
            Damage::Tail(message) => write!(out, "decoding stopped early: {message}"),
            Damage::BadPackets(n) => write!(out, "{n} packets did not decode and are silence now"),
            Damage::HeaderOnly => write!(out, "a header without sound"),
            Damage::ZeroLength => write!(out, "zero length"),
            Damage::NotFinite(n) => write!(out, "{n} samples were NaN or infinite and are 0 now"),
            Damage::Silent => write!(out, "pure silence"),
        }
    }
}
