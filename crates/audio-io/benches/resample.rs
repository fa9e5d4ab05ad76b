//! What `scripts/bench-peers.sh` sets beside soxr: 5 s clips a second on one thread, to 22.05 kHz. Prints a JSON line a
//! rate.
//!
//!     cargo bench -p audio-io --bench resample
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use audio_io::resample;
use std::hint::black_box;
use std::time::Instant;

const SECONDS: u32 = 5;

fn main() {
    for rate_hz in [44_100u32, 48_000, 32_000] {
        // A linear congruential generator: noise has all frequencies.
        let mut state = 1u32;
        let noise: Vec<f32> = (0..rate_hz * SECONDS)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state as f32 / u32::MAX as f32 - 0.5
            })
            .collect();
        let mut seconds: Vec<f64> = (0..60)
            .map(|_| {
                let began = Instant::now();
                black_box(resample(black_box(&noise), rate_hz, 22_050).expect("resamples"));
                began.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let clips_per_s = 1.0 / seconds[seconds.len() / 2];
        println!("{}", serde_json::json!({"ours": "resample", "from_hz": rate_hz, "clips_per_s": clips_per_s}));
    }
}
