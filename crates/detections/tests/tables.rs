//! Tables in every format: exact text, times that run on, hostile names, and Parquet read back.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use detections::{Detection, Format, Provenance, table_writer};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, RowAccessor};
use std::collections::BTreeMap;

fn provenance() -> Provenance {
    Provenance {
        program: "barkbird 0.2.0".into(),
        model: "run/model.safetensors".into(),
        model_sha256: "ab12".into(),
        settings: BTreeMap::from([("alpha".into(), "0.05".into()), ("events".into(), "true".into())]),
    }
}

fn full() -> Detection {
    Detection {
        path: "site/rec/a.wav".into(),
        recording_ms: Some(600_000),
        start_ms: 500,
        end_ms: 2_750,
        channel: Some(1),
        label: "dog".into(),
        score: 0.93,
        mean: Some(0.75),
        outlier_p: Some(0.25),
        share: Some(0.5),
        low_hz: Some(50.0),
        high_hz: Some(12_000.0),
        recorded: Some("2026-05-01T04:00:00.500+02:00".into()),
        place: Some((47.5, -8.25)),
        note: "cut short".into(),
    }
}

fn plain() -> Detection {
    Detection {
        path: "b.wav".into(),
        start_ms: 606_700,
        end_ms: 607_700,
        label: "bird".into(),
        score: 1.0,
        ..Detection::default()
    }
}

