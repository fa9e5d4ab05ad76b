//! Tables that are read: what was written comes back, others' tables are understood, and errors say where.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use detections::{
    CsvWriter, Detection, Format, Provenance, TableDetection, Thresholds, Verdict, read_raw_table, read_table,
    table_writer, to_json,
};
use proptest::prelude::*;

fn read(table: impl AsRef<[u8]>) -> Vec<TableDetection> {
    read_table(table.as_ref(), "t", None).unwrap()
}

fn message(table: &str) -> String {
    read_table(table.as_bytes(), "t.txt", None).unwrap_err().to_string()
}

fn row(path: &str, start_ms: u64, end_ms: u64, label: &str, score: Option<f64>) -> TableDetection {
    let path = Some(path.to_owned()).filter(|path| !path.is_empty());
    TableDetection { path, start_ms, end_ms, label: label.into(), score, ..TableDetection::default() }
}

fn written(format: Format, recordings: &[(String, u64)], rows: &[Detection]) -> Vec<u8> {
    let provenance = Provenance { program: "barkbird, \"0.2.0\"".into(), ..Provenance::default() };
    let mut writer = table_writer(format, Vec::new(), &provenance).unwrap();
    for (path, length_ms) in recordings {
        writer.recording(path, *length_ms as f64 / 1000.0).unwrap();
        rows.iter().filter(|row| row.path == *path).for_each(|row| writer.write(row).unwrap());
    }
    writer.skip("broken.wav", "no sound").unwrap();
    writer.finish().unwrap()
}

