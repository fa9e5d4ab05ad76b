//! The `fmt ` chunk: what the samples are, with redundant fields cross-checked.

/// Payload formats by their tag in the `fmt ` chunk.
pub(super) mod tag {
    pub(crate) const PCM: u16 = 0x0001;
    pub(crate) const MS_ADPCM: u16 = 0x0002;
    pub(crate) const FLOAT: u16 = 0x0003;
    pub(crate) const A_LAW: u16 = 0x0006;
    pub(crate) const MU_LAW: u16 = 0x0007;
    pub(crate) const IMA_ADPCM: u16 = 0x0011;
    pub(crate) const MP3: u16 = 0x0055;
    pub(crate) const EXTENSIBLE: u16 = 0xfffe;
    /// Tags that are refused by name.
    pub(crate) const NAMED: [(u16, &str); 7] = [
        (0x0031, "GSM 6.10"),
        (0x0040, "G.721"),
        (0x0050, "MPEG audio layer I or II"),
        (0x0161, "Windows Media Audio"),
        (0x2000, "AC-3"),
        (0x674f, "Vorbis"),
        (0xf1ac, "FLAC"),
    ];
}

/// The `fmt ` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fmt {
    pub(super) tag: u16,
    pub(super) n_channels: u16,
    pub(super) rate_hz: u32,
    pub(super) bytes_per_s: u32,
    pub(super) block_bytes: u16,
    pub(super) bits: u16,
}

/// What a cross-check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// A field that nothing depends on is wrong.
    Note(String),
    /// Fields contradict each other; what was taken.
    Contradiction(String),
}

impl Fmt {
    pub(super) fn read(body: &[u8]) -> Option<Fmt> {
        Some(Fmt {
            tag: u16_at(body, 0)?,
            n_channels: u16_at(body, 2)?,
            rate_hz: u32_at(body, 4)?,
            bytes_per_s: u32_at(body, 8)?,
            block_bytes: u16_at(body, 12)?,
            bits: u16_at(body, 14)?,
        })
    }

    /// Brings fields that contradict each other in line. Bytes of a frame are there three times: as channels times bits,
    /// as block and as bytes per second; two that agree outvote the third.
    pub(super) fn settle(&mut self) -> Option<Finding> {
        if !matches!(self.tag, tag::PCM | tag::FLOAT | tag::A_LAW | tag::MU_LAW) {
            return None;
        }
        if matches!(self.tag, tag::A_LAW | tag::MU_LAW) {
            // One byte always; some writers give the 16 bits that it decodes to.
            self.bits = 8;
        }
        let block = u64::from(self.block_bytes);
        let of_rate = match u64::from(self.rate_hz) {
            0 => None,
            rate_hz => {
                Some(u64::from(self.bytes_per_s)).filter(|bytes| bytes % rate_hz == 0).map(|bytes| bytes / rate_hz)
            }
        };
        let sample = u64::from(self.bits.div_ceil(8));
        if self.n_channels == 0 && sample > 0 && block > 0 && block.is_multiple_of(sample) {
            self.n_channels = (block / sample) as u16;
            let (bits, n) = (self.bits, self.n_channels);
            return Some(Finding::Contradiction(format!(
                "0 channels, and blocks of {block} bytes at {bits} bits: read as {n}"
            )));
        }
        let channels = u64::from(self.n_channels);
        let of_bits = channels * sample;
        if channels == 0 || of_bits == block {
            let expected = u64::from(self.rate_hz) * block;
            return (channels > 0 && of_rate != Some(block)).then(|| {
                Finding::Note(format!("the header names {} bytes per second, {expected} are meant", self.bytes_per_s))
            });
        }
        let fields = format!(
            "{channels} channels of {} bits, blocks of {block} bytes, {} bytes per second at {} Hz",
            self.bits, self.bytes_per_s, self.rate_hz
        );
        let found = |taken: String| Some(Finding::Contradiction(format!("{fields}: read as {taken}")));
        if of_rate == Some(of_bits) {
            self.block_bytes = of_bits.try_into().unwrap_or(self.block_bytes);
            return found(format!("blocks of {of_bits} bytes"));
        }
        let per_channel = if block.is_multiple_of(channels) { block / channels } else { 0 };
        if of_rate == Some(block) {
            // Samples may be stored in larger containers than they need.
            if self.tag == tag::PCM && per_channel >= sample.max(1) && per_channel <= 4 {
                return (self.bits == 0)
                    .then(|| Finding::Contradiction(format!("{fields}: read as {per_channel} bytes")));
            }
            if self.tag == tag::FLOAT && matches!(per_channel, 4 | 8) {
                self.bits = 8 * per_channel as u16;
                return found(format!("{} bits", self.bits));
            }
            if sample > 0 && block > 0 && block < of_bits && block.is_multiple_of(sample) {
                self.n_channels = (block / sample) as u16;
                return found(format!("{} channels", self.n_channels));
            }
        }
        found(format!("frames of {} bytes", block.max(of_bits)))
    }

