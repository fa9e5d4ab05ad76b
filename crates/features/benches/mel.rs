//! Time of one 5 s clip through each front end, on one core.
#![allow(missing_docs, reason = "criterion's macros write items without documentation")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use features::{FrontEnd, FrontEndConfig, Precision, Preset};

fn five_seconds(sample_rate_hz: u32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..5 * sample_rate_hz).map(|i| 0.5 * (i as f32 * 0.1).sin() + 0.1 * noise()).collect()
}

fn clips(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clip_5s");
    group.throughput(Throughput::Elements(1));
    let presets = Preset::ALL.map(|preset| (preset.to_string(), preset.config()));
    let others = [
        ("log-mel, f32 transform".to_owned(), FrontEndConfig { precision: Precision::F32, ..Preset::LogMel.config() }),
        ("log-mel, n_fft 1024".to_owned(), FrontEndConfig { n_fft: 1024, ..Preset::LogMel.config() }),
    ];
    for (name, config) in presets.into_iter().chain(others) {
        let front_end = FrontEnd::new(&config).expect("presets are valid");
        let samples = five_seconds(config.sample_rate_hz);
        let mut scratch = front_end.scratch();
        let mut out = vec![0.0; front_end.n_bands() * front_end.n_frames(samples.len())];
        group.bench_function(name, |bencher| {
            bencher.iter(|| front_end.compute(black_box(&samples), &mut scratch, black_box(&mut out)));
        });
    }
    group.finish();
}

criterion_group!(benches, clips);
criterion_main!(benches);
