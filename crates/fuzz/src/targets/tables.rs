//! Tables: manifests with labels, and detections in every format that is read.

use crate::corpus::fixture;
use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use audio_io::Manifest;
use detections::{
    CsvWriter, Detection, Format, Provenance, Thresholds, Verdict, read_csv, read_raw_table, read_table, table_model,
    table_writer,
};
use pipeline::import::{Options, open};
use pipeline::{CancelToken, Named};

/// The targets.
pub(super) const TARGETS: [Target; 4] = [
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
        name: "import",
        reads: "data of other tools: ESC-50, Hugging Face (CSV, JSON lines), annotations with their rule (`import::open`)",
        seeds: imports,
        words: &[
            b"file_name",
            b"filename,fold,category",
            b"{\"file_name\": ",
            b"start_offset_s,end_offset_s",
            b"label_type",
            b"negative",
            b"night.flac",
            b"train/",
            b"\t",
            b"1e9",
            b"\r\n",
            b"\xef\xbb\xbf",
        ],
        repair: repair::nothing,
        run: import,
        memory: Memory { per_byte: 1024, free: 4 << 20 },
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

fn imports() -> Vec<Vec<u8>> {
    let esc50 = "filename,fold,target,category,esc10,src_file,take\n1-17-A-0.wav,1,0,dog,True,17,A\n2-18-A-1.wav,2,1,rain,True,18,A\n";
    let table = "file_name,label,recordist\nnight.flac,dog,Ann\ntest/b.wav,bird,\"Lee, B\"\n";
    let lines = "{\"file_name\": \"night.flac\", \"label\": \"dog\"}\n{\"file_name\": \"b.wav\", \"label\": \"bird\", \"x\": [1, null]}\n";
    let hoplite = "recording,start_offset_s,end_offset_s,label,label_type\nnight.flac,0.5,2,dog,positive\nnight.flac,1,3,bird,positive\n\
                   night.flac,4,5,bird,negative\nnight.flac,6,6,owl,uncertain\n";
    let labels = "0.5\t2\tdog\n\\\t100\t4000\n1\t3\tbird\n5\t5\towl\n";
    [esc50, table, lines, hoplite, labels].map(|text| text.as_bytes().to_vec()).to_vec()
}

fn import(input: &[u8]) -> Outcome {
    let folder = scratch().join("import");
    let name = if input.first() == Some(&b'{') { "table.jsonl" } else { "night.txt" };
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        if !folder.join("night.flac").exists() {
            std::fs::write(folder.join("night.flac"), fixture("audio/tone-s16.flac"))?;
        }
        std::fs::write(folder.join(name), input)
    };
    if write().is_err() {
        return Outcome { signature: 0, is_read: false };
    }
    let read = |options: &Options| {
        let imported = open(&folder.join(name), options, &CancelToken::default());
        Outcome::of(imported.map(|of| format!("{} {}", of.layout.name(), about(of.manifest.rows.len()))))
    };
    Outcome::all([read(&Options::default()), read(&Options { clip_s: Some(1.0), background: 3, ..Options::default() })])
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
