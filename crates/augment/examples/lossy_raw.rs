//! The lossy codec over raw samples, for comparison with other programs.
//!
//! `lossy_raw KBIT_S RATE_HZ IN OUT`: IN and OUT are little-endian f32 without a header.

use augment::waveform::lossy;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kbit_s, rate_hz, input, output] = arguments.as_slice() else {
        return Err("usage: lossy_raw KBIT_S RATE_HZ IN OUT".into());
    };
    let bytes = std::fs::read(input)?;
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let out = lossy(&samples, rate_hz.parse()?, kbit_s.parse()?);
    std::fs::write(output, out.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    Ok(())
}
