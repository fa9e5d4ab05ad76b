//! Time of one 5 s clip through the steps that cost most, on one core.
#![allow(missing_docs, reason = "criterion's macros write items without documentation")]

use augment::waveform::{pitch_shift, speed, time_stretch};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const RATE_HZ: u32 = 22_050;

fn five_seconds() -> Vec<f32> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..5 * RATE_HZ).map(|i| 0.5 * (i as f32 * 0.1).sin() + 0.1 * noise()).collect()
}

fn clips(criterion: &mut Criterion) {
    let samples = five_seconds();
    let mut group = criterion.benchmark_group("clip_5s");
    group.throughput(Throughput::Elements(1));
    group.bench_function("time_stretch 0.9", |b| b.iter(|| time_stretch(black_box(&samples), RATE_HZ, 0.9)));
    group.bench_function("time_stretch 1.1", |b| b.iter(|| time_stretch(black_box(&samples), RATE_HZ, 1.1)));
    group.bench_function("pitch_shift +2", |b| b.iter(|| pitch_shift(black_box(&samples), RATE_HZ, 2.0)));
    group.bench_function("pitch_shift -2", |b| b.iter(|| pitch_shift(black_box(&samples), RATE_HZ, -2.0)));
    group.bench_function("speed 1.1", |b| b.iter(|| speed(black_box(&samples), 1.1)));
    group.finish();
}

criterion_group!(benches, clips);
criterion_main!(benches);
