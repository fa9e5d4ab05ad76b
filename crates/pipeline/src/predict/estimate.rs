//! How many seconds of sound files hold, of which most have not been opened.

use std::collections::BTreeMap;

/// Files of each kind whose headers are read.
const N_HEADERS: usize = 4;

/// Files of one kind: the extension, and whether all of the file is asked about.
pub(super) type Kind = (String, bool);

#[derive(Debug, Clone, Copy, Default)]
struct Sizes {
    known_s: f64,
    known_bytes: u64,
    unknown_bytes: u64,
}

/// Seconds a byte of the files whose length is known, kind by kind, are taken for those whose length is not.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    kinds: BTreeMap<Kind, Sizes>,
    /// Seconds that a header gave, by file.
    headers: BTreeMap<usize, f64>,
    n_unknown: usize,
}

impl Estimate {
    /// Of files with their numbers, kinds and sizes. `header` gives the seconds by the header of a file, and is asked about
    /// the largest few of each kind.
    pub(super) fn new(files: &[(usize, Kind, u64)], header: impl Fn(usize) -> Option<f64>) -> Self {
        let mut by_kind: BTreeMap<&Kind, Vec<(u64, usize)>> = BTreeMap::new();
        let mut estimate = Self { n_unknown: files.len(), ..Self::default() };
        for (nth, kind, bytes) in files {
            by_kind.entry(kind).or_default().push((*bytes, *nth));
            estimate.kinds.entry(kind.clone()).or_default().unknown_bytes += bytes;
        }
        for ((extension, is_whole), mut of_kind) in by_kind {
            of_kind.sort_by(|a, b| b.cmp(a));
            for (bytes, nth) in of_kind.into_iter().take(N_HEADERS).filter(|_| *is_whole) {
                if let Some(seconds) = header(nth) {
                    estimate.know(&(extension.clone(), *is_whole), bytes, seconds);
                    estimate.headers.insert(nth, seconds);
                }
            }
        }
        estimate
    }

    /// The file has so many seconds.
    pub(super) fn finish(&mut self, nth: usize, kind: &Kind, bytes: u64, seconds: f64) {
        match self.headers.remove(&nth) {
            Some(of_header) => self.kinds.entry(kind.clone()).or_default().known_s += seconds - of_header,
            None => self.know(kind, bytes, seconds),
        }
    }

    fn know(&mut self, kind: &Kind, bytes: u64, seconds: f64) {
        let sizes = self.kinds.entry(kind.clone()).or_default();
        sizes.known_s += seconds;
        sizes.known_bytes += bytes;
        sizes.unknown_bytes = sizes.unknown_bytes.saturating_sub(bytes);
        self.n_unknown = self.n_unknown.saturating_sub(1);
    }

    /// Seconds of all files; none before anything is known.
    pub(super) fn total_s(&self) -> Option<f64> {
        let sum = |of: &dyn Fn(&Sizes) -> f64| self.kinds.values().map(of).sum::<f64>();
        let (known_s, known_bytes) = (sum(&|of| of.known_s), sum(&|of| of.known_bytes as f64));
        let unknown_s = |of: &Sizes| {
            // A kind of which nothing is known is taken for one of the others.
            let (seconds, bytes) =
                if of.known_bytes > 0 { (of.known_s, of.known_bytes as f64) } else { (known_s, known_bytes) };
            if of.unknown_bytes == 0 { 0.0 } else { of.unknown_bytes as f64 * seconds / bytes }
        };
        Some(known_s + sum(&unknown_s)).filter(|total_s| total_s.is_finite() && (*total_s > 0.0 || self.is_exact()))
    }

    /// Whether each length is known.
    pub(super) fn is_exact(&self) -> bool {
        self.n_unknown == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, u64)]) -> Vec<(usize, Kind, u64)> {
        of.iter().enumerate().map(|(nth, (kind, bytes))| (nth, ((*kind).to_owned(), true), *bytes)).collect()
    }

    #[test]
    fn one_long_file_has_its_length_from_the_header() {
        let files = files(&[("wav", 1000)]);
        let mut estimate = Estimate::new(&files, |_| Some(100.0));
        assert_eq!((estimate.total_s(), estimate.is_exact()), (Some(100.0), true));
        // It was cut off.
        estimate.finish(0, &files[0].1, 1000, 80.0);
        assert_eq!(estimate.total_s(), Some(80.0));
    }

    #[test]
    fn few_headers_are_read_and_the_rest_goes_by_size() {
        let asked = std::cell::Cell::new(0);
        let many: Vec<(&str, u64)> = (0..1000).map(|nth| ("wav", 1000 + nth % 3)).chain([("mp3", 500)]).collect();
        let files = files(&many);
        let header = |nth: usize| {
            asked.set(asked.get() + 1);
            (many[nth].0 == "wav").then(|| many[nth].1 as f64 / 10.0)
        };
        let mut estimate = Estimate::new(&files, header);
        assert_eq!((asked.get(), estimate.is_exact()), (N_HEADERS + 1, false));
        let wav_s: f64 = many[..1000].iter().map(|(_, bytes)| *bytes as f64 / 10.0).sum();
        assert!((estimate.total_s().unwrap() - wav_s - 50.0).abs() < 1e-6, "as if a byte of MP3 were one of WAV");
        estimate.finish(1000, &files[1000].1, 500, 600.0);
        assert!((estimate.total_s().unwrap() - wav_s - 600.0).abs() < 1e-6);
        for (nth, kind, bytes) in &files[..1000] {
            estimate.finish(*nth, kind, *bytes, 1.0);
        }
        assert!((estimate.total_s().unwrap() - 1600.0).abs() < 1e-6 && estimate.is_exact());
    }

    #[test]
    fn nothing_is_known_before_the_first_length() {
        let files = files(&[("mp3", 500), ("mp3", 0)]);
        let mut estimate = Estimate::new(&files, |_| None);
        assert_eq!(estimate.total_s(), None);
        estimate.finish(1, &files[1].1, 0, 0.0);
        assert_eq!(estimate.total_s(), None);
        estimate.finish(0, &files[0].1, 500, 9.0);
        assert_eq!(estimate.total_s(), Some(9.0));
        assert_eq!(Estimate::new(&[], |_| None).total_s(), Some(0.0));
    }
}
