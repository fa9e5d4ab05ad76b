//! What a clip costs before its spectrogram: decode, mix and resample.

use std::hint::black_box;
use std::path::Path;

use audio_io::{ClipConfig, clips, decode_bytes, resample};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const RATE_HZ: u32 = 44_100;
const SECONDS: usize = 5;

/// Five seconds of a falling tone.
fn sound() -> Vec<f32> {
    let rate = RATE_HZ as f32;
    (0..RATE_HZ as usize * SECONDS)
        .map(|i| {
            let t = i as f32 / rate;
            0.5 * (std::f32::consts::TAU * (4000.0 - 300.0 * t) * t).sin()
        })
        .collect()
}

/// The sound as a WAV file of 16 bits.
fn wav(samples: &[f32], n_channels: u16) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| std::iter::repeat_n((sample * 32767.0) as i16, usize::from(n_channels)))
        .flat_map(i16::to_le_bytes)
        .collect();
    let block = 2 * n_channels;
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend_from_slice(&n_channels.to_le_bytes());
    out.extend_from_slice(&RATE_HZ.to_le_bytes());
    out.extend_from_slice(&(RATE_HZ * u32::from(block)).to_le_bytes());
    out.extend_from_slice(&block.to_le_bytes());
    out.extend_from_slice(b"\x10\0data");
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out.extend_from_slice(&data);
    out
}

fn bench(criterion: &mut Criterion) {
    let samples = sound();
    let mut group = criterion.benchmark_group("5 s at 44.1 kHz");
    group.throughput(Throughput::Elements(1));
    for (name, n_channels) in [("decode WAV mono", 1), ("decode WAV stereo", 2)] {
        let bytes = wav(&samples, n_channels);
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode_bytes(black_box(&bytes), Path::new("a.wav")).expect("decodes"));
        });
    }
    group.bench_function("resample to 22.05 kHz", |bencher| {
        bencher.iter(|| resample(black_box(&samples), RATE_HZ, 22_050).expect("resamples"));
    });
    let decoded = decode_bytes(&wav(&samples, 2), Path::new("a.wav")).expect("decodes");
    group.bench_function("clips from stereo", |bencher| {
        bencher.iter(|| clips(black_box(&decoded), None, None, None, &ClipConfig::default()).expect("makes clips"));
    });
    group.finish();

    let mut group = criterion.benchmark_group("fixture");
    for name in ["tone-s16.flac", "tone-vorbis.ogg", "tone.mp3"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio").join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode_bytes(black_box(&bytes), &path).expect("decodes"));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
