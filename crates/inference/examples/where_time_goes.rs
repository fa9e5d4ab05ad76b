//! Where the time of a prediction goes: processor seconds of each stage, from the file to the verdicts.
//!
//!     cargo run --release -p inference --example where_time_goes -- RUN RECORDING...
//!
//! Each line does what the one before it does and one stage more, on one thread for each stage (`RAYON_NUM_THREADS=1`), so that the
//! difference is that stage's.

#![allow(clippy::print_stdout, reason = "an example shows its result")]

use audio_io::{Recording, RowReader};
use inference::{Error, Input, Model, PredictorOptions, Reject, Watch, Window};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, recordings @ ..] = &arguments[..] else {
        println!("usage: where_time_goes RUN RECORDING...");
        return Ok(());
    };
    let inputs: Vec<Input> = recordings.iter().map(|path| Input::file(Path::new(path))).collect();
    let model = Model::open(Path::new(run))?;
    let predictor = model.predictor(&PredictorOptions { reject: Reject::Off, ..PredictorOptions::default() })?;
    let chain = model.chain()?;
    let mut seconds = 0.0;
    let mut before = 0.0;
    let mut stage = |name: &str, work: &mut dyn FnMut() -> Result<f64, Box<dyn std::error::Error>>| {
        let (began, processor) = (Instant::now(), processor_s());
        let sound_s = work()?;
        let (took, used) = (began.elapsed().as_secs_f64(), processor_s() - processor);
        seconds = f64::max(seconds, sound_s);
        println!("{name:<32} {took:>7.2} s, processor {used:>6.2} s, this stage {:>6.2} s", used - before);
        before = used;
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    stage("decode", &mut || {
        let mut sound_s = 0.0;
        for input in &inputs {
            let mut recording = Recording::open(&input.path)?;
            let mut block: Vec<Vec<f32>> = Vec::new();
            while recording.next_block(1 << 18, &mut block)? > 0 {
                block.iter_mut().for_each(Vec::clear);
            }
            sound_s += recording.n_frames() as f64 / f64::from(recording.rate_hz().max(1));
        }
        Ok(sound_s)
    })?;
    stage("and mix, resample, cut", &mut || {
        let window = chain.clip.window;
        let placement = audio_io::Placement::Sliding { overlap_s: 0.0 };
        let clip = audio_io::ClipConfig { window: audio_io::Windowing { placement, ..window }, ..chain.clip };
        for input in &inputs {
            let mut reader = RowReader::new(Recording::open(&input.path)?, 1 << 18);
            reader.add(0, &input.row, [&clip])?;
            while reader.next_clips()?.is_some() {}
        }
        Ok(0.0)
    })?;
    stage("and the front end", &mut || {
        for input in &inputs {
            let mut take = |_: Vec<Window>| Ok::<(), Error>(());
            predictor.each_window(std::slice::from_ref(input), &|_| true, &|| false, &mut take)?;
        }
        Ok(0.0)
    })?;
    stage("and the network, all verdicts", &mut || {
        for few in inputs.chunks(predictor.n_recordings()) {
            predictor.recordings(few, 0, &Watch::default())?;
        }
        Ok(0.0)
    })?;
    println!("{} recordings, {seconds:.0} s of sound", inputs.len());
    Ok(())
}

/// Seconds that processors have worked for this process.
fn processor_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // Of a hundredth of a second each, on every Linux.
    (ticks(11) + ticks(12)) / 100.0
}
