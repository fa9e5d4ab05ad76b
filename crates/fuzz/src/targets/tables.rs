//! Tables: manifests with labels, and detections in every format that is read.

use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use audio_io::Manifest;
use detections::{
    CsvWriter, Detection, Format, Provenance, Thresholds, Verdict, read_csv, read_raw_table, read_table, table_model,
    table_writer,
};

/// The targets.
pub(super) const TARGETS: [Target; 3] = [
    Target {
        name: "manifest",
        reads: "manifests: CSV, TSV, UTF-8 and UTF-16, with labels and without (`Manifest::read_csv`)",
        seeds: manifests,
        words: &[
            b"path,label,group,split,start,end,channel\n",
            b"fold",
            b"train",
            b"neither",
            b"\"",
            b"\t",
            b";",
            b"|",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\0",
            b"NA",
            b"../",
            b"1,5",
            b"sep=;\n",
        ],
        repair: repair::nothing,
        run: manifest,
        memory: Memory { per_byte: 512, free: 1 << 20 },
    },
    Target {
        name: "detections",
        reads: "tables of barkbird, Raven, Audacity, Kaleidoscope, BirdNET-Analyzer and birdnet, JSON lines (`read_table`, `read_raw_table`, `read_csv`, `table_model`)",
        seeds: || {
            let all = [Format::Csv, Format::JsonLines, Format::Raven, Format::Audacity, Format::Kaleidoscope];
            let all = all.into_iter().chain([Format::Birdnet, Format::BirdnetTable]);
            all.map(written).chain([windows()]).collect()
        },
        words: &[
            b"Begin Time (s)",
            b"End Time (s)",
            b"Start (s)",
            b"IN FILE",
            b"TOP1MATCH",
            b"TOP1DIST",
            b"scientific_name",
            b"species_name",
            b"File Offset (s)",
            b"Selection",
            b"View",
            b"path,start,end,label",
            b"\t",
            b"\"",
            b"{\"label\":",
            b"\\ud800",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"OFFSET",
            b"DURATION",
            b"p_",
        ],
        repair: repair::nothing,
        run: table,
        memory: Memory { per_byte: 512, free: 1 << 20 },
    },
    Target {
        name: "parquet",
        reads: "detections as Apache Parquet (`read_table`, `table_model`)",
        seeds: || vec![written(Format::Parquet)],
        words: &[b"PAR1", b"label", b"start_ms", b"end_ms", b"\x15\x00\x15", b"\x19\x1c"],
        repair: parquet_footer,
        run: |input| {
            table_model(input);
            Outcome::of(read_table(input, "a.parquet", None).map(|rows| about(rows.len()).to_string()))
        },
        memory: Memory { per_byte: 4096, free: 16 << 20 },
    },
];

fn manifests() -> Vec<Vec<u8>> {
    let plain =
        "path,label,group,split,start,end,channel,note\na.wav,dog,g1,train,0,1.5,0,x\nb/c.flac,neither,,test,,,,\n";
    let semicolons = "\u{feff}Path;Label;fold\n\"a;b.wav\";bird;1\nc.wav;dog;2\n";
    let utf16: Vec<u8> = "path\tlabel\na.wav\tdog\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let review = detections::review::header()
        + "a.wav,0,3,,dog,me,2026-11-30T06:00:00Z,run,bird,0.7,0.2\na.wav,0,3,,-dog,me,,run,bird,0.7,\n";
    vec![plain.into(), review.into(), semicolons.into(), [&b"\xff\xfe"[..], &utf16].concat(), b"path\na.wav\n".to_vec()]
}

fn manifest(input: &[u8]) -> Outcome {
    let path = scratch().join("manifest.csv");
    if std::fs::write(&path, input).is_err() {
        return Outcome { signature: 0, is_read: false };
    }
    let words = |read: Manifest| {
        let n_labels = read.rows.iter().filter(|row| !row.label.is_empty()).count();
        format!("{} {} {}", about(read.rows.len()), about(n_labels), read.extra_columns.len().min(9))
    };
    let labeled = Manifest::read_csv(&path).map(|read| {
        // What is read can be written and read again.
        let text = read.to_csv();
        format!("{} {}", about(text.len()), words(read))
    });
    let reviews = detections::review::read(input, "reviews.csv").map(|all| about(all.len()).to_string());
    Outcome::all([
        Outcome::of(labeled),
        Outcome::of(Manifest::read_csv_unlabeled(&path).map(words)),
        Outcome::of(reviews),
    ])
}

/// A table of a few rows.
fn written(format: Format) -> Vec<u8> {
    let row = |start_ms: u64, label: &str| Detection {
        path: "night/a.wav".into(),
        start_ms,
        end_ms: start_ms + 3000,
        label: label.into(),
        score: 0.75,
        low_hz: Some(150.5),
        high_hz: Some(8000.0),
        ..Detection::default()
    };
    let provenance = Provenance { program: "barkbird 0.1.0".into(), ..Provenance::default() };
    let write = || -> detections::Result<Vec<u8>> {
        let mut writer = table_writer(format, Vec::new(), &provenance)?;
        writer.recording("night/a.wav", 60.0)?;
        for (start_ms, label) in [(0, "dog"), (3000, "Tawny Owl"), (57_000, "a, \"b\"")] {
            writer.write(&row(start_ms, label))?;
        }
        writer.finish()
    };
    write().unwrap_or_default()
}

fn windows() -> Vec<u8> {
    let classes = ["bird".to_owned(), "dog".to_owned()];
    let verdict = Verdict { path: "a.wav".into(), end_s: 5.0, probability: vec![0.1, 0.9], ..Verdict::default() };
    let write = || -> detections::Result<Vec<u8>> {
        let mut writer = CsvWriter::new(Vec::new(), &classes, Thresholds { unsure_below: 0.5, alpha: 0.05 })?;
        writer.write(&verdict)?;
        writer.write(&Verdict { outlier_p: Some(0.01), channel: Some(1), ..verdict.clone() })?;
        writer.skip("b.wav", "no sound")?;
        writer.finish()
    };
    write().unwrap_or_default()
}

fn table(input: &[u8]) -> Outcome {
    table_model(input);
    let raw = read_raw_table(input, "t", None).and_then(|raw| {
        let mut out = Vec::new();
        raw.write_with(&mut out, &["sound".to_owned()], |_| vec!["dog".to_owned()])?;
        Ok(about(raw.detections.len()).to_string())
    });
    Outcome::all([
        Outcome::of(read_table(input, "t", None).map(|rows| about(rows.len()).to_string())),
        Outcome::of(raw),
        Outcome::of(read_csv(input).map(|table| format!("{} {}", about(table.rows.len()), table.classes.len().min(9)))),
    ])
}

/// The magic numbers at both ends, and a length of the footer that is within the file.
#[allow(clippy::ptr_arg, reason = "every repair has the type that a target wants")]
fn parquet_footer(input: &mut Vec<u8>) {
    let n = input.len();
    if n < 20 {
        return;
    }
    input[..4].copy_from_slice(b"PAR1");
    input[n - 4..].copy_from_slice(b"PAR1");
    if input[n - 8..n - 4].first_chunk::<4>().is_some_and(|length| u32::from_le_bytes(*length) as usize > n - 12) {
        input[n - 8..n - 4].copy_from_slice(&((n / 2) as u32).to_le_bytes());
    }
}
