//! The numbers of ChaCha with 8 rounds (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008), for the twin.

const DIAGONALS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// Block `counter` of a stream.
fn block(key: &[u32; 8], stream: u32, counter: u64) -> [u32; 16] {
    let mut start = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, stream, 0];
    start[4..12].copy_from_slice(key);
    (start[12], start[13]) = (counter as u32, (counter >> 32) as u32);
    let mut words = start;
    for _ in 0..4 {
        for [a, b, c, d] in DIAGONALS {
            for (left, right) in [(16, 12), (8, 7)] {
                words[a] = words[a].wrapping_add(words[b]);
                words[d] = (words[d] ^ words[a]).rotate_left(left);
                words[c] = words[c].wrapping_add(words[d]);
                words[b] = (words[b] ^ words[c]).rotate_left(right);
            }
        }
    }
    std::array::from_fn(|word| words[word].wrapping_add(start[word]))
}

/// The words of a stream from `first` on.
pub(super) fn words(key: [u32; 8], stream: u32, first: u32) -> impl Iterator<Item = u32> {
    let blocks = (u64::from(first) / 16..).flat_map(move |counter| block(&key, stream, counter));
    blocks.skip(first as usize % 16)
}
