//! Makes a new input from those that there are.

use crate::random::Random;

/// Bytes of an input at most: small inputs are fast, and what a header promises does not depend on them.
pub(crate) const MOST_BYTES: usize = 1 << 16;

/// Changes of one input at most.
const MOST_CHANGES: usize = 8;

/// Numbers at the edges of what their types can hold, and of limits in this project.
const EDGES: [u64; 22] = [
    0,
    1,
    2,
    7,
    16,
    255,
    256,
    999,
    4096,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    1_000_001,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Numbers in text at the edges of what parsers take.
const NUMBERS: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"1e309",
    b"-1e309",
    b"1e-400",
    b"NaN",
    b"inf",
    b"255",
    b"65536",
    b"2147483648",
    b"4294967296",
    b"9007199254740993",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1e18",
    b"0.30000000000000004",
];

/// A changed copy of one of the inputs.
pub(crate) fn mutate(random: &mut Random, inputs: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
    let mut input = if inputs.is_empty() { Vec::new() } else { random.of(inputs).clone() };
    // Mostly one or two changes.
    let mut n_changes = 1;
    while n_changes < MOST_CHANGES && random.one_in(2) {
        n_changes += 1;
    }
    for _ in 0..n_changes {
        change(&mut input, random, inputs, words);
    }
    input.truncate(MOST_BYTES);
    input
}

fn change(input: &mut Vec<u8>, random: &mut Random, inputs: &[Vec<u8>], words: &[&[u8]]) {
    let n = input.len();
    // Headers decide more than what follows: half of the places are near the beginning.
    let at = if random.one_in(2) { random.below(n.min(96) + 1) } else { random.below(n + 1) };
    match random.below(14) {
        0 => flip(input, at, 1 << random.below(8)),
        1 => flip(input, at, random.bits() as u8),
        2 | 3 => edge(input, at, random),
        4 => input.truncate(at),
        5 => {
            let end = n.min(at + length(random));
            input.drain(at.min(end)..end);
        }
        // A part again, once or often.
        6 => {
            let part = input[at..n.min(at + length(random))].to_vec();
            let times = if random.one_in(8) { 1 + random.below(512) } else { 1 };
            let times = times.min(MOST_BYTES / (part.len() + 1));
            input.splice(at..at, part.repeat(times));
        }
        // A part to another place.
        7 => {
            let part = input[at..n.min(at + length(random))].to_vec();
            let to = random.below(n + 1);
            let end = n.min(to + part.len());
            input.splice(to..end, part);
        }
        8 => {
            let bytes: Vec<u8> = (0..length(random)).map(|_| random.bits() as u8).collect();
            input.splice(at..at, bytes);
        }
        9 => {
            let value = *random.of(&[0u8, 0xff, 0x20, 0x80]);
            let end = n.min(at + length(random));
            input[at.min(end)..end].fill(value);
        }
        10 if !words.is_empty() => {
            let word = *random.of(words);
            let end = if random.one_in(2) { at } else { n.min(at + word.len()) };
            input.splice(at..end, word.iter().copied());
        }
        11 => number(input, at, random),
        12 if !inputs.is_empty() => {
            let other = random.of(inputs);
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            // A small step up or down.
            if let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(random.below(33) as u8).wrapping_sub(16);
            }
        }
    }
}

/// A length that is mostly small.
fn length(random: &mut Random) -> usize {
    let n_bits = 1 + random.below(9);
    1 + random.below(1 << n_bits)
}

fn flip(input: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= mask;
    }
}

/// Writes a number of 1, 2, 4 or 8 bytes, in either order.
fn edge(input: &mut [u8], at: usize, random: &mut Random) {
    let value = random.of(&EDGES).wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let width = *random.of(&[1, 2, 4, 8]);
    let mut bytes = value.to_le_bytes();
    if random.one_in(2) {
        bytes[..width].reverse();
    }
    let end = input.len().min(at + width);
    let at = at.min(end);
    input[at..end].copy_from_slice(&bytes[..end - at]);
}

/// Writes another number in the place of the next one of a text.
fn number(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|next| at + next) else { return };
    let is_part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e');
    let n = input[start..].iter().take_while(is_part).count();
    let other = *random.of(&NUMBERS);
    input.splice(start..start + n, other.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_bounded_and_repeatable() {
        let inputs = [b"RIFF....WAVE".to_vec(), vec![7; 3000], Vec::new(), b"{\"n\": 12}".to_vec()];
        let words: [&[u8]; 2] = [b"data", b"fmt "];
        let all = |seed| {
            let mut random = Random::new(seed, "");
            (0..3000).map(|_| mutate(&mut random, &inputs, &words)).collect::<Vec<_>>()
        };
        let made = all(1);
        assert_eq!(made, all(1));
        assert!(made.iter().all(|input| input.len() <= MOST_BYTES));
        assert!(made.iter().filter(|input| !inputs.contains(input)).count() > 1500);
        assert!(mutate(&mut Random::new(1, ""), &[], &[]).len() <= MOST_BYTES);
    }
}
