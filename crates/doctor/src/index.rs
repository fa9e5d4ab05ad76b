//! Near-duplicates among many clips: an inverted index of landmarks proposes pairs, sub-fingerprints confirm them.
//!
//! The landmarks of all clips are sorted by hash. A clip's landmarks then vote for (other clip, offset in time). A
//! candidate with enough votes is compared bit by bit at that offset, and one that passes by the phases of its peaks.
//! Pairs of clips without common landmarks are never compared.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fingerprint::{Bits, Fingerprint, HOP_S};
use crate::phase::{Aligner, Coherence};

/// Thresholds of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Fewest landmarks with equal hash and offset before bits are compared, 1 or more.
    pub min_votes: usize,
    /// Smallest agreement of the bits before phases are compared, 0 to 1: equal bits minus different ones, as a share of the
    /// bits that are known in either clip. About 0 for unrelated sounds and little more for faint copies.
    pub min_score: f64,
    /// Fewest common peaks, 1 or more: the phases of a few agree by chance.
    pub min_peaks: usize,
    /// Smallest evidence of phases and bits together, 0 or more: minus the natural logarithm of the probability that
    /// unrelated phases agree so well at a given delay, plus [`BITS_WEIGHT`] times the score. Hundreds of delays and
    /// millions of pairs are tried.
    pub min_evidence: f64,
    /// A landmark is compared with so many of the equal ones that follow, in the order of the clips, 1 or more. Landmarks
    /// that thousands of clips share cost time and carry little information. More copies than this are still found, each
    /// paired with the next ones.
    pub max_equals: usize,
}

/// Evidence of a full agreement of the bits. Copies that keep only a few peaks after a reduction to 8 bits still agree in
/// more bits than other calls of the same kind.
pub const BITS_WEIGHT: f64 = 20.0;

impl Default for SearchConfig {
    fn default() -> Self {
        Self { min_votes: 2, min_score: 0.05, min_peaks: 10, min_evidence: 18.0, max_equals: 100 }
    }
}

impl SearchConfig {
    /// Checks the ranges of the settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn validate(&self) -> Result<()> {
        let counts = [("min_votes", self.min_votes), ("min_peaks", self.min_peaks), ("max_equals", self.max_equals)];
        for (setting, value) in counts {
            if value == 0 {
                return Err(Error::Setting { setting, expected: "1 or more", got: value.to_string() });
            }
        }
        if !(0.0..=1.0).contains(&self.min_score) {
            let got = self.min_score.to_string();
            return Err(Error::Setting { setting: "min_score", expected: "0 to 1", got });
        }
        if !(self.min_evidence >= 0.0 && self.min_evidence.is_finite()) {
            let got = self.min_evidence.to_string();
            return Err(Error::Setting { setting: "min_evidence", expected: "0 or more", got });
        }
        Ok(())
    }
}

/// Two clips that contain the same sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicate {
    /// Index of the earlier clip.
    pub a: usize,
    /// Index of the later clip.
    pub b: usize,
    /// Agreement of the bits as in [`SearchConfig::min_score`]: 1 where all are equal.
    pub score: f64,
    /// Time `t` of clip `b` is time `t + offset_s` of clip `a`, to within one frame of 16 ms.
    pub offset_s: f64,
    /// Length of the overlap.
    pub overlap_s: f64,
    /// Number of landmarks that agree.
    pub n_votes: usize,
    /// Number of bits that are known in either clip.
    pub n_bits: usize,
    /// Agreement of the phases of the peaks, 0 to 1: near 1 for copies, at chance level for other calls of the same kind.
    pub coherence: f64,
    /// Number of common peaks.
    pub n_peaks: usize,
    /// Evidence as in [`SearchConfig::min_evidence`].
    pub evidence: f64,
}

/// All pairs of clips that contain the same sound, sorted by (a, b). The result does not depend on the number of threads.
///
/// # Shapes
/// `clips`: `[n]`; `a` and `b` of the result are indices into it, `a < b`.
///
/// # Errors
/// A setting outside its range, or 2^32 clips or landmarks.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = clips.len()))]
pub fn near_duplicates(clips: &[Fingerprint], config: &SearchConfig) -> Result<Vec<NearDuplicate>> {
    config.validate()?;
    let n_landmarks: usize = clips.iter().map(Fingerprint::n_landmarks).sum();
    if u32::try_from(n_landmarks.max(clips.len())).is_err() {
        let got = format!("{} clips with {n_landmarks} landmarks", clips.len());
        return Err(Error::Data { operation: "near-duplicates", expected: "less than 2^32 of each".into(), got });
    }
    let index = Index::new(clips);
    let found = (0..clips.len()).into_par_iter().map_init(Room::new, |room, a| index.partners(clips, a, room, config));
    Ok(found.collect::<Vec<_>>().into_iter().flatten().collect())
}

