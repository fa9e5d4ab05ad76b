//! Decodes files to raw samples (`f32`, little-endian, interleaved), for comparisons with other decoders.
//!
//! `decode_raw OUT FILE...` writes OUT/NAME.f32 for each file, and prints its name, rate, channels, frames and the seconds that it
//! took.

#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use audio_io::Recording;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: decode_raw OUT FILE...")?;
    for file in arguments {
        let path = Path::new(&file);
        let began = Instant::now();
        let decoded = match Recording::open(path).and_then(|recording| recording.decode(None)) {
            Ok(decoded) => decoded,
            Err(error) => {
                println!("{file}\terror\t{error}");
                continue;
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        let n = decoded.n_frames();
        let bytes: Vec<u8> =
            (0..n).flat_map(|frame| decoded.channels.iter().flat_map(move |of| of[frame].to_le_bytes())).collect();
        let name = path.file_name().ok_or("a file without a name")?.to_string_lossy();
        std::fs::write(Path::new(&out).join(format!("{name}.f32")), bytes)?;
        println!("{file}\t{}\t{}\t{n}\t{seconds:.6}", decoded.rate_hz, decoded.channels.len());
    }
    Ok(())
}
