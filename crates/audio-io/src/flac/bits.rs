//! Bits of a byte slice, the highest of each byte first.

/// A place in a slice of bytes. Behind the end come zeros; [`is_past_end`](Self::is_past_end) tells afterwards, once
/// for many reads.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte that is loaded.
    next: usize,
    /// Bits that are loaded, from the top. Below them may be bits of the next bytes, which are loaded again.
    window: u64,
    n: u32,
}

/// Codes that are read before more bits are loaded: four of usual length fit.
const GROUP: usize = 4;

/// Bits that are there after [`Bits::refill`], at least.
const REFILLED: u32 = 56;

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, window: 0, n: 0 }
    }

    #[inline(always)]
    fn refill(&mut self) {
        let word = match self.bytes.get(self.next..self.next + 8).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => last_bytes(self.bytes, self.next),
        };
        self.window |= word >> self.n;
        self.next += (63 - self.n) as usize / 8;
        self.n |= REFILLED;
    }

    #[inline(always)]
    fn consume(&mut self, n: u32) {
        self.window <<= n;
        self.n -= n;
    }

    /// The next `n` bits, at most 32.
    #[inline(always)]
    pub(super) fn take(&mut self, n: u32) -> u32 {
        self.refill();
        let value = (self.window >> 1) >> (63 - n);
        self.consume(n);
        value as u32
    }

    /// The next `n` bits, at most 32, as a number with a sign.
    #[inline(always)]
    pub(super) fn take_signed(&mut self, n: u32) -> i32 {
        if n == 0 { 0 } else { (self.take(n) << (32 - n)) as i32 >> (32 - n) }
    }

    /// How many zeros come before the next one, which is taken too. `None` where no one comes any more.
    #[inline(never)]
    pub(super) fn unary(&mut self) -> Option<u32> {
        let mut n_zeros = 0;
        loop {
            self.refill();
            let n = self.window.leading_zeros();
            if n < self.n {
                self.consume(n + 1);
                return Some(n_zeros + n);
            }
            n_zeros += self.n;
            self.consume(self.n);
            if self.is_past_end() {
                return None;
            }
        }
    }

    /// Rice codes with `parameter` low bits each, at most 30. `None` where the bytes end.
    #[inline(always)]
    pub(super) fn rice(&mut self, parameter: u32, out: &mut [i32]) -> Option<()> {
        // A copy stays in registers.
        let mut bits = *self;
        let (groups, rest) = out.as_chunks_mut::<GROUP>();
        for group in groups {
            bits.refill();
            for value in group {
                *value = bits.code(parameter)?;
            }
        }
        for value in rest {
            bits.refill();
            *value = bits.code(parameter)?;
        }
        *self = bits;
        Some(())
    }

    /// One Rice code; quick where all of it is loaded.
    #[inline(always)]
    fn code(&mut self, parameter: u32) -> Option<i32> {
        let n_zeros = self.window.leading_zeros();
        let n_used = n_zeros + 1 + parameter;
        let folded = if n_used <= self.n {
            // The one that ends the zeros, and the low bits behind it.
            let low = (self.window >> (64 - n_used)) as u32 & ((1 << parameter) - 1);
            self.consume(n_used);
            (n_zeros << parameter) | low
        } else {
            let (behind, folded) = self.long_code(parameter)?;
            *self = behind;
            folded
        };
        Some((folded >> 1) as i32 ^ -((folded & 1) as i32))
    }

    /// A Rice code that may exceed one window. Takes and gives the reader by value, so that the loop over codes
    /// need not keep it in memory.
    #[cold]
    #[inline(never)]
    fn long_code(mut self, parameter: u32) -> Option<(Self, u32)> {
        let n_zeros = self.unary()?;
        let low = self.take(parameter);
        Some((self, n_zeros.wrapping_shl(parameter) | low))
    }

    /// Goes on at the next whole byte and returns its place.
    pub(super) fn align(&mut self) -> usize {
        self.consume(self.n % 8);
        self.next - (self.n / 8) as usize
    }

    /// Whether more bits were taken than there are.
    pub(super) fn is_past_end(&self) -> bool {
        self.next - (self.n / 8) as usize > self.bytes.len()
    }
}

/// Eight bytes, some of them past the end.
#[cold]
#[inline(never)]
fn last_bytes(bytes: &[u8], next: usize) -> u64 {
    let mut word = [0; 8];
    let left = bytes.get(next..).unwrap_or_default();
    word[..left.len()].copy_from_slice(left);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_top() {
        let mut bits = Bits::new(&[0b1010_0001, 0xff, 0x00, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!((bits.take(1), bits.take(2), bits.take(0), bits.unary()), (1, 1, 0, Some(4)));
        assert_eq!((bits.take_signed(4), bits.align()), (-1, 2));
        assert_eq!((bits.take(8), bits.take(32), bits.take(24)), (0, 0x1234_5678, 0x9a_bcde));
        assert!(!bits.is_past_end());
        assert_eq!(bits.take(1), 0);
        assert!(bits.align() > 10 && bits.is_past_end());
        assert_eq!(bits.unary(), None);
    }

    #[test]
    fn rice_codes_of_every_length() {
        // 0 (code 1 00), -1 (1 01), 1 (1 10), 70 zeros and 1 00 (140), then nothing.
        let mut text = "100101110".to_owned() + &"0".repeat(70) + "100";
        text.push_str(&"0".repeat(text.len().next_multiple_of(8) - text.len()));
        let bytes: Vec<u8> =
            (0..text.len() / 8).map(|i| u8::from_str_radix(&text[8 * i..8 * i + 8], 2).unwrap()).collect();
        let mut bits = Bits::new(&bytes);
        let mut out = [9; 4];
        assert_eq!(bits.rice(2, &mut out), Some(()));
        assert_eq!(out, [0, -1, 1, 140]);
        assert_eq!(bits.rice(2, &mut [0; 100]), None);
    }
}
