//! Near-duplicates among many clips: an inverted index of landmarks proposes pairs, sub-fingerprints confirm them.
//!
//! All clips' landmarks are laid out by hash. A clip's landmarks then vote for (other clip, offset in time); what gets
//! a few votes is compared bit by bit at that offset. No pair of clips is looked at that shares no landmarks.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fingerprint::{Bits, Fingerprint, HOP_S, N_HASHES};

/// How alike two clips must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Landmarks that must agree in hash and offset before bits are compared, 1 or more.
    pub min_votes: usize,
    /// Bits known in both clips that a comparison must rest on, 1 or more.
    pub min_bits: usize,
    /// Share of these bits that may differ, 0 to 0.5. Unrelated sounds differ in half.
    pub max_error_rate: f64,
    /// A landmark is compared with its next so many equals, in the order of the clips, 1 or more. Sounds that thousands
    /// of clips share cost time and tell little; copies in greater numbers are still found, each with its next ones.
    pub max_equals: usize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { min_votes: 2, min_bits: 150, max_error_rate: 0.25, max_equals: 300 }
    }
}

impl SearchConfig {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first setting that does not, by name.
    pub fn validate(&self) -> Result<()> {
        let counts = [("min_votes", self.min_votes), ("min_bits", self.min_bits), ("max_equals", self.max_equals)];
        for (setting, value) in counts {
            if value == 0 {
                return Err(Error::Setting { setting, expected: "1 or more", got: value.to_string() });
            }
        }
        if !(0.0..=0.5).contains(&self.max_error_rate) {
            let got = self.max_error_rate.to_string();
            return Err(Error::Setting { setting: "max_error_rate", expected: "0 to 0.5", got });
        }
        Ok(())
    }
}

/// Two clips that hold the same sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicate {
    /// Index of the earlier clip.
    pub a: usize,
    /// Index of the later clip.
    pub b: usize,
    /// How far the bits agree: 1 where all do, 0 where no more do than by chance.
    pub score: f64,
    /// What is at time `t` of clip `b` is at `t + offset_s` of clip `a`, to within one frame of 16 ms.
    pub offset_s: f64,
    /// How long the two run along each other.
    pub overlap_s: f64,
    /// Landmarks that agreed.
    pub n_votes: usize,
    /// Bits that were compared.
    pub n_bits: usize,
}

/// All pairs of clips that hold the same sound, by (a, b). The same result whatever the number of threads.
///
/// # Shapes
/// `clips`: `[n]`; `a` and `b` of the result are indices into it, `a < b`.
///
/// # Errors
/// A setting that makes no sense, or more than 2^32 clips.
pub fn near_duplicates(clips: &[Fingerprint], config: &SearchConfig) -> Result<Vec<NearDuplicate>> {
    config.validate()?;
    if u32::try_from(clips.len()).is_err() {
        let (expected, got) = ("at most 2^32 clips".to_owned(), clips.len().to_string());
        return Err(Error::Data { operation: "near-duplicates", expected, got });
    }
    let index = Index::new(clips);
    let found = (0..clips.len()).into_par_iter().map_init(Vec::new, |votes, a| index.partners(clips, a, votes, config));
    Ok(found.collect::<Vec<_>>().into_iter().flatten().collect())
}

/// Compares two clips without an index: the best agreement over the offsets that landmarks propose.
///
/// # Errors
/// A setting that makes no sense.
pub fn compare(a: &Fingerprint, b: &Fingerprint, config: &SearchConfig) -> Result<Option<NearDuplicate>> {
    config.validate()?;
    let pair = [a.clone(), b.clone()];
    Ok(Index::new(&pair).partners(&pair, 0, &mut Vec::new(), config).pop())
}

/// A landmark of one clip.
#[derive(Clone, Copy, Default)]
struct Posting {
    clip: u32,
    frame: u32,
}

/// Every landmark of every clip, by hash, then by clip, then by frame.
struct Index {
    /// Where each hash's postings start, `[N_HASHES + 1]`.
    starts: Vec<u32>,
    postings: Vec<Posting>,
}