/// Recordings with a length each, and rows of some of them.
fn tables() -> impl Strategy<Value = (Vec<(String, u64)>, Vec<Detection>)> {
    let name = "[ -.0-~\t\n\"é鳥]{0,12}";
    let recordings = prop::collection::vec((name, 0..100_000_000u64), 1..5).prop_map(|names| {
        let named = names.into_iter().enumerate();
        named.map(|(nth, (name, length_ms))| (format!("dir/sub/{nth}{name}.wav"), length_ms)).collect::<Vec<_>>()
    });
    let times = (0..100_000_000u64, 0..100_000u64);
    let one = (0..5usize, times, prop::option::of(0..4u16), "[a-z][ -~é\t]{0,8}[a-z]", 0..=100u8, any::<bool>());
    (recordings, prop::collection::vec(one, 0..12)).prop_map(|(recordings, rows)| {
        type Row = (usize, (u64, u64), Option<u16>, String, u8, bool);
        let row = |(of, (start_ms, length_ms), channel, label, percent, has_band): Row| Detection {
            path: recordings[of % recordings.len()].0.clone(),
            start_ms,
            end_ms: start_ms + length_ms,
            channel,
            label,
            score: f32::from(percent) / 100.0,
            low_hz: has_band.then_some(50.5),
            high_hz: has_band.then_some(8000.0),
            ..Detection::default()
        };
        let mut rows: Vec<Detection> = rows.into_iter().map(row).collect();
        // As they are written: recording by recording.
        rows.sort_by_key(|row| recordings.iter().position(|recording| recording.0 == row.path));
        (recordings, rows)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((recordings, rows) in tables()) {
        let spaces = |text: &str| text.replace(char::is_control, " ");
        for format in Format::ALL {
            // Audacity has one recording.
            let recordings = if format == Format::Audacity { &recordings[..1] } else { &recordings[..] };
            let rows: Vec<_> = rows.iter().filter(|row| recordings.iter().any(|r| r.0 == row.path)).cloned().collect();
            let read = read(written(format, recordings, &rows));
            prop_assert_eq!(read.len(), rows.len(), "{}", format);
            for (read, row) in read.iter().zip(&rows) {
                let ours = matches!(format, Format::Csv | Format::JsonLines | Format::Parquet);
                let selection = matches!(format, Format::Raven | Format::BirdnetTable);
                let name = |text: &str| if ours { text.to_owned() } else { spaces(text) };
                let expected = TableDetection {
                    path: (format != Format::Audacity).then(|| name(&row.path)),
                    start_ms: row.start_ms,
                    end_ms: row.end_ms,
                    channel: if ours { row.channel } else { selection.then_some(row.channel.unwrap_or(0)) },
                    label: name(&row.label),
                    score: None,
                    outlier_p: row.outlier_p.filter(|_| ours),
                    low_hz: if selection { Some(row.low_hz.unwrap_or(0.0)) } else { row.low_hz },
                    high_hz: if selection { Some(row.high_hz.unwrap_or(15_000.0)) } else { row.high_hz },
                };
                let no_band = matches!(format, Format::Kaleidoscope | Format::Birdnet);
                let expected = if no_band { TableDetection { low_hz: None, high_hz: None, ..expected } } else { expected };
                prop_assert!((read.score.unwrap() - f64::from(row.score)).abs() < 1e-6, "{}", format);
                prop_assert_eq!(read.outlier_p.is_some(), expected.outlier_p.is_some(), "{}", format);
                let difference = read.outlier_p.unwrap_or(0.0) - expected.outlier_p.unwrap_or(0.0);
                prop_assert!(difference.abs() < 1e-6, "{}", format);
                prop_assert_eq!(&TableDetection { score: None, outlier_p: expected.outlier_p, ..read.clone() }, &expected, "{}", format);
            }
        }
    }

    #[test]
    fn no_damage_of_parquet_makes_it_panic((recordings, rows) in tables(), at in 0.0..1.0_f64, byte: u8, cut: bool) {
        let mut bytes = written(Format::Parquet, &recordings, &rows);
        let at = 4 + (at * (bytes.len() - 4) as f64) as usize;
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        drop(read_table(&bytes[..], "t", None));
    }

    #[test]
    fn no_file_makes_it_panic(text in "([a-zA-Z0-9 .,:\t\n\"\\\\{}()-]|Begin Time \\(s\\)|End Time \\(s\\)|Label|\n){0,60}") {
        let rows = read_table(text.as_bytes(), "t", None);
        // The same rows are read where they are kept as they are written, and nothing of them is lost.
        if let Ok(raw) = read_raw_table(text.as_bytes(), "t", None) {
            prop_assert_eq!(&raw.detections, &rows.unwrap());
            let mut out = Vec::new();
            raw.write_with(&mut out, &[], |_| Vec::new()).unwrap();
            let out = String::from_utf8(out).unwrap();
            let mut left = out.chars();
            prop_assert!(text.chars().all(|c| left.any(|other| other == c)), "{}", out);
        }
    }
}

#[test]
fn the_tables_of_predict() {
    let classes = ["bird".to_owned(), "dog".to_owned()];
    let verdict =
        Verdict { path: "a.wav".into(), start_s: 0.5, end_s: 1.5, probability: vec![0.25, 0.75], ..Verdict::default() };
    let mut writer = CsvWriter::new(Vec::new(), &classes, Thresholds::default()).unwrap();
    writer.write(&verdict).unwrap();
    writer.skip("broken.wav", "no sound").unwrap();
    let expected = [row("a.wav", 500, 1500, "dog", Some(0.75))];
    assert_eq!(read(writer.finish().unwrap()), expected);
    assert_eq!(read(to_json(&verdict, &classes, Thresholds::default()).to_string()), expected);
}

#[test]
fn tables_of_other_tools() {
    // Raven: two views of one selection, columns in another order, case and line ends of Windows, a row without a label.
    let raven = "\u{feff}Selection\tView\tChannel\tBegin Time (S)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\r\n\
        1\tWaveform 1\t2\t10.25\t11.5\t100.5\t900\tGrus grus\r\n1\tSpectrogram 1\t2\t10.25\t11.5\t100.5\t900\tGrus grus\r\n\
        2\tSpectrogram 1\t1\t12\t13\t\t\t\r\n\r\n";
    let (low_hz, high_hz) = (Some(100.5), Some(900.0));
    let first = TableDetection { channel: Some(1), low_hz, high_hz, ..row("", 10_250, 11_500, "Grus grus", None) };
    let second = TableDetection { channel: Some(0), ..row("", 12_000, 13_000, "", None) };
    assert_eq!(read(raven), [first, second]);
    // BirdNET-Analyzer, the newer one, over two files: times run on, offsets do not.
    let table = "Selection\tBegin Time (s)\tEnd Time (s)\tCommon Name\tScientific Name\tConfidence\tView\tChannel\t\
        File Offset (s)\tBegin Path\n\
        1\t3.0\t6.0\tGreat Tit\tParus major\t0.4411\tSpectrogram 1\t1\t3.0\t/data/a.wav\n\
        2\t60.0\t63.0\tGreat Tit\tParus major\t0.9\tSpectrogram 1\t1\t0.0\t/data/b.wav\n";
    let channel = Some(0);
    let first = TableDetection { channel, ..row("/data/a.wav", 3_000, 6_000, "Great Tit", Some(0.4411)) };
    let second = TableDetection { channel, ..row("/data/b.wav", 0, 3_000, "Great Tit", Some(0.9)) };
    assert_eq!(read(table), [first, second]);
    let csv = "Start (s),End (s),Scientific name,Common name,Confidence\n0.0,3.0,Parus major,\"Tit, Great\",0.5\n";
    assert_eq!(read(csv), [row("", 0, 3_000, "Tit, Great", Some(0.5))]);
    let named = read_table(csv.as_bytes(), "t", Some("scientific NAME")).unwrap();
    assert_eq!(named[0].label, "Parus major");
    let kaleidoscope =
        "INDIR,FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH,TOP1DIST\nC:\\rec,n1,a.wav,3.0,1.5,MYOLUC,0.25\n";
    assert_eq!(read(kaleidoscope), [row("C:\\rec\\n1\\a.wav", 3_000, 4_500, "MYOLUC", Some(0.75))]);
    let birdnet =
        "INDIR,FOLDER,IN FILE,OFFSET,DURATION,scientific_name,TOP1MATCH,TOP1DIST\n/d,,a.wav,0,3,Parus major,Tit,0.8\n";
    assert_eq!(read(birdnet), [row("/d/a.wav", 0, 3_000, "Tit", Some(0.8))]);
    let python = "input,start_time,end_time,species_name,confidence\na.wav,00:01:00.50,00:01:03.50,Parus major_Tit,0.6\n\
        a.wav,63.5,66.5,x,0.5\n";
    let second = row("a.wav", 63_500, 66_500, "x", Some(0.5));
    assert_eq!(read(python), [row("a.wav", 60_500, 63_500, "Parus major_Tit", Some(0.6)), second]);
    let audacity = "1.5\t1.5\ta point\n2.000000\t3.000000\tbig\tdog 0.93\n\\\t-1\t900.5\n4\t5\n";
    let point = row("", 1_500, 1_500, "a point", None);
    let dog = TableDetection { high_hz: Some(900.5), ..row("", 2_000, 3_000, "big\tdog", Some(0.93)) };
    assert_eq!(read(audacity), [point, dog, row("", 4_000, 5_000, "", None)]);
    assert_eq!(read(""), []);
    assert_eq!(read("path,start,end,label\n"), []);
}

#[test]
fn errors_say_where_and_what_is_understood() {
    const KNOWN: &str = "barkbird (CSV, JSON lines, Parquet), Raven, BirdNET-Analyzer (CSV, selection table), Kaleidoscope, birdnet for \
        Python (CSV), Hoplite (CSV), Audacity labels";
    assert_eq!(
        message("name,age\nx,1\n"),
        format!("t.txt: expected a table of {KNOWN}; got a file that starts with `name,age`")
    );
    assert!(message("PAR1...").starts_with("t.txt: "), "damaged Parquet");
    let raw = read_raw_table(&b"PAR1..."[..], "t.parquet", None).unwrap_err().to_string();
    assert!(raw.ends_with("`PAR1 (Parquet)`"), "{raw}");
    assert_eq!(
        message("Begin Time (s)\tEnd Time (s)\tCall\n0\t1\tx\n"),
        format!(
            "t.txt: line 1: expected a column `Label` or `Species` or `Annotation` or `Class` or `Common Name`, got Begin Time \
            (s), End Time (s), Call; formats that are understood: {KNOWN}"
        )
    );
    let error = read_table("path,start,end,label\n".as_bytes(), "t", Some("species")).unwrap_err().to_string();
    assert!(error.starts_with("t: line 1: expected a column `species`, got path, start, end, label;"), "{error}");
    for (table, expected) in [
        (
            "path,start,end,label\n\"a\nb\",0,1,x\nc,soon,1,x\n",
            "line 4, column `start`: expected a number of seconds, 0 or more, got `soon`",
        ),
        (
            "path,start,end,label\na,2,1,x\n",
            "line 2, column `end`: expected a time that is not before the start, got `1`",
        ),
        ("path,start,end,label\na,2\n", "line 2, column `label`: expected a cell, got `a row of 2 cells`"),
        ("path,start,end,label,score\na,0,1,x,NaN\n", "line 2, column `score`: expected a number, got `NaN`"),
        (
            "path,start,end,label,channel\na,0,1,x,-1\n",
            "line 2, column `channel`: expected a channel, counted from 0, got `-1`",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tChannel\tLabel\n0\t1\t0\tx\n",
            "line 2, column `Channel`: expected a channel, counted from 1, got `0`",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tBegin File\tLabel\n0\t1\ta\tx\n0\t1\tb\tx\n",
            "line 3: expected a column `File Offset (s)`, since the rows are of several files: a and b",
        ),
        ("0\t1\ta\n2\t1\tb\n", "line 2, column `end`: expected a time that is not before the start, got `1`"),
        ("0\t1\ta\nx\t1\tb\n", "line 2, column `start`: expected a number of seconds, 0 or more, got `x`"),
        (
            "{\"label\": \"x\", \"start\": 1}\n",
            "line 1, column `end`: expected a time that is not before the start, got `nothing`",
        ),
    ] {
        assert_eq!(message(table), format!("t.txt: {expected}"));
    }
    assert!(
        message("{}\n{\"start\":\n")
            .starts_with("t.txt: line 2, column `object`: expected a JSON object of a detection")
    );
    let latin = read_table(&b"path,start,end,label\na,0,1,caf\xe9\n"[..], "t", None).unwrap_err();
    assert_eq!(latin.to_string(), "t: line 2, column `text`: expected UTF-8, got `byte 0xe9`");
}
