//! A file on its way to disk, in pieces that are not copied together.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::hash::sha256_hex_of;

/// Values converted at a time between F16 and f32.
pub(crate) const BLOCK: usize = 4096;

/// The bytes of a shard. Where memory and disk have the same order of bytes, its values are borrowed.
#[derive(Debug, Clone)]
pub struct Encoded<'a> {
    pub(crate) head: Vec<u8>,
    pub(crate) bodies: Vec<Cow<'a, [u8]>>,
}

impl Encoded<'_> {
    /// The file's bytes, one piece after the other.
    pub fn pieces(&self) -> Vec<&[u8]> {
        std::iter::once(&self.head[..]).chain(self.bodies.iter().map(|body| &body[..])).collect()
    }

    /// Length of the file in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.len() as u64).sum()
    }

    /// SHA-256 of the file, as [`sha256_hex`](crate::sha256_hex) gives it.
    pub fn sha256_hex(&self) -> String {
        sha256_hex_of(&self.pieces())
    }

    /// The file as one vector.
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces().concat()
    }
}

/// Values of four bytes, little-endian.
pub(crate) fn words<T: bytemuck::Pod>(values: &[T], to_le_bytes: impl Fn(T) -> [u8; 4]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        bytemuck::cast_slice(values).into()
    } else {
        values.iter().flat_map(|value| to_le_bytes(*value)).collect::<Vec<_>>().into()
    }
}

/// Each value rounded to the nearest half-precision one.
pub(crate) fn halves(values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; 2 * values.len()];
    let mut block = [f16::ZERO; BLOCK];
    for (to, from) in bytes.chunks_mut(2 * BLOCK).zip(values.chunks(BLOCK)) {
        let block = &mut block[..from.len()];
        block.convert_from_f32_slice(from);
        for (to, half) in to.as_chunks_mut().0.iter_mut().zip(block) {
            *to = half.to_le_bytes();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian() {
        assert_eq!(words(&[1_u32, 0x0102_0304], u32::to_le_bytes)[..], [1, 0, 0, 0, 4, 3, 2, 1]);
    }

    #[test]
    fn pieces_are_the_file() {
        let encoded = Encoded { head: vec![1, 2], bodies: vec![vec![3].into(), [4, 5][..].into()] };
        assert_eq!(encoded.to_vec(), [1, 2, 3, 4, 5]);
        assert_eq!((encoded.n_bytes(), encoded.sha256_hex()), (5, crate::sha256_hex(&[1, 2, 3, 4, 5])));
    }
}
