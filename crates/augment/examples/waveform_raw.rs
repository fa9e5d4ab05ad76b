//! Time stretch and pitch shift of raw samples, for comparison with other programs.
//!
//! `waveform_raw stretch|pitch AMOUNT RATE_HZ IN OUT [ROUNDS]`: AMOUNT is a factor or semitones; IN and OUT are
//! little-endian f32 without a header. Prints the seconds of the fastest call, which is what a
//! machine that others use too disturbs least.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use augment::waveform::{pitch_shift, time_stretch};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, amount, rate_hz, input, output, options @ ..] = arguments.as_slice() else {
        return Err("usage: waveform_raw stretch|pitch AMOUNT RATE_HZ IN OUT [ROUNDS]".into());
    };
    let run = match step.as_str() {
        "stretch" => time_stretch,
        "pitch" => pitch_shift,
        other => return Err(format!("step: expected stretch or pitch, got {other}").into()),
    };
    let (amount, rate_hz): (f64, u32) = (amount.parse()?, rate_hz.parse()?);
    let n_rounds: usize = options.first().map_or(Ok(1), |rounds| rounds.parse())?;

    let bytes = std::fs::read(input)?;
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let mut seconds = Vec::new();
    let mut out = Vec::new();
    for _ in 0..n_rounds.max(1) {
        let begin = Instant::now();
        out = run(&samples, rate_hz, amount);
        seconds.push(begin.elapsed().as_secs_f64());
    }
    std::fs::write(output, out.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    println!("{}", seconds.into_iter().fold(f64::INFINITY, f64::min));
    Ok(())
}
