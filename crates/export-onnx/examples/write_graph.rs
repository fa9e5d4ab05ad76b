//! Writes the graph of a model: `cargo run -p export-onnx --example write_graph RUN OUT.onnx`.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use export_onnx::{Begin, onnx};
use inference::{Model, read_model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out] = &arguments[..] else { return Err("usage: write_graph RUN OUT.onnx".into()) };
    let (_, file) = read_model(run.as_ref())?;
    let exported = onnx(&Model::open(run)?, &file, Begin::Waveform)?;
    std::fs::write(out, &exported.bytes)?;
    println!(
        "{} Hz, {} s: {}",
        exported.about.sample_rate_hz,
        exported.about.window_s,
        exported.about.classes.join(", ")
    );
    Ok(())
}
