//! One channel of a frame: a prediction, and what it missed.

use super::bits::Bits;

/// Fills `out` with the samples of a channel of `bits` bits. `None` where the bits make no sense.
#[inline(always)]
pub(super) fn decode(bits: &mut Bits<'_>, n_bits: u32, out: &mut [i32]) -> Option<()> {
    if bits.take(1) != 0 {
        return None;
    }
    let kind = bits.take(6);
    let wasted = if bits.take(1) == 1 { bits.unary()? + 1 } else { 0 };
    let n_bits = n_bits.checked_sub(wasted).filter(|&n| n > 0)?;
    match kind {
        0 => {
            let value = bits.take_signed(n_bits);
            out.fill(value);
        }
        1 => out.iter_mut().for_each(|sample| *sample = bits.take_signed(n_bits)),
        8..=12 => fixed(bits, n_bits, kind as usize - 8, out)?,
        32..=63 => linear(bits, n_bits, kind as usize - 31, out)?,
        _ => return None,
    }
    if wasted > 0 {
        out.iter_mut().for_each(|sample| *sample = sample.wrapping_shl(wasted));
    }
    (!bits.is_past_end()).then_some(())
}

/// Samples that come as they are.
#[inline(always)]
fn warm_up(bits: &mut Bits<'_>, n_bits: u32, order: usize, out: &mut [i32]) -> Option<()> {
    out.get_mut(..order)?.iter_mut().for_each(|sample| *sample = bits.take_signed(n_bits));
    Some(())
}

/// What a prediction of `order` missed, for all samples behind the first `order`.
#[inline(always)]
fn residual(bits: &mut Bits<'_>, order: usize, out: &mut [i32]) -> Option<()> {
    let parameter_bits = match bits.take(2) {
        0 => 4,
        1 => 5,
        _ => return None,
    };
    let n_partitions = 1 << bits.take(4);
    if !out.len().is_multiple_of(n_partitions) || out.len() / n_partitions < order {
        return None;
    }
    let len = out.len() / n_partitions;
    let mut begin = order;
    for partition in 1..=n_partitions {
        let out = &mut out[begin..partition * len];
        begin = partition * len;
        let parameter = bits.take(parameter_bits);
        if parameter == (1 << parameter_bits) - 1 {
            let n_bits = bits.take(5);
            out.iter_mut().for_each(|value| *value = bits.take_signed(n_bits));
        } else {
            bits.rice(parameter, out)?;
        }
        if bits.is_past_end() {
            return None;
        }
    }
    Some(())
}

/// Polynomials through the last samples.
#[inline(always)]
fn fixed(bits: &mut Bits<'_>, n_bits: u32, order: usize, out: &mut [i32]) -> Option<()> {
    warm_up(bits, n_bits, order, out)?;
    residual(bits, order, out)?;
    match order {
        0 => {}
        1 => predict(&[1], 0, out),
        2 => predict(&[2, -1], 0, out),
        3 => predict(&[3, -3, 1], 0, out),
        _ => predict(&[4, -6, 4, -1], 0, out),
    }
    Some(())
}

/// Weighted sums of the last samples.
#[inline(always)]
fn linear(bits: &mut Bits<'_>, n_bits: u32, order: usize, out: &mut [i32]) -> Option<()> {
    warm_up(bits, n_bits, order, out)?;
    let precision = bits.take(4) + 1;
    let shift = bits.take_signed(5);
    if precision == 16 || shift < 0 {
        return None;
    }
    let mut weights = [0; 32];
    weights[..order].iter_mut().for_each(|weight| *weight = bits.take_signed(precision));
    residual(bits, order, out)?;
    let shift = shift as u32;
    // A sum that fits is right in 32 bits, whatever its parts do; products of 32 bits are faster.
    let most: u64 = weights.iter().map(|weight| u64::from(weight.unsigned_abs())).sum();
    let is_short = most << (n_bits - 1) <= i32::MAX as u64;
    // Written out for each number of weights that encoders use, so that they stay in registers.
    macro_rules! by_order {
        ($($n:literal)*) => {
            match order {
                1..=9 if is_short => predict_short::<8>(&weights[..order], shift, out),
                10..=17 if is_short => predict_short::<16>(&weights[..order], shift, out),
                $($n => predict::<$n>(weights.first_chunk()?, shift, out),)*
                _ => predict_any(&weights[..order], shift, out),
            }
        };
    }
    by_order!(1 2 3 4 5 6 7 8 9 10 11 12);
    Some(())
}

