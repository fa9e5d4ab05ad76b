//! Transforms, planned once a thread: making a plan costs more than using it.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// Nothing of a sound is kept in it.
    static PLANNER: RefCell<FftPlanner<f32>> = RefCell::new(FftPlanner::new());
}

/// The forward and the inverse complex transform of `n` values; neither is scaled.
pub(crate) fn pair(n: usize) -> (Arc<dyn Fft<f32>>, Arc<dyn Fft<f32>>) {
    PLANNER.with_borrow_mut(|planner| (planner.plan_fft_forward(n), planner.plan_fft_inverse(n)))
}

/// The first `sound.len()` samples of `sound` convolved with `response`, as if silence came before it.
pub(crate) fn convolve(sound: &[f32], response: &[f32]) -> Vec<f32> {
    let n = (sound.len() + response.len()).next_power_of_two();
    let (forward, inverse) = pair(n);
    let mut packed = vec![Complex::new(0.0, 0.0); n];
    packed.iter_mut().zip(sound).for_each(|(z, x)| z.re = *x);
    packed.iter_mut().zip(response).for_each(|(z, x)| z.im = *x);
    forward.process(&mut packed);
    // With z = a + ib of two real signals, the product of their spectra is (z[k]^2 - conj(z[-k])^2) / 4i.
    let product = |z: Complex<f32>, mirrored: Complex<f32>| {
        let difference = z * z - mirrored.conj() * mirrored.conj();
        Complex::new(0.25 * difference.im, -0.25 * difference.re)
    };
    packed[0] = product(packed[0], packed[0]);
    for k in 1..=n / 2 {
        let (z, mirrored) = (packed[k], packed[n - k]);
        packed[k] = product(z, mirrored);
        packed[n - k] = packed[k].conj();
    }
    inverse.process(&mut packed);
    packed[..sound.len()].iter().map(|z| z.re / n as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_is_the_sum_of_delayed_copies() {
        let sound: Vec<f32> = (0..300).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let mut response = vec![0.0; 120];
        (response[0], response[5], response[119]) = (1.0, -0.5, 0.25);
        let out = convolve(&sound, &response);
        let at = |i: usize, delay: usize| if i >= delay { sound[i - delay] } else { 0.0 };
        for (i, value) in out.iter().enumerate() {
            let expected = at(i, 0) - 0.5 * at(i, 5) + 0.25 * at(i, 119);
            assert!((value - expected).abs() < 1e-5, "{i}: {value} {expected}");
        }
    }
}
