//! What is wrong with a file that still decodes, and why there may be nothing to classify.

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
    /// The header contradicts itself or the file's length; what was read all the same.
    Header(String),
    /// The header gives no length, as in a stream or a recording that was broken off; read to the end of the file.
    OpenEnd,
    /// Packets that did not decode; silence stands in for them, so that later sound keeps its time.
    BadPackets(u64),
    /// The header is there and the sound that it announces is not.
    HeaderOnly,
    /// The file declares no sound, and holds none.
    ZeroLength,
    /// Samples that were NaN, infinite or beyond all measure; they were set to 0.
    NotFinite(u64),
    /// Every sample is 0.
    Silent,
    /// Every sample of a channel has the same value: an offset without sound.
    Constant,
}

impl Damage {
    /// Whether it leaves nothing to use.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Damage::HeaderOnly | Damage::ZeroLength | Damage::Silent | Damage::Constant)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Short { decoded, declared } => {
                write!(out, "cut short: {decoded} frames of the {declared} that the header declares")
            }
            Damage::Tail(message) => write!(out, "decoding stopped early: {message}"),
            Damage::Header(message) => write!(out, "the header contradicts the file: {message}"),
            Damage::OpenEnd => {
                write!(out, "cut short or streamed: the header gives no length, read to the end of the file")
            }
            Damage::BadPackets(n) => write!(out, "{n} packets did not decode and are silence now"),
            Damage::HeaderOnly => write!(out, "a header without sound"),
            Damage::ZeroLength => write!(out, "zero length"),
            Damage::NotFinite(n) => write!(out, "{n} samples were NaN or infinite and are 0 now"),
            Damage::Silent => write!(out, "pure silence"),
            Damage::Constant => write!(out, "no sound: every sample has the same value (a constant offset)"),
        }
    }
}

/// Why there is nothing to classify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Every sample is 0.
    Zero,
    /// Every sample has the same value.
    Constant,
    /// The channels hold sound, and their mix does not.
    Cancelled,
}

impl fmt::Display for Silence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Silence::Zero => "pure silence",
            Silence::Constant => "no sound: every sample has the same value (a constant offset)",
            Silence::Cancelled => {
                "silent once its channels are mixed, since they cancel each other: name one in the column `channel`"
            }
        })
    }
}
