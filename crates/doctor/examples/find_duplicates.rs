//! Near-duplicates among the recordings of manifests, as a table: `find_duplicates [MIN_EVIDENCE] MANIFEST...`.
//!
//! Each MANIFEST is a CSV with a column `path`, or a folder of class folders.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::path::PathBuf;

use audio_io::{Manifest, decode_file, resample};
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::index::{SearchConfig, near_duplicates};
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut names = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    let mut config = SearchConfig::default();
    for argument in std::env::args().skip(1) {
        if let Ok(min_evidence) = argument.parse() {
            config.min_evidence = min_evidence;
            continue;
        }
        let manifest = Manifest::open(argument.as_ref())?;
        for row in &manifest.rows {
            names.push(row.path.clone());
            files.push(manifest.root.join(&row.path));
        }
    }
    let started = std::time::Instant::now();
    let clips: Vec<Fingerprint> = files.par_iter().map(|file| fingerprint(file).unwrap_or_default()).collect();
    let made_s = started.elapsed().as_secs_f64();
    let seconds: f64 = clips.iter().map(|clip| clip.n_frames() as f64 * doctor::fingerprint::HOP_S).sum();
    let n_landmarks: usize = clips.iter().map(Fingerprint::n_landmarks).sum();
    let n_bits: usize = clips.iter().map(Fingerprint::n_known_bits).sum();
    eprintln!(
        "{} clips, {seconds:.0} s, {:.1} landmarks and {:.1} known bits a second, made in {made_s:.1} s",
        clips.len(),
        n_landmarks as f64 / seconds,
        n_bits as f64 / seconds
    );
    let started = std::time::Instant::now();
    let pairs = near_duplicates(&clips, &config)?;
    eprintln!("{} pairs in {:.2} s", pairs.len(), started.elapsed().as_secs_f64());
    println!("a,b,evidence,score,coherence,offset_s,overlap_s,n_votes,n_bits,n_peaks");
    for pair in pairs {
        println!(
            "{},{},{:.1},{:.3},{:.3},{:.3},{:.3},{},{},{}",
            names[pair.a],
            names[pair.b],
            pair.evidence,
            pair.score,
            pair.coherence,
            pair.offset_s,
            pair.overlap_s,
            pair.n_votes,
            pair.n_bits,
            pair.n_peaks
        );
    }
    Ok(())
}

/// The fingerprint of a file's channels together, or why there is none.
fn fingerprint(file: &std::path::Path) -> Result<Fingerprint, audio_io::Error> {
    let decoded = decode_file(file)?;
    let mut mono = vec![0.0f32; decoded.n_frames()];
    for samples in &decoded.channels {
        mono.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += sample / decoded.channels.len() as f32);
    }
    Ok(Fingerprint::new(&resample(&mono, decoded.rate_hz, RATE_HZ)?))
}