    /// Bytes that one sample of one channel takes. Odd depths (12, 20 bits) are in the next whole number of bytes, at the
    /// top of it, unless the block has room for more.
    pub(super) fn sample_bytes(&self) -> usize {
        let least = usize::from(self.bits.div_ceil(8));
        let n_channels = usize::from(self.n_channels.max(1));
        let per_channel = usize::from(self.block_bytes) / n_channels;
        let fits =
            usize::from(self.block_bytes) == per_channel * n_channels && per_channel >= least && per_channel <= 4;
        if self.tag == tag::PCM && fits { per_channel } else { least }
    }

    pub(super) fn codec(&self) -> String {
        match self.tag {
            tag::PCM if self.sample_bytes() == 1 => "pcm_u8".to_owned(),
            tag::PCM => format!("pcm_s{}", 8 * self.sample_bytes()),
            tag::FLOAT => format!("pcm_f{}", self.bits),
            tag::A_LAW => "alaw".to_owned(),
            tag::MU_LAW => "mulaw".to_owned(),
            other => format!("wav_0x{other:04x}"),
        }
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fmt(n_channels: u16, bits: u16, block_bytes: u16, bytes_per_s: u32) -> Fmt {
        Fmt { tag: tag::PCM, n_channels, rate_hz: 1000, bytes_per_s, block_bytes, bits }
    }

    #[test]
    fn odd_depths_take_whole_bytes() {
        assert_eq!(fmt(1, 12, 2, 2000).sample_bytes(), 2);
        assert_eq!(fmt(2, 20, 6, 6000).sample_bytes(), 3);
        assert_eq!(fmt(2, 24, 8, 8000).sample_bytes(), 4);
        assert_eq!(fmt(2, 16, 0, 0).sample_bytes(), 2);
    }

    #[test]
    fn fields_that_agree_are_left_alone() {
        for mut fine in [fmt(1, 16, 2, 2000), fmt(2, 20, 6, 6000), fmt(2, 24, 8, 8000), fmt(2, 24, 6, 6000)] {
            let before = fine;
            assert_eq!(fine.settle(), None, "{fine:?}");
            assert_eq!(fine, before);
        }
        let mut note = fmt(1, 16, 2, 7);
        assert!(matches!(note.settle(), Some(Finding::Note(_))));
    }

    #[test]
    fn two_fields_outvote_the_third() {
        let settled = |mut fmt: Fmt| {
            let found = fmt.settle();
            assert!(matches!(found, Some(Finding::Contradiction(_))), "{fmt:?} {found:?}");
            (fmt.n_channels, fmt.sample_bytes(), fmt.block_bytes)
        };
        assert_eq!(settled(fmt(1, 16, 4, 2000)), (1, 2, 2), "the block is wrong");
        assert_eq!(settled(fmt(0, 16, 2, 2000)), (1, 2, 2), "the channels are missing");
        assert_eq!(settled(fmt(65_535, 16, 2, 2000)), (1, 2, 2), "the channels are wrong");
        assert_eq!(settled(fmt(1, 0, 2, 2000)), (1, 2, 2), "the bits are missing");
        let mut double = Fmt { tag: tag::FLOAT, ..fmt(1, 32, 8, 8000) };
        assert!(double.settle().is_some());
        assert_eq!(double.bits, 64);
        let mut law = Fmt { tag: tag::MU_LAW, ..fmt(1, 16, 1, 1000) };
        assert_eq!(law.settle(), None);
        assert_eq!(law.bits, 8);
    }
}
