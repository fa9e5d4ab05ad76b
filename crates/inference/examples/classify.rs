//! Classifies one recording: `cargo run -p inference --example classify RUN WAV`.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]
use inference::{Model, PredictorOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, wav] = &arguments[..] else { return Err("expected: classify RUN WAV".into()) };
    let model = Model::open(run)?;
    let predictor = model.predictor(&PredictorOptions::default())?;
    for verdict in predictor.recording(wav)? {
        let (label, probability) = verdict.label(predictor.classes(), predictor.thresholds());
        println!("{:6.1} to {:6.1} s  {label}  {probability:.2}  {}", verdict.start_s, verdict.end_s, verdict.note);
    }
    Ok(())
}
