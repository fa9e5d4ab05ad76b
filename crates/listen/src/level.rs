//! Whether anything is to be heard: a muted microphone, or one that is turned up too far, gives no events and no error.

/// Silence that is worth a warning, in seconds.
const SILENT_S: u64 = 30;

/// How long the share of cut samples is counted, in seconds.
const COUNTED_S: u64 = 60;

/// Share of samples at full scale that is worth a warning.
const MOST_CUT: f64 = 0.01;

/// Samples from here on count as full scale.
const FULL: f32 = 0.999;

/// Watches samples as they come.
#[derive(Debug)]
pub(crate) struct Level {
    rate_hz: u64,
    /// Frames since the last sample that is not zero.
    silent: u64,
    is_silent: bool,
    counted: u64,
    cut: u64,
    was_cut: bool,
}

impl Level {
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self { rate_hz: rate_hz.into(), silent: 0, is_silent: false, counted: 0, cut: 0, was_cut: false }
    }

    /// A block of all channels. Gives a warning, once until it gets better.
    pub(crate) fn take(&mut self, block: &[Vec<f32>]) -> Option<String> {
        let n = block.first().map_or(0, Vec::len) as u64;
        let silent = block.iter().all(|channel| channel.iter().all(|sample| *sample == 0.0));
        self.silent = if silent { self.silent + n } else { 0 };
        if silent && self.silent >= SILENT_S * self.rate_hz && !self.is_silent {
            self.is_silent = true;
            return Some(format!("every sample is zero for {SILENT_S} s; is the microphone muted or not plugged in?"));
        }
        self.is_silent &= silent;
        let samples = block.iter().flatten();
        self.cut += samples.filter(|sample| sample.abs() >= FULL).count() as u64;
        self.counted += n * block.len() as u64;
        if self.counted < COUNTED_S * self.rate_hz * block.len().max(1) as u64 {
            return None;
        }
        let share = self.cut as f64 / self.counted as f64;
        (self.cut, self.counted) = (0, 0);
        let before = std::mem::replace(&mut self.was_cut, share > MOST_CUT);
        (self.was_cut && !before).then(|| {
            format!("{:.0} % of the samples of the last minute are at full scale; turn the gain down", share * 100.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_full_scale_are_warned_of_once() {
        let mut level = Level::new(10);
        let mut warnings = |sample: f32, seconds: usize| {
            (0..seconds).filter_map(|_| level.take(&[vec![sample; 10]])).collect::<Vec<_>>()
        };
        assert!(warnings(0.1, 100).is_empty());
        assert_eq!(warnings(0.0, 100).len(), 1);
        assert!(warnings(0.1, 10).is_empty());
        assert!(warnings(0.0, 40)[0].contains("zero for 30 s"));
        let full = warnings(1.0, 200);
        assert!(full.len() == 1 && full[0].contains("full scale"), "{full:?}");
    }
}
