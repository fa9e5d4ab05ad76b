//! The sound of the last while.

use std::collections::VecDeque;

/// Bytes that it takes, at most.
const MOST_BYTES: usize = 128 << 20;

/// The last samples of each channel.
#[derive(Debug)]
pub(crate) struct Remembered {
    channels: Vec<VecDeque<f32>>,
    most_frames: usize,
    /// Frames that have come so far.
    n_frames: u64,
}

impl Remembered {
    /// Of so many seconds, or fewer where they would take more than 128 MiB.
    pub(crate) fn new(n_channels: usize, rate_hz: u32, seconds: f64) -> Self {
        let wanted = (seconds * f64::from(rate_hz)) as usize;
        let most_frames = wanted.min(MOST_BYTES / (n_channels.max(1) * size_of::<f32>()));
        Self { channels: vec![VecDeque::new(); n_channels], most_frames, n_frames: 0 }
    }

    /// Frames that have come so far.
    pub(crate) fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// A block of all channels.
    pub(crate) fn push(&mut self, block: &[Vec<f32>]) {
        for (kept, samples) in self.channels.iter_mut().zip(block) {
            let n_over = (kept.len() + samples.len()).saturating_sub(self.most_frames).min(kept.len());
            kept.drain(..n_over);
            kept.extend(&samples[samples.len().saturating_sub(self.most_frames)..]);
        }
        self.n_frames += block.first().map_or(0, Vec::len) as u64;
    }

    /// Frames from one to another, as far as they are remembered, and the number of the first.
    pub(crate) fn cut(&self, from: u64, to: u64) -> (u64, Vec<Vec<f32>>) {
        let n_kept = self.channels.first().map_or(0, VecDeque::len) as u64;
        let first = self.n_frames - n_kept;
        let (from, to) = (from.clamp(first, self.n_frames), to.clamp(first, self.n_frames));
        let range = (from - first) as usize..(to.max(from) - first) as usize;
        (from, self.channels.iter().map(|kept| kept.range(range.clone()).copied().collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_while_is_there_and_nothing_before() {
        let mut remembered = Remembered::new(2, 10, 1.0);
        let block = |from: u32, n: u32| -> Vec<Vec<f32>> {
            [0.0, 0.5].iter().map(|add| (from..from + n).map(|i| i as f32 + add).collect()).collect()
        };
        remembered.push(&block(0, 7));
        assert_eq!(remembered.cut(0, 2), (0, vec![vec![0.0, 1.0], vec![0.5, 1.5]]));
        remembered.push(&block(7, 7));
        assert_eq!(remembered.n_frames(), 14);
        assert_eq!(remembered.cut(2, 6), (4, vec![vec![4.0, 5.0], vec![4.5, 5.5]]));
        assert_eq!(remembered.cut(12, 20), (12, vec![vec![12.0, 13.0], vec![12.5, 13.5]]));
        assert_eq!(remembered.cut(0, 1), (4, vec![vec![], vec![]]));
        remembered.push(&block(14, 25));
        assert_eq!(remembered.cut(0, 99).1[0].len(), 10);
        assert_eq!(Remembered::new(2, 1_000_000, 1e9).most_frames, 1 << 24);
    }
}
