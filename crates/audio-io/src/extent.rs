//! How much of a file is sound: the size of the data chunk, checked against the outer chunk and the file's length.

use crate::chunks::Style;
use crate::damage::Damage;
use crate::source::View;

/// Sizes that programs write into a header which they cannot complete, since their output is a pipe: `sox` writes
/// 0x7ffff000, `arecord` 0x7fffff00 or 0x7fffffff, `ffmpeg` 0xffffffff.
const STREAMED: [std::ops::RangeInclusive<u64>; 2] = [0x7fff_f000..=0x8000_0000, 0xffff_f000..=0xffff_ffff];

/// What the header claims of the sound.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The file from the first byte of the sound on.
    pub(crate) rest: View<'a>,
    /// Bytes of the sound; `None` where the header leaves it open.
    pub(crate) declared: Option<u64>,
    /// Bytes from the first of the sound to the end of the outer chunk, by the outer chunk's size.
    pub(crate) outer: Option<u64>,
    pub(crate) style: Style,
}

/// The bytes of sound, and what was unusual about their size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) n_bytes: u64,
    /// Bytes that the header declares, where it can be believed.
    pub(crate) declared: Option<u64>,
    pub(crate) damage: Option<Damage>,
    pub(crate) note: Option<String>,
}

impl Claim<'_> {
    /// Takes what the header says, of a pipe, whose end cannot be looked at.
    pub(crate) fn believe(&self) -> Extent {
        let declared = self.declared.filter(|declared| *declared > 0 && !is_streamed(*declared));
        let note = "the header gives no length, as in a stream: read to the end of the pipe".to_owned();
        let note = if declared.is_none() { Some(note) } else { None };
        Extent { n_bytes: declared.unwrap_or(self.rest.len()), declared, damage: None, note }
    }

    /// Takes what the file's bytes support.
    pub(crate) fn settle(&self) -> Extent {
        let n_bytes = self.rest.len();
        let extent = |n_bytes, declared| Extent { n_bytes, declared, damage: None, note: None };
        let declared = match self.declared {
            Some(0) if self.style.only_chunks(self.rest) => return extent(0, Some(0)),
            Some(declared) if declared > n_bytes && !is_streamed(declared) => {
                return extent(n_bytes, Some(declared));
            }
            Some(declared @ 1..) if declared <= n_bytes => declared,
            _ => {
                let note = "the header gives no length, as in a stream: read to the end of the file".to_owned();
                return Extent { note: Some(note), ..extent(n_bytes, None) };
            }
        };
        let behind = self.rest.from(declared);
        if self.style.is_trailer(behind, declared) {
            return extent(declared, Some(declared));
        }
        // Two sizes contradict each other, or more bytes follow than were declared.
        let outer = self.outer.filter(|outer| *outer > declared + 8 && !is_streamed(*outer));
        let taken = match outer {
            Some(outer) => outer.min(n_bytes),
            None if behind.len() > declared => n_bytes,
            None => {
                let message = format!("{} bytes follow the {declared} of its data and are not read", behind.len());
                return Extent { damage: Some(Damage::Header(message)), ..extent(declared, Some(declared)) };
            }
        };
        let message =
            format!("it declares {declared} bytes of sound, {} more follow: {taken} bytes are read", behind.len());
        Extent { damage: Some(Damage::Header(message)), ..extent(taken, None) }
    }
}

/// Whether a size means "not known".
pub(crate) fn is_streamed(size: u64) -> bool {
    STREAMED.iter().any(|range| range.contains(&size)) || size > u64::MAX / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn sound(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 37 % 251) as u8 | 0x80).collect()
    }

    fn settle(rest: &[u8], declared: Option<u64>, outer: Option<u64>) -> (u64, Option<u64>, bool, bool) {
        let (rest, style) = (Memory(rest), Style::Riff);
        let extent = Claim { rest: View::new(&rest), declared, outer, style }.settle();
        (extent.n_bytes, extent.declared, extent.damage.is_some(), extent.note.is_some())
    }

    #[test]
    fn a_size_that_fits_is_believed() {
        let rest = [sound(100), b"LIST\x02\0\0\0ab".to_vec()].concat();
        assert_eq!(settle(&rest, Some(100), Some(110)), (100, Some(100), false, false));
        assert_eq!(settle(&rest[..100], Some(100), None), (100, Some(100), false, false));
        let padded = [sound(100), vec![0; 412]].concat();
        assert_eq!(settle(&padded, Some(100), Some(100)), (100, Some(100), false, false));
    }

    #[test]
    fn a_size_past_the_end_is_cut_short_and_a_streamed_one_is_not() {
        let rest = sound(100);
        assert_eq!(settle(&rest, Some(200), None), (100, Some(200), false, false));
        for size in [0, 0x7fff_ffff, 0x7fff_f000, 0x7fff_ff00, 0xffff_ffff] {
            assert_eq!(settle(&rest, Some(size), None), (100, None, false, true), "{size:x}");
        }
        assert_eq!(settle(&rest, None, None), (100, None, false, true));
        assert_eq!(settle(b"", Some(0), None), (0, Some(0), false, false));
    }

    #[test]
    fn a_size_that_is_too_small_gives_way_to_the_bytes() {
        let rest = [sound(1000), vec![0; 200]].concat();
        assert_eq!(settle(&rest, Some(44), Some(1000)), (1000, None, true, false), "the outer chunk knows better");
        assert_eq!(settle(&rest, Some(44), Some(44)), (1200, None, true, false), "more behind than declared");
        assert_eq!(settle(&rest[..1000], Some(900), Some(900)), (900, Some(900), true, false), "said, not read");
    }
}