impl Index {
    fn new(clips: &[Fingerprint]) -> Self {
        let mut starts = vec![0u32; N_HASHES + 1];
        for landmark in clips.iter().flat_map(|clip| &clip.landmarks) {
            starts[landmark.hash as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut postings = vec![Posting::default(); starts[N_HASHES] as usize];
        for (clip, fingerprint) in clips.iter().enumerate() {
            for landmark in &fingerprint.landmarks {
                let place = &mut next[landmark.hash as usize];
                postings[*place as usize] = Posting { clip: clip as u32, frame: landmark.frame };
                *place += 1;
            }
        }
        Self { starts, postings }
    }

    /// The later clips that hold what clip `a` holds.
    fn partners(
        &self,
        clips: &[Fingerprint],
        a: usize,
        votes: &mut Vec<u64>,
        config: &SearchConfig,
    ) -> Vec<NearDuplicate> {
        votes.clear();
        for landmark in &clips[a].landmarks {
            let equals = &self.postings
                [self.starts[landmark.hash as usize] as usize..self.starts[landmark.hash as usize + 1] as usize];
            let later = equals.partition_point(|posting| posting.clip as usize <= a);
            votes.extend(equals[later..].iter().take(config.max_equals).map(|posting| {
                let offset = (i64::from(landmark.frame) - i64::from(posting.frame) + OFFSET_BIAS) as u64;
                u64::from(posting.clip) << 32 | offset
            }));
        }
        votes.sort_unstable();
        let partners = votes.chunk_by(|x, y| x >> 32 == y >> 32);
        partners.filter_map(|votes| confirm(clips, a, votes, config)).collect()
    }
}

/// Added to offsets so that they are positive.
const OFFSET_BIAS: i64 = 1 << 31;

/// Offsets of one pair that are compared bit by bit, the ones with most votes.
const MAX_OFFSETS: usize = 8;

/// The best offset of the pair that these votes are for, where it is good enough.
fn confirm(clips: &[Fingerprint], a: usize, votes: &[u64], config: &SearchConfig) -> Option<NearDuplicate> {
    if votes.len() < config.min_votes {
        return None;
    }
    let b = (votes[0] >> 32) as usize;
    let offsets: Vec<i64> = votes.iter().map(|vote| (vote & 0xffff_ffff) as i64 - OFFSET_BIAS).collect();
    // An excerpt's frames fall between those of the whole, so that offsets differ by one: each counts its next one's.
    let mut proposals: Vec<(usize, i64)> = Vec::new();
    for (i, &offset) in offsets.iter().enumerate() {
        if i > 0 && offsets[i - 1] == offset {
            continue;
        }
        let n_votes = offsets[i..].iter().take_while(|&&other| other <= offset + 1).count();
        if n_votes >= config.min_votes {
            proposals.push((n_votes, offset));
        }
    }
    proposals.sort_unstable_by_key(|&(n_votes, offset)| (std::cmp::Reverse(n_votes), offset));
    let mut best: Option<(f64, NearDuplicate)> = None;
    for &(n_votes, proposed) in proposals.iter().take(MAX_OFFSETS) {
        for offset in proposed - 1..=proposed + 2 {
            let (n_bits, n_differ, n_frames) = differences(&clips[a].bits, &clips[b].bits, offset);
            let error_rate = n_differ as f64 / n_bits.max(1) as f64;
            if n_bits < config.min_bits || error_rate > config.max_error_rate {
                continue;
            }
            if best.as_ref().is_none_or(|(least, _)| error_rate < *least) {
                let (offset_s, overlap_s) = (offset as f64 * HOP_S, n_frames as f64 * HOP_S);
                let score = 1.0 - 2.0 * error_rate;
                best = Some((error_rate, NearDuplicate { a, b, score, offset_s, overlap_s, n_votes, n_bits }));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

/// Bits known in both, those of them that differ, and frames laid along each other, with frame 0 of `b` at `offset`
/// of `a`.
fn differences(a: &[Bits], b: &[Bits], offset: i64) -> (usize, usize, usize) {
    let first_a = offset.max(0) as usize;
    let first_b = (-offset).max(0) as usize;
    let (mut n_bits, mut n_differ, mut n_frames) = (0, 0, 0);
    for (x, y) in a.iter().skip(first_a).zip(b.iter().skip(first_b)) {
        let known = x.known & y.known;
        n_bits += known.count_ones() as usize;
        n_differ += (known & (x.rises ^ y.rises)).count_ones() as usize;
        n_frames += 1;
    }
    (n_bits, n_differ, n_frames)
}
