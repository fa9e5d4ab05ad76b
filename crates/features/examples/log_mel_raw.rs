//! Log-mel of raw samples, for comparison with other programs: 2048-sample frames, hop 512, 128 bands.
//!
//! `log_mel_raw IN RATE_HZ OUT [one|max] [TOP_DB|none] [f64|f32]`: IN and OUT are little-endian f32 without a header,
//! OUT `[128, n_frames]`.

use std::error::Error;

use features::{EmptyBands, FrontEnd, FrontEndConfig, Kind, LogMelConfig, MelConfig, Output, Precision, Reference};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, rate_hz, output, options @ ..] = arguments.as_slice() else {
        return Err("usage: log_mel_raw IN RATE_HZ OUT [one|max] [TOP_DB|none] [f64|f32]".into());
    };
    let option = |i: usize| options.get(i).map(String::as_str);
    let reference = match option(0).unwrap_or("one") {
        "one" => Reference::One,
        "max" => Reference::Max,
        other => return Err(format!("reference: expected one or max, got {other}").into()),
    };
    let top_db = match option(1).unwrap_or("80") {
        "none" => None,
        number => Some(number.parse()?),
    };
    let precision = match option(2).unwrap_or("f64") {
        "f64" => Precision::F64,
        "f32" => Precision::F32,
        other => return Err(format!("precision: expected f64 or f32, got {other}").into()),
    };
    let front_end = FrontEnd::new(&FrontEndConfig {
        sample_rate_hz: rate_hz.parse()?,
        n_fft: 2048,
        hop: 512,
        precision,
        kind: Kind::LogMel(LogMelConfig {
            mel: MelConfig {
                n_mels: 128,
                f_min_hz: 0.0,
                f_max_hz: None,
                empty_bands: EmptyBands::Allow,
                ..MelConfig::default()
            },
            output: Output::Db { reference, top_db },
            ..LogMelConfig::default()
        }),
        ..FrontEndConfig::default()
    })?;

    let bytes = std::fs::read(input)?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{input}: expected whole f32 values, got {} bytes", bytes.len()).into());
    }
    let samples: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let mel = front_end.compute_one(&samples)?;
    std::fs::write(output, mel.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    Ok(())
}
