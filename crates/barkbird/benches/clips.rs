//! What `scripts/bench-peers.sh` sets beside librosa: recordings to log-mel spectrograms in memory, by the same steps as
//! `barkbird features`, with nothing hashed and nothing written, as the peer has it. Prints a JSON line.
//!
//!     cargo bench -p barkbird --bench clips -- MANIFEST.csv [--threads 2] [--set front_end.hop=512]...
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use anyhow::{Context, Result, bail};
use audio_io::{BLOCK_FRAMES, Recording, Row, RowReader};
use inference::Chain;
use pipeline::config::Config;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often all recordings are gone over; the median counts.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let (mut manifest, mut threads, mut set) = (None, 2, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument}: a value is missing"));
        match argument.as_str() {
            "--threads" => threads = value()?.parse()?,
            "--set" => {
                let value = value()?;
                let (key, value) = value.split_once('=').context("--set KEY=VALUE")?;
                set.push((key.to_owned(), value.to_owned()));
            }
            "--bench" => {}
            _ => manifest = Some(PathBuf::from(argument)),
        }
    }
    kernels::settle_process(Some(threads), kernels::Pages::Small);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let manifest = manifest.context("MANIFEST.csv is missing")?;
    let mut rows = csv::Reader::from_path(&manifest)?;
    let column = rows.headers()?.iter().position(|name| name == "path").context("no column `path`")?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let paths = rows.records().map(|row| Ok(folder.join(&row?[column]))).collect::<Result<Vec<PathBuf>>>()?;

    let config = Config::resolve(None, &set)?;
    let chain = Chain::new(config.clip, config.front_end);
    let front_end = chain.build()?;
    let row = Row::default();
    let one = |scratch: &mut _, path: &PathBuf| -> Result<usize> {
        let reader = RowReader::new(Recording::open(path)?, BLOCK_FRAMES);
        let (clips, _) = reader.clips_of(&row, [&chain.clip], chain.until(&row))?;
        let Some(clip) = clips.first().and_then(|clips| clips.first()) else { bail!("{}: no clip", path.display()) };
        Ok(Chain::spectrogram(&front_end, scratch, clip)?.mel.len())
    };
    let mut seconds = Vec::new();
    for _ in 0..=RUNS {
        let began = Instant::now();
        let values = paths.par_iter().map_init(|| front_end.scratch(), one).collect::<Result<Vec<usize>>>()?;
        seconds.push(began.elapsed().as_secs_f64());
        anyhow::ensure!(values.iter().all(|&n| n > 0), "an empty spectrogram");
    }
    // The first time files are read from the disk and plans are made.
    let mut seconds = seconds.split_off(1);
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!(
        "{}",
        serde_json::json!({
            "ours": "decode, resample, log-mel, nothing written", "clips": paths.len(), "threads": threads,
            "clips_per_s": (paths.len() as f64 / median * 10.0).round() / 10.0,
        })
    );
    Ok(())
}
