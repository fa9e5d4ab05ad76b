//! How long it takes to find near-duplicates among many clips: `search_many [CLIPS] [SEED]`, 100,000 by default.
//!
//! Makes clips of 5 s (one of 300 species, whose songs differ from clip to clip, over noise of one of 50 places),
//! plants 500 copies of each of four kinds, searches all pairs, and prints time, greatest memory, how many copies of each kind
//! were found, and pairs that were not planted.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use audio_io::resample;
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::index::{SearchConfig, near_duplicates};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const SECONDS: usize = 5;
const N_EACH: usize = 500;
const KINDS: [&str; 4] = ["gain and 8 bits", "cut to 1.5 to 4 s", "noise 20 dB below", "another rate and back, cut"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let n_clips: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let n_copies = N_EACH * KINDS.len();
    if n_clips < 2 * n_copies {
        return Err(format!("CLIPS: expected {} or more, got {n_clips}", 2 * n_copies).into());
    }
    let n_originals = n_clips - n_copies;
    let started = std::time::Instant::now();
    // Copy i is of original i * stride, so that copies lie all over the set.
    let stride = n_originals / n_copies;
    let prints: Vec<Fingerprint> = (0..n_clips)
        .into_par_iter()
        .map(|clip| {
            let Some(copy) = clip.checked_sub(n_originals) else { return Fingerprint::new(&song(seed, clip)) };
            Fingerprint::new(&vary(song(seed, copy * stride), copy % KINDS.len(), copy as u64))
        })
        .collect();
    let n_landmarks: usize = prints.iter().map(Fingerprint::n_landmarks).sum();
    println!("{n_clips} fingerprints with {n_landmarks} landmarks made in {:.1} s", started.elapsed().as_secs_f64());
    println!("peak memory before the search: {}", peak_memory()?);
    let (started, before_s) = (std::time::Instant::now(), processor_s()?);
    let pairs = near_duplicates(&prints, &SearchConfig::default())?;
    let (wall_s, busy_s) = (started.elapsed().as_secs_f64(), processor_s()? - before_s);
    println!("searched in {wall_s:.1} s on {} threads, {busy_s:.1} s of processor time", rayon::current_num_threads());
    println!("peak memory: {}", peak_memory()?);
    let planted = |copy: usize| (copy * stride, n_originals + copy);
    for (kind, name) in KINDS.iter().enumerate() {
        let copies = (kind..n_copies).step_by(KINDS.len());
        let scores: Vec<f64> = copies
            .filter_map(|copy| pairs.iter().find(|pair| (pair.a, pair.b) == planted(copy)).map(|pair| pair.score))
            .collect();
        let least = scores.iter().copied().fold(1.0, f64::min);
        println!("{name}: {} of {N_EACH} found, lowest score {least:.3}", scores.len());
    }
    let other = pairs.iter().filter(|pair| pair.b < n_originals || planted(pair.b - n_originals).0 != pair.a);
    let scores: Vec<f64> = other.map(|pair| pair.score).collect();
    let greatest = scores.iter().copied().fold(0.0, f64::max);
    println!("pairs that were not planted: {}, highest score {greatest:.3}", scores.len());
    Ok(())
}

/// A song of one of 300 species with its own timing and pitch, in the noise of one of 50 places.
fn song(seed: u64, clip: usize) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    draw.set_stream(clip as u64 + 1);
    let mut species = ChaCha8Rng::seed_from_u64(draw.random_range(0..300));
    let mut place = ChaCha8Rng::seed_from_u64(1000 + draw.random_range(0..50));
    let n = SECONDS * RATE_HZ as usize;
    let (level, color) = (place.random_range(0.001..0.03f32), place.random_range(0.0..0.95f32));
    let mut noise = 0.0f32;
    let mut samples: Vec<f32> = (0..n)
        .map(|_| {
            noise = color * noise + level * draw.random_range(-1.0..1.0f32);
            noise
        })
        .collect();
    let syllables: Vec<[f32; 3]> = (0..species.random_range(1..5))
        .map(|_| [species.random_range(400.0..2800.0), species.random_range(0.7..1.4), species.random_range(0.04..0.4)])
        .collect();
    let gap_s = species.random_range(0.03..0.4f32);
    let pitch = draw.random_range(0.9..1.1f32);
    let mut start_s = draw.random_range(0.0..1.0f32);
    for [hz, glide, length_s] in syllables.iter().cycle() {
        let start = (start_s * RATE_HZ as f32) as usize;
        if start >= n {
            break;
        }
        let length_s = length_s * draw.random_range(0.85..1.15f32);
        let from_hz = hz * pitch * draw.random_range(0.95..1.05f32);
        let bend = draw.random_range(0.9..1.1f32);
        let n_syllable = (length_s * RATE_HZ as f32) as usize;
        let mut phase = 0.0f32;
        for (i, sample) in samples[start..].iter_mut().take(n_syllable).enumerate() {
            let at = i as f32 / n_syllable as f32;
            phase += std::f32::consts::TAU * from_hz * (1.0 + (glide * bend - 1.0) * at) / RATE_HZ as f32;
            *sample += 0.4 * phase.sin() * (4.0 * at * (1.0 - at));
        }
        start_s += length_s + gap_s * draw.random_range(0.8..1.3f32);
    }
    samples
}

/// A copy of one of [`KINDS`].
fn vary(samples: Vec<f32>, kind: usize, seed: u64) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut cut = |samples: &[f32], rate_hz: f64| {
        let length = draw.random_range((1.5 * rate_hz) as usize..(4.0 * rate_hz) as usize);
        let start = draw.random_range(0..samples.len() - length);
        samples[start..start + length].to_vec()
    };
    match kind {
        0 => samples.iter().map(|sample| (0.3 * sample * 127.0).round() / 128.0).collect(),
        1 => cut(&samples, f64::from(RATE_HZ)),
        2 => {
            let rms = (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt();
            let mut noise = ChaCha8Rng::seed_from_u64(seed + 1);
            let level = 0.1 * rms * 3.0f32.sqrt();
            samples.iter().map(|sample| sample + noise.random_range(-level..level)).collect()
        }
        _ => {
            let faster = resample(&samples, RATE_HZ, 11025).unwrap_or_default();
            resample(&cut(&faster, 11025.0), 11025, RATE_HZ).unwrap_or_default()
        }
    }
}

/// Processor time of this process, in seconds: what other programs take does not count.
fn processor_s() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("/proc/self/stat: no name in it")?;
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse().ok()).collect();
    // A hundred ticks a second on every Linux that runs this.
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// The greatest memory that this process had.
fn peak_memory() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(f64::NAN);
    Ok(format!("{:.2} GiB", kib / 1024.0 / 1024.0))
}
