//! Writes recordings as they are and under each condition of the stress tests, so that other programs can be measured on
//! the sounds that `evaluate --stress` measures a model on.
//!
//! ```text
//! stress_sounds MANIFEST SPLITS OUT CONDITIONS RATE_HZ SECONDS
//! ```
//!
//! `SPLITS` are names with commas between them, as in `evaluate --split`. `CONDITIONS` are names of
//! [`Condition`] with commas between them, `recorded` for the recordings as they are, or `all` for both. `RATE_HZ` and
//! `SECONDS` are the sample rate and the window of the model to be measured. The seed is 0, as in `evaluate`.
//!
//! Each condition becomes a folder of `OUT`, with `00000.wav` and so on in the order of the manifest, and `manifest.csv`
//! (`path,label,group,split`). A row of the manifest is one file: the part and the channel that it names, or the mean of all
//! channels, as 32-bit floating-point samples, of any level and at the sample rate of the recording. Nothing is padded, and
//! a row without sound is left out, as in `evaluate`.
//!
//! [`Condition::apply`] does all of most conditions. For two of them, [`Condition::clip_config`] changes how clips are cut
//! instead, and what is written depends on the model:
//!
//! - `loudest_second` is cut out by `apply`, and its repetition is the clip's padding: each file is that second over and over
//!   for `SECONDS`.
//! - `equalized` is a clip setting alone: each file is at `RATE_HZ`, limited to the common bandwidth, with the common noise floor.
//!   At the recordings' own sample rates, the noise of each would end at another frequency, and nothing would be equal. The model
//!   equalizes windows; a file is equalized as a whole.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use audio_io::{ClipConfig, Level, Padding, Placement, Row, Windowing, audible, clips, decode_bytes};
use pipeline::stress::Condition;
use pipeline::{Named, inputs};
use shard::{sha256_hex, write_atomic};
use std::error::Error;
use std::fs;
use std::path::Path;

/// The folder of recordings without a condition.
const RECORDED: &str = "recorded";
const SEED: u64 = 0;

/// The model that sounds are written for.
struct Settings {
    rate_hz: u32,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, splits, out, conditions, rate_hz, seconds] = arguments.as_slice() else {
        return Err("usage: stress_sounds MANIFEST SPLITS OUT CONDITIONS RATE_HZ SECONDS".into());
    };
    let settings = Settings { rate_hz: rate_hz.parse()?, seconds: seconds.parse()? };
    let manifest = inputs::manifest(Path::new(manifest))?;
    let splits: Vec<&str> = splits.split(',').collect();
    let is_wanted = |row: &&Row| row.split.as_deref().is_some_and(|split| splits.contains(&split));
    let rows: Vec<&Row> = manifest.rows.iter().filter(is_wanted).collect();
    if rows.is_empty() {
        return Err(format!("no recording of split {}", splits.join(",")).into());
    }
    for (name, condition) in conditions_of(conditions)? {
        let folder = Path::new(out).join(name);
        fs::create_dir_all(&folder)?;
        let mut table = String::from("path,label,group,split\n");
        let mut written = 0;
        for (nth, row) in rows.iter().enumerate() {
            let path = manifest.file(row);
            let (samples, rate_hz) = match sound(&path, row, condition, &settings) {
                Ok(sound) => sound,
                Err(error) => {
                    println!("{name}: {} left out: {error}", row.path);
                    continue;
                }
            };
            let file = format!("{nth:05}.wav");
            fs::write(folder.join(&file), wav(&samples, rate_hz)?)?;
            let group = row.group.as_deref().unwrap_or(&row.path);
            let fields = [&file, &row.label, group, row.split.as_deref().unwrap_or_default()];
            table += &fields.map(quoted).join(",");
            table.push('\n');
            written += 1;
        }
        // Last: a folder with a manifest is complete.
        write_atomic(&folder.join("manifest.csv"), table.as_bytes())?;
        println!("{name}: {written} files");
    }
    Ok(())
}

/// A condition with its name; none for the sounds as they are.
type NamedCondition<'a> = (&'a str, Option<Condition>);

/// Conditions by their names, with the names.
fn conditions_of(names: &str) -> Result<Vec<NamedCondition<'_>>, Box<dyn Error>> {
    let all = || std::iter::once((RECORDED, None)).chain(Condition::ALL.iter().map(|(name, of, _)| (*name, Some(*of))));
    if names == "all" {
        return Ok(all().collect());
    }
    let found = names.split(',').map(|name| {
        all().find(|(known, _)| *known == name).ok_or_else(|| {
            let known: Vec<&str> = all().map(|(known, _)| known).collect();
            format!("{name}: no such condition; expected all, {}", known.join(", ")).into()
        })
    });
    found.collect()
}

/// The samples of a row under a condition, and their rate.
fn sound(
    path: &Path,
    row: &Row,
    condition: Option<Condition>,
    settings: &Settings,
) -> Result<(Vec<f32>, u32), Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let recording = decode_bytes(&bytes, path)?;
    let changed = match condition {
        Some(condition) => Some(condition.apply(&recording, row, &sha256_hex(&bytes), SEED)?),
        None => None,
    };
    let (decoded, row) = changed.as_ref().map_or((&recording, row), |changed| (&*changed.decoded, &changed.row));
    let placement = match condition {
        Some(Condition::LoudestSecond) => Placement::First,
        _ => Placement::Whole,
    };
    let sample_rate_hz = match condition {
        Some(Condition::Equalized) => settings.rate_hz,
        _ => decoded.rate_hz,
    };
    let window = Windowing { placement, seconds: settings.seconds, padding: Padding::Silence };
    let config = ClipConfig { sample_rate_hz, level: Level::None, window, ..ClipConfig::default() };
    let config = condition.map_or(config, |condition| condition.clip_config(&config));
    let clips = audible(clips(decoded, row.start_s, row.end_s, row.channel, &config)?)?;
    let clip = clips.into_iter().next().ok_or("no sound")?;
    Ok((clip.samples, sample_rate_hz))
}

/// A WAV file of one channel with 32-bit floating-point samples.
fn wav(samples: &[f32], rate_hz: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    const FORMAT_FLOAT: u16 = 3;
    let data_bytes = u32::try_from(4 * samples.len())?;
    let mut out = Vec::with_capacity(44 + 4 * samples.len());
    out.extend(b"RIFF");
    out.extend((36 + data_bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend(FORMAT_FLOAT.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(rate_hz.to_le_bytes());
    out.extend((4 * rate_hz).to_le_bytes());
    out.extend(4u16.to_le_bytes());
    out.extend(32u16.to_le_bytes());
    out.extend(b"data");
    out.extend(data_bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok(out)
}

/// A field of a CSV file.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