/// Compares two clips without an index, at the best of the offsets that landmarks propose.
///
/// # Errors
/// A setting outside its range.
pub fn compare(a: &Fingerprint, b: &Fingerprint, config: &SearchConfig) -> Result<Option<NearDuplicate>> {
    config.validate()?;
    let pair = [a.clone(), b.clone()];
    Ok(Index::new(&pair).partners(&pair, 0, &mut Room::new(), config).pop())
}

/// Number of upper bits of a hash that select its bucket.
const BUCKET_BITS: u32 = 22;

/// A landmark of one clip: 8 bytes, since there are tens of millions.
#[derive(Clone, Copy, Default)]
struct Posting {
    clip: u32,
    frame: u16,
    /// The lower bits of its hash; the bucket has the others.
    rest: u16,
}

/// Buffers of one thread of the search.
struct Room {
    votes: Vec<u64>,
    aligner: Aligner,
}

impl Room {
    fn new() -> Self {
        Self { votes: Vec::new(), aligner: Aligner::new() }
    }
}

/// Every landmark of every clip, by bucket, then by clip.
struct Index {
    /// Where each bucket starts, and the end of the last, `[2^BUCKET_BITS + 1]`.
    starts: Vec<u32>,
    postings: Vec<Posting>,
}

fn bucket(hash: u32) -> usize {
    (hash >> (u32::BITS - BUCKET_BITS)) as usize
}