/// A table of recordings, each with its length in seconds and its rows.
fn table(format: Format, recordings: &[(&str, f64, &[Detection])]) -> String {
    let mut writer = table_writer(format, Vec::new(), &provenance()).unwrap();
    for (path, seconds, rows) in recordings {
        writer.recording(path, *seconds).unwrap();
        rows.iter().for_each(|row| writer.write(row).unwrap());
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

/// A recording with a row, one without, and one with a row.
fn three(format: Format) -> String {
    table(format, &[("site/rec/a.wav", 600.0, &[full()]), ("empty.wav", 30.0004, &[]), ("b.wav", 700.0004, &[plain()])])
}

#[test]
fn csv() {
    let expected = "path,recording_s,start,end,channel,label,score,mean,outlier_p,share,low_hz,high_hz,recorded,latitude,\
        longitude,note,program,model,model_sha256,settings\n\
        site/rec/a.wav,600.000,0.500,2.750,1,dog,0.930000,0.750000,0.250000,0.500000,50,12000,2026-05-01T04:00:00.500+02:00,\
        47.5,-8.25,cut short,barkbird 0.2.0,run/model.safetensors,ab12,alpha=0.05; events=true\n\
        b.wav,,606.700,607.700,,bird,1.000000,,,,,,,,,,barkbird 0.2.0,run/model.safetensors,ab12,alpha=0.05; events=true\n";
    assert_eq!(three(Format::Csv), expected);
}

#[test]
fn json_lines() {
    let expected = r#"{"event":"provenance","program":"barkbird 0.2.0","model":"run/model.safetensors","model_sha256":"ab12","settings":{"alpha":"0.05","events":"true"}}
{"event":"recording","path":"site/rec/a.wav","seconds":600.0}
{"event":"detection","path":"site/rec/a.wav","recording_s":600.0,"start":0.5,"end":2.75,"channel":1,"label":"dog","score":0.93,"mean":0.75,"outlier_p":0.25,"share":0.5,"low_hz":50.0,"high_hz":12000.0,"recorded":"2026-05-01T04:00:00.500+02:00","latitude":47.5,"longitude":-8.25,"note":"cut short"}
{"event":"recording","path":"empty.wav","seconds":30.0004}
{"event":"recording","path":"b.wav","seconds":700.0004}
{"event":"detection","path":"b.wav","recording_s":null,"start":606.7,"end":607.7,"channel":null,"label":"bird","score":1.0,"mean":null,"outlier_p":null,"share":null,"low_hz":null,"high_hz":null,"recorded":null,"latitude":null,"longitude":null,"note":null}
{"event":"finished","recordings":3,"detections":2,"skipped":0}
"#;
    assert_eq!(three(Format::JsonLines), expected);
}

#[test]
fn raven() {
    // The third recording begins at 600 + 30.0004 s.
    let expected = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin File\tBegin Path\t\
        File Offset (s)\tFile Duration (s)\tLabel\tScore\tMean Score\tOutlier p\tShare\tRecorded\tLatitude\tLongitude\tNote\t\
        Program\tModel\tModel SHA-256\tSettings\n\
        1\tSpectrogram 1\t2\t0.500\t2.750\t50.0\t12000.0\ta.wav\tsite/rec/a.wav\t0.500\t600.000\tdog\t0.9300\t0.7500\t0.250000\t\
        0.5000\t2026-05-01T04:00:00.500+02:00\t47.5\t-8.25\tcut short\tbarkbird 0.2.0\trun/model.safetensors\tab12\t\
        alpha=0.05; events=true\n\
        2\tSpectrogram 1\t1\t1236.700\t1237.700\t0.0\t15000.0\tb.wav\tb.wav\t606.700\t700.000\tbird\t1.0000\t\t\t\t\t\t\t\t\
        barkbird 0.2.0\trun/model.safetensors\tab12\talpha=0.05; events=true\n";
    assert_eq!(three(Format::Raven), expected);
}

#[test]
fn birdnet_selection_table() {
    let expected = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\t\
        Species Code\tConfidence\tBegin Path\tFile Offset (s)\n\
        1\tSpectrogram 1\t2\t0.500\t2.750\t50\t12000\tdog\tdog\t0.9300\tsite/rec/a.wav\t0.500\n\
        2\tSpectrogram 1\t1\t1236.700\t1237.700\t0\t15000\tbird\tbird\t1.0000\tb.wav\t606.700\n";
    assert_eq!(three(Format::BirdnetTable), expected);
}

#[test]
fn birdnet_csv() {
    let expected = "Start (s),End (s),Scientific name,Common name,Confidence,File\n\
        0.500,2.750,dog,dog,0.9300,site/rec/a.wav\n\
        606.700,607.700,bird,bird,1.0000,b.wav\n";
    assert_eq!(three(Format::Birdnet), expected);
}

#[test]
fn kaleidoscope() {
    let expected = "INDIR,FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH,TOP1DIST\n\
        site,rec,a.wav,0.500,2.250,dog,0.0700\n\
        ,,b.wav,606.700,1.000,bird,0.0000\n";
    assert_eq!(three(Format::Kaleidoscope), expected);
}

#[test]
fn audacity() {
    let path = "site/rec/a.wav";
    let rows = [full(), Detection { low_hz: None, ..full() }];
    let expected = "0.500\t2.750\tdog 0.93\n\\\t50\t12000\n0.500\t2.750\tdog 0.93\n";
    assert_eq!(table(Format::Audacity, &[(path, 600.0, &rows)]), expected);
    assert_eq!(table(Format::Audacity, &[(path, 600.0, &[])]), "");
    let mut writer = table_writer(Format::Audacity, Vec::new(), &provenance()).unwrap();
    writer.recording(path, 600.0).unwrap();
    assert_eq!(
        writer.write(&plain()).unwrap_err().to_string(),
        "table of detections (audacity): expected one recording a table, site/rec/a.wav, got b.wav"
    );
}

#[test]
fn lengths_do_not_drift_over_many_files() {
    // Rounded to milliseconds each, ten thousand of these would be 4 s short.
    let mut writer = table_writer(Format::Raven, Vec::new(), &provenance()).unwrap();
    for _ in 0..10_000 {
        writer.recording("a.wav", 60.0004).unwrap();
    }
    writer.recording("b.wav", 700.0).unwrap();
    writer.write(&plain()).unwrap();
    let table = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert!(table.contains("\t600610.700\t600611.700\t"), "{table}");
}

#[test]
fn a_row_of_another_recording_and_a_length_that_is_none_are_errors() {
    for format in [Format::Raven, Format::BirdnetTable] {
        let mut writer = table_writer(format, Vec::new(), &provenance()).unwrap();
        let message = writer.write(&plain()).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("table of detections ({format}): expected its recording before it, got a row of b.wav")
        );
        writer.recording("a.wav", 1.0).unwrap();
        let message = writer.write(&plain()).unwrap_err().to_string();
        assert!(message.ends_with("expected a row of a.wav, got a row of b.wav"), "{message}");
    }
    for format in Format::ALL {
        let mut writer = table_writer(format, Vec::new(), &provenance()).unwrap();
        assert_eq!(
            writer.recording("a.wav", f64::NAN).unwrap_err().to_string(),
            "table of detections: a.wav: length: expected a number of seconds, 0 or more, got NaN"
        );
    }
}

#[test]
fn skipped_recordings_where_there_is_room() {
    let of = |format| {
        let mut writer = table_writer(format, Vec::new(), &Provenance::default()).unwrap();
        let has_room = writer.skip("broken.wav", "no sound").unwrap();
        (has_room, writer.finish().unwrap())
    };
    let last = |format| String::from_utf8(of(format).1).unwrap().lines().nth(1).map(str::to_owned);
    assert_eq!(last(Format::Csv).unwrap(), "broken.wav,,,,,,,,,,,,,,,no sound,,,,");
    assert_eq!(last(Format::JsonLines).unwrap(), r#"{"event":"skipped","path":"broken.wav","reason":"no sound"}"#);
    for format in Format::ALL {
        assert_eq!(of(format).0, matches!(format, Format::Csv | Format::JsonLines), "{format}");
    }
}

/// A name with everything that a table may stumble over.
const HOSTILE: &str = "a, \"b\"\tc\r\nd; é鳥/=1+1.wav";

#[test]
fn hostile_names_break_no_row() {
    let row = Detection { path: HOSTILE.into(), label: "big\tdog, \"loud\"\n".into(), note: "\t".into(), ..plain() };
    for format in Format::ALL.into_iter().filter(|&format| format != Format::Parquet) {
        let text = table(format, &[(HOSTILE, 700.0, std::slice::from_ref(&row))]);
        let lines: Vec<&str> = text.lines().collect();
        match format {
            Format::Csv => assert!(text.contains("\"a, \"\"b\"\"\tc\r\nd; é鳥/=1+1.wav\",,606.700,607.700,"), "{text}"),
            Format::JsonLines => assert_eq!(lines.len(), 4),
            Format::Audacity => assert_eq!(text, "606.700\t607.700\tbig dog, \"loud\"  1.00\n"),
            Format::Raven | Format::BirdnetTable => {
                assert_eq!(lines.len(), 2);
                assert_eq!(lines[0].matches('\t').count(), lines[1].matches('\t').count());
                assert!(lines[1].contains("\ta, \"b\" c  d; é鳥/=1+1.wav\t"), "{text}");
            }
            Format::Kaleidoscope => assert!(lines[1].starts_with(",\"a, \"\"b\"\" c  d; é鳥\",=1+1.wav,"), "{text}"),
            _ => assert!(lines[1].ends_with("\"a, \"\"b\"\" c  d; é鳥/=1+1.wav\""), "{text}"),
        }
    }
}

#[test]
fn parquet_reads_back() {
    let mut writer = table_writer(Format::Parquet, Vec::new(), &provenance()).unwrap();
    let n = 70_000;
    writer.recording("site/rec/a.wav", 600.0).unwrap();
    for nth in 0..n {
        let row = if nth % 2 == 0 { full() } else { Detection { path: HOSTILE.into(), ..plain() } };
        writer.write(&Detection { start_ms: nth, ..row }).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata();
    assert_eq!((metadata.num_row_groups(), metadata.file_metadata().num_rows()), (3, n as i64));
    let pairs: BTreeMap<&str, &str> = metadata
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap()))
        .collect();
    assert_eq!(pairs["barkbird.program"], "barkbird 0.2.0");
    assert_eq!(pairs["barkbird.model_sha256"], "ab12");
    assert_eq!(pairs["barkbird.settings"], r#"{"alpha":"0.05","events":"true"}"#);
    let mut rows = 0;
    for (nth, row) in reader.get_row_iter(None).unwrap().enumerate() {
        let row = row.unwrap();
        rows += 1;
        assert_eq!(row.get_long(2).unwrap(), nth as i64);
        if nth % 2 == 0 {
            assert_eq!((row.get_string(0).unwrap().as_str(), row.get_long(1).unwrap()), ("site/rec/a.wav", 600_000));
            assert_eq!((row.get_int(4).unwrap(), row.get_string(5).unwrap().as_str()), (1, "dog"));
            assert_eq!((row.get_float(6).unwrap(), row.get_float(7).unwrap()), (0.93, 0.75));
            let doubles: Vec<f64> = [8, 9, 10, 11, 13, 14].iter().map(|&at| row.get_double(at).unwrap()).collect();
            assert_eq!(doubles, [0.25, 0.5, 50.0, 12_000.0, 47.5, -8.25]);
            assert_eq!(row.get_string(15).unwrap(), "cut short");
        } else {
            assert_eq!(row.get_string(0).unwrap(), HOSTILE);
            let null = row.get_column_iter().enumerate().filter(|(_, (_, field))| **field == Field::Null);
            let null: Vec<usize> = null.map(|(at, _)| at).collect();
            assert_eq!(null, [1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        }
    }
    assert_eq!(rows, n);
}