/// Adds to each sample the sum of the `N` before it, the nearest first, times the weights.
#[inline(always)]
fn predict<const N: usize>(weights: &[i32; N], shift: u32, out: &mut [i32]) {
    if out.len() <= N {
        return;
    }
    let weights = weights.map(i64::from);
    let mut last = i64::from(out[N - 1]);
    for at in N..out.len() {
        let Some(window) = out[at - N..].first_chunk::<N>() else { return };
        // All products but the nearest sample's are there before that sample is.
        let sum = (1..N).fold(0, |sum, i| sum + weights[i] * i64::from(window[N - 1 - i]));
        let sample = out[at].wrapping_add(((sum + weights[0] * last) >> shift) as i32);
        out[at] = sample;
        last = i64::from(sample);
    }
}

/// As [`predict`], for sums of 32 bits and at most `N` + 1 weights.
///
/// What the samples so far add to each of the next ones is kept in vectors: a sample that was only just stored is not
/// loaded again, and only its product with the first weight has to wait for it.
#[inline(always)]
fn predict_short<const N: usize>(weights: &[i32], shift: u32, out: &mut [i32]) {
    let Some((&nearest, others)) = weights.split_first() else { return };
    let (first, rest) = out.split_at_mut(weights.len().min(out.len()));
    let mut row = [0_i32; N];
    row[..others.len()].copy_from_slice(others);
    let mut sums = [0_i32; N];
    let mut add = |sample: i32| {
        sums = std::array::from_fn(|i| row[i].wrapping_mul(sample).wrapping_add(*sums.get(i + 1).unwrap_or(&0)));
        sums[0]
    };
    let (mut last, mut of_others) = (0, 0);
    for &sample in &*first {
        of_others = add(last);
        last = sample;
    }
    for sample in rest {
        let sum = of_others.wrapping_add(nearest.wrapping_mul(last));
        of_others = add(last);
        last = sample.wrapping_add(sum >> shift);
        *sample = last;
    }
}

/// As [`predict`], for any number.
#[inline(always)]
fn predict_any(weights: &[i32], shift: u32, out: &mut [i32]) {
    let n = weights.len();
    for at in n..out.len() {
        let last = out[at - n..at].iter().rev();
        let sum: i64 = weights.iter().zip(last).map(|(&weight, &last)| i64::from(weight) * i64::from(last)).sum();
        out[at] = out[at].wrapping_add((sum >> shift) as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_of_every_order_agree() {
        let residual: Vec<i32> = (0..50).map(|i| (i * i * 7919) % 101 - 50).collect();
        let weights: Vec<i32> = (0..12).map(|i| 500 - 90 * i).collect();
        macro_rules! check {
            ($($n:literal)*) => {$(
                let (mut one, mut other) = (residual.clone(), residual.clone());
                predict::<$n>(weights.first_chunk().unwrap(), 10, &mut one);
                predict_any(&weights[..$n], 10, &mut other);
                assert_eq!(one, other, "order {}", $n);
                let mut short = residual.clone();
                predict_short::<16>(&weights[..$n], 10, &mut short);
                assert_eq!(short, other, "order {}", $n);
            )*};
        }
        check!(1 2 3 4 5 6 7 8 9 10 11 12);
        let mut line = vec![5, 7, 0, 0, 1];
        predict(&[2, -1], 0, &mut line);
        assert_eq!(line, [5, 7, 9, 11, 14]);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |bytes: &[u8]| decode(&mut Bits::new(bytes), 16, &mut [0; 8]).is_none();
        assert!(refused(&[0x80, 0, 0])); // the first bit has to be 0
        assert!(refused(&[0x04, 0, 0])); // a kind that there is not
        assert!(refused(&[0x01, 0, 0])); // more wasted bits than there are
        assert!(refused(&[0x18, 0, 1, 0, 2, 0x0f, 0])); // more partitions than samples
        assert!(refused(&[0x00, 1])); // cut off
        assert!(!refused(&[0x00, 1, 2]));
    }
}