impl Index {
    fn new(clips: &[Fingerprint]) -> Self {
        let n_buckets = 1usize << BUCKET_BITS;
        let mut starts = vec![0u32; n_buckets + 1];
        for landmark in clips.iter().flat_map(|clip| &clip.landmarks) {
            starts[bucket(landmark.hash) + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut postings = vec![Posting::default(); starts[n_buckets] as usize];
        for (clip, fingerprint) in clips.iter().enumerate() {
            for landmark in &fingerprint.landmarks {
                let place = &mut next[bucket(landmark.hash)];
                let (clip, rest) = (clip as u32, landmark.hash as u16);
                postings[*place as usize] = Posting { clip, frame: landmark.frame, rest };
                *place += 1;
            }
        }
        Self { starts, postings }
    }

    /// The later clips that contain the same sound as clip `a`.
    fn partners(
        &self,
        clips: &[Fingerprint],
        a: usize,
        Room { votes, aligner }: &mut Room,
        config: &SearchConfig,
    ) -> Vec<NearDuplicate> {
        votes.clear();
        for landmark in &clips[a].landmarks {
            let bucket = bucket(landmark.hash);
            let postings = &self.postings[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
            let later = postings.partition_point(|posting| posting.clip as usize <= a);
            let equals = postings[later..].iter().filter(|posting| posting.rest == landmark.hash as u16);
            votes.extend(equals.take(config.max_equals).map(|posting| {
                let offset = (i64::from(landmark.frame) - i64::from(posting.frame) + OFFSET_BIAS) as u64;
                u64::from(posting.clip) << 32 | offset
            }));
        }
        votes.sort_unstable();
        let partners = votes.chunk_by(|x, y| x >> 32 == y >> 32);
        partners.filter_map(|votes| confirm(clips, a, votes, aligner, config)).collect()
    }
}

/// Added to offsets so that they are positive.
const OFFSET_BIAS: i64 = 1 << 31;

/// Most offsets of one pair that are compared bit by bit; those with the most votes.
const MAX_OFFSETS: usize = 8;

/// The best offset of the pair of these votes, where it passes the thresholds.
fn confirm(
    clips: &[Fingerprint],
    a: usize,
    votes: &[u64],
    aligner: &mut Aligner,
    config: &SearchConfig,
) -> Option<NearDuplicate> {
    if votes.len() < config.min_votes {
        return None;
    }
    let b = (votes[0] >> 32) as usize;
    let offsets: Vec<i64> = votes.iter().map(|vote| (vote & 0xffff_ffff) as i64 - OFFSET_BIAS).collect();
    // The frames of an excerpt are between those of the whole recording, so that offsets can differ by one: each offset
    // also counts the votes of the next one.
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
    let mut best: Option<NearDuplicate> = None;
    for &(n_votes, proposed) in proposals.iter().take(MAX_OFFSETS) {
        let Some((offset, score, agreement)) = best_bits(&clips[a], &clips[b], proposed, config) else { continue };
        let phases = aligner.coherence(&clips[a].marks, &clips[b].marks, offset);
        let evidence = phases.evidence() + BITS_WEIGHT * score;
        if phases.n < config.min_peaks
            || evidence < config.min_evidence
            || best.as_ref().is_some_and(|best| best.evidence >= evidence)
        {
            continue;
        }
        let (offset_s, overlap_s) = (offset as f64 * HOP_S, agreement.n_frames as f64 * HOP_S);
        let Coherence { n: n_peaks, value: coherence, .. } = phases;
        let n_bits = agreement.n_bits;
        best = Some(NearDuplicate { a, b, score, offset_s, overlap_s, n_votes, n_bits, coherence, n_peaks, evidence });
    }
    best
}

/// The offset near the proposed one with the best agreement of the bits, where it passes the threshold.
fn best_bits(a: &Fingerprint, b: &Fingerprint, proposed: i64, config: &SearchConfig) -> Option<(i64, f64, Agreement)> {
    let of = |offset: i64| {
        let agreement = agreement(&a.bits, &b.bits, offset);
        let score = (agreement.n_same as f64 - agreement.n_differ as f64) / agreement.n_bits.max(1) as f64;
        (offset, score, agreement)
    };
    let best = (proposed - 1..=proposed + 2).map(of).reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.filter(|best| best.1 >= config.min_score)
}

/// Comparison of the bits of two clips at one offset.
#[derive(Default)]
struct Agreement {
    /// Number of bits known in either.
    n_bits: usize,
    /// Number of bits known in both that are equal.
    n_same: usize,
    /// Number of bits known in both that differ.
    n_differ: usize,
    /// Number of overlapping frames.
    n_frames: usize,
}

/// Compares with frame 0 of `b` at frame `offset` of `a`.
fn agreement(a: &[Bits], b: &[Bits], offset: i64) -> Agreement {
    let first_a = offset.max(0) as usize;
    let first_b = (-offset).max(0) as usize;
    let mut sums = Agreement::default();
    for (x, y) in a.iter().skip(first_a).zip(b.iter().skip(first_b)) {
        let (both, differ) = (x.known & y.known, x.rises ^ y.rises);
        sums.n_bits += (x.known | y.known).count_ones() as usize;
        sums.n_same += (both & !differ).count_ones() as usize;
        sums.n_differ += (both & differ).count_ones() as usize;
        sums.n_frames += 1;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{excerpt, song};

    fn search(clips: &[Vec<f32>]) -> Vec<NearDuplicate> {
        let prints: Vec<Fingerprint> = clips.iter().map(|clip| Fingerprint::new(clip)).collect();
        near_duplicates(&prints, &SearchConfig::default()).unwrap()
    }

    #[test]
    fn an_excerpt_is_found_where_it_was_cut() {
        let whole = song(1, 4.0);
        let found = search(&[whole.clone(), song(2, 4.0), excerpt(&whole, 1.003, 2.5), song(3, 1.0)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].a, found[0].b), (0, 2));
        assert!((found[0].offset_s - 1.003).abs() <= HOP_S && found[0].score > 0.6, "{found:?}");
        assert!((found[0].overlap_s - 1.5).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn gain_noise_and_eight_bits_do_not_matter() {
        let whole = song(4, 2.0);
        let quiet: Vec<f32> = whole.iter().map(|sample| 0.03 * sample).collect();
        let eight: Vec<f32> = whole.iter().map(|sample| (sample * 127.0).round() / 128.0).collect();
        let noise = song(5, 2.0);
        let noisy: Vec<f32> = whole.iter().zip(&noise).map(|(sample, noise)| sample + 0.02 * noise).collect();
        let found = search(&[whole, quiet, eight, noisy]);
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(found[0].score > 0.9 && found[0].offset_s == 0.0, "{found:?}");
    }

    #[test]
    fn more_copies_than_are_compared_still_hang_together() {
        let prints = vec![Fingerprint::new(&song(6, 1.0)); 40];
        let config = SearchConfig { max_equals: 3, ..SearchConfig::default() };
        let found = near_duplicates(&prints, &config).unwrap();
        assert!((0..39).all(|i| found.iter().any(|pair| (pair.a, pair.b) == (i, i + 1))), "{}", found.len());
        assert!(found.len() < 40 * 39 / 2);
    }

    #[test]
    fn silence_and_a_steady_tone_are_like_nothing() {
        let tone: Vec<f32> = (0..16000).map(|i| (i as f32 * 0.7).sin()).collect();
        assert_eq!(search(&[vec![0.0; 16000], vec![0.0; 16000], tone.clone(), tone, Vec::new(), vec![0.5; 100]]), []);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let whole = song(7, 3.0);
        let clips: Vec<Vec<f32>> = (0..30).map(|i| excerpt(&whole, 0.05 * f64::from(i), 3.0)).collect();
        let on = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(|| search(&clips));
        let alone = on(1);
        assert!(alone.len() > 400);
        assert_eq!(on(4), alone);
    }

    #[test]
    fn settings_are_checked() {
        for text in [
            r#"{"min_votes": 0}"#,
            r#"{"min_score": 1.5}"#,
            r#"{"min_evidence": -1}"#,
            r#"{"min_peaks": 0}"#,
            r#"{"max_equals": 0}"#,
        ] {
            let config: SearchConfig = serde_json::from_str(text).unwrap();
            assert!(compare(&Fingerprint::default(), &Fingerprint::default(), &config).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<SearchConfig>(r#"{"min_vote": 1}"#).is_err());
    }
}
