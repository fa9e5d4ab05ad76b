//! Data of other tools: every layout is recognized, and every table of annotations gives the clips that it was written from.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use audio_io::Manifest;
use detections::{Detection, Format, Provenance, table_writer};
use pipeline::import::{Layout, Options, open};
use pipeline::scan::GroupBy;
use pipeline::{CancelToken, Job, scan};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What is to be heard: recording, start and end in milliseconds, label.
const TRUTH: [(&str, u64, u64, &str); 6] = [
    ("a/night.wav", 500, 2_000, "dog"),
    ("a/night.wav", 2_500, 2_750, "bird"),
    ("a/night.wav", 7_125, 9_999, "dog"),
    ("b/dawn.wav", 0, 1_000, "bird"),
    ("b/dawn.wav", 3_000, 3_100, "great tit"),
    ("b/dawn.wav", 8_000, 10_000, "bird"),
];

/// Seconds of each recording.
const SECONDS: u64 = 10;

/// A recording with sound in it.
fn recording(path: &Path, seed: u32) {
    let mut state = seed.wrapping_add(1);
    let samples = (0..SECONDS as usize * 8000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 25) as f32
    });
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, pipeline::clips::wav(&[samples.collect()], 8000).unwrap()).unwrap();
}

/// A folder with recordings of these names.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in names.iter().zip(0..) {
        recording(&folder.path().join(name), seed);
    }
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// Rows of the truth as a table of a tool.
fn table(format: Format, of: &[&str], path: impl Fn(&str) -> String) -> Vec<u8> {
    let mut table = table_writer(format, Vec::new(), &Provenance::default()).unwrap();
    for recording in of {
        table.recording(&path(recording), SECONDS as f64).unwrap();
        for (_, start_ms, end_ms, label) in TRUTH.iter().filter(|row| row.0 == *recording) {
            let (path, label) = (path(recording), (*label).to_owned());
            let row =
                Detection { path, start_ms: *start_ms, end_ms: *end_ms, label, score: 0.9, ..Detection::default() };
            table.write(&row).unwrap();
        }
    }
    table.finish().unwrap()
}

type Clip = (String, u64, u64, String);

fn clips(manifest: &Manifest) -> Vec<Clip> {
    let ms = |seconds: Option<f64>| (seconds.unwrap() * 1000.0).round() as u64;
    let clip = |row: &audio_io::Row| (row.path.clone(), ms(row.start_s), ms(row.end_s), row.label.clone());
    let mut all: Vec<Clip> = manifest.rows.iter().map(clip).collect();
    all.sort();
    all
}

fn truth() -> Vec<Clip> {
    TRUTH.iter().map(|(path, start, end, label)| ((*path).to_owned(), *start, *end, (*label).to_owned())).collect()
}

fn read(path: &Path, options: &Options) -> pipeline::import::Imported {
    open(path, options, &CancelToken::default()).unwrap()
}

const RECORDINGS: [&str; 2] = ["a/night.wav", "b/dawn.wav"];

#[test]
fn a_table_beside_each_recording_gives_its_clips() {
    for format in [Format::Raven, Format::Audacity, Format::Kaleidoscope, Format::Birdnet, Format::BirdnetTable] {
        let folder = folder(&RECORDINGS);
        for name in RECORDINGS {
            let stem = name.strip_suffix(".wav").unwrap();
            // As another machine has it.
            let text = table(format, &[name], |name| format!("/elsewhere/{name}"));
            fs::write(folder.path().join(format.file_name(stem)), text).unwrap();
        }
        let imported = read(folder.path(), &Options::default());
        assert_eq!(imported.layout, Layout::Annotations, "{format:?}");
        assert_eq!(clips(&imported.manifest), truth(), "{format:?}");
        assert!(imported.manifest.skipped.is_empty(), "{:?}", imported.manifest.skipped);
        assert!(imported.notes.iter().any(|note| note.contains("scores")), "{format:?}: {:?}", imported.notes);
    }
}

#[test]
fn one_table_of_all_recordings_gives_their_clips() {
    for format in [Format::Raven, Format::Kaleidoscope, Format::Birdnet, Format::BirdnetTable] {
        let folder = folder(&RECORDINGS);
        let text = table(format, &RECORDINGS, str::to_owned);
        let path = folder.path().join(format.combined_name().unwrap());
        fs::write(&path, text).unwrap();
        for data in [folder.path(), path.as_path()] {
            let imported = read(data, &Options::default());
            assert_eq!(clips(&imported.manifest), truth(), "{format:?}");
        }
        // A table that is elsewhere.
        let away = tempfile::tempdir().unwrap();
        let moved = away.path().join(format.combined_name().unwrap());
        fs::rename(&path, &moved).unwrap();
        let options = Options { recordings: Some(folder.path().to_owned()), ..Options::default() };
        let imported = read(&moved, &options);
        assert_eq!(clips(&imported.manifest), truth(), "{format:?}");
        assert_eq!(imported.manifest.root, folder.path());
    }
}

#[test]
fn tables_of_scripts_give_their_clips() {
    let second = |ms: &u64| *ms as f64 / 1000.0;
    let rows = |line: &dyn Fn(&str, f64, f64, &str) -> String| {
        TRUTH.iter().map(|(path, start, end, label)| line(path, second(start), second(end), label)).collect::<String>()
    };
    let hoplite = "recording,label,start_offset_s,end_offset_s,label_type\n".to_owned()
        + &rows(&|path, start, end, label| format!("{path},{label},{start},{end},positive\n"))
        + "a/night.wav,bird,5,6,negative\nb/dawn.wav,dog,5,6,uncertain\n";
    let birdnet = "input,start_time,end_time,species_name,confidence\n".to_owned()
        + &rows(&|path, start, end, label| format!("{path},{start},{end},{label},0.8\n"));
    for (name, text) in [("hoplite_annotations.csv", &hoplite), ("predictions.csv", &birdnet)] {
        let folder = folder(&RECORDINGS);
        write(&folder, name, text);
        let imported = read(folder.path(), &Options::default());
        assert_eq!((imported.layout, clips(&imported.manifest)), (Layout::Annotations, truth()), "{name}");
    }
    let folder = folder(&RECORDINGS);
    let path = write(&folder, "hoplite_annotations.csv", &hoplite);
    let notes = read(&path, &Options::default()).notes.join("\n");
    assert!(notes.contains("8 rows in 1 tables (Hoplite) became 6 clips of 2 recordings"), "{notes}");
    assert!(notes.contains("1 rows that say only what a sound is not; 1 rows without a label"), "{notes}");
}

#[test]
fn what_is_not_used_is_said_and_free_time_is_neither_only_where_asked_for() {
    let folder = folder(&["a/night.wav", "a/day.wav", "a/quiet.wav"]);
    write(
        &folder,
        "a/night.Table.1.selections.txt",
        "Begin Time (s)\tEnd Time (s)\tCall\n1\t2\tdog\n1.5\t3\tbird\n9\t9\towl\n",
    );
    write(&folder, "a/quiet.txt", "");
    write(&folder, "a/broken.txt", "1\t2\tdog\n3\tx\tdog\n");
    write(&folder, "a/readme.md", "by hand");
    let options = Options { label_column: Some("call".into()), ..Options::default() };
    let imported = read(folder.path(), &options);
    let manifest = &imported.manifest;
    let night = |start, end, label: &str| ("a/night.wav".to_owned(), start, end, label.to_owned());
    assert_eq!(clips(manifest), [night(1000, 1500, "dog"), night(2000, 3000, "bird")]);
    let skipped: Vec<String> = manifest.skipped.iter().map(ToString::to_string).collect();
    assert!(skipped.iter().any(|text| text.starts_with("a/broken.txt: line 2")), "{skipped:?}");
    assert!(skipped.iter().any(|text| text.contains("a/day.wav") && text.contains("no table")), "{skipped:?}");
    assert_eq!(manifest.ignored, ["a/readme.md"]);
    let notes = imported.notes.join("\n");
    assert!(
        notes.contains("1.0 s of annotations that overlap") && notes.contains("1 points without a length"),
        "{notes}"
    );
    // With lengths and free time.
    let more = Options { clip_s: Some(2.0), background: 2, ..options };
    let all = clips(&read(folder.path(), &more).manifest);
    let quiet = |start| ("a/quiet.wav".to_owned(), start, start + 2000, "neither".to_owned());
    assert_eq!(
        all,
        [
            night(0, 1500, "dog"),
            night(2000, 4000, "bird"),
            night(4000, 6000, "neither"),
            night(6000, 8000, "neither"),
            night(8000, 10_000, "owl"),
            quiet(2000),
            quiet(6000),
        ]
    );
}

#[test]
fn class_folders_of_birdnet_have_negatives() {
    let names =
        ["Parus major_Great Tit/a.wav", "-Parus major_Great Tit/b.wav", "Background/c.wav", "A,B/d.wav", "dog/e.wav"];
    let folder = folder(&names);
    let imported = read(folder.path(), &Options::default());
    assert_eq!(imported.layout, Layout::Birdnet);
    let rows: Vec<(&str, &str)> = imported.manifest.rows.iter().map(|row| (&*row.label, &row.extra[0])).collect();
    let expected = [
        ("neither", "-Parus major_Great Tit"),
        ("neither", "Background"),
        ("Parus major_Great Tit", "Parus major_Great Tit"),
        ("dog", "dog"),
    ];
    assert_eq!(rows, expected);
    assert_eq!(imported.manifest.skipped[0].name, "A,B");
    assert!(imported.notes[0].contains("`Background` (1)"), "{:?}", imported.notes);
    let as_classes = read(folder.path(), &Options { layout: Some(Layout::Folders), ..Options::default() });
    assert!(as_classes.manifest.rows.iter().all(|row| row.label != "neither"));
}

#[test]
fn audiofolders_have_splits_from_folders_and_tables() {
    let split = |manifest: &Manifest| -> BTreeMap<String, (String, String)> {
        let row = |row: &audio_io::Row| (row.path.clone(), (row.label.clone(), row.split.clone().unwrap_or_default()));
        manifest.rows.iter().map(row).collect()
    };
    let expect = |path: &str, label: &str, split: &str| (path.to_owned(), (label.to_owned(), split.to_owned()));
    let plain =
        folder(&["data/train/dog/a.wav", "data/train/bird/b.wav", "data/validation/dog/c.wav", "data/test/bird/d.wav"]);
    let imported = read(plain.path(), &Options::default());
    assert_eq!(imported.layout, Layout::Audiofolder);
    let expected = BTreeMap::from([
        expect("data/train/dog/a.wav", "dog", "train"),
        expect("data/train/bird/b.wav", "bird", "train"),
        expect("data/validation/dog/c.wav", "dog", "val"),
        expect("data/test/bird/d.wav", "bird", "test"),
    ]);
    assert_eq!(split(&imported.manifest), expected);
    let tables = folder(&["train/a.wav", "train/b.wav", "test/c.wav"]);
    write(&tables, "train/metadata.csv", "file_name,species,recordist\na.wav,dog,Ann\nb.wav,bird,\"Lee, B\"\n");
    write(&tables, "test/metadata.jsonl", "{\"file_name\": \"c.wav\", \"species\": \"dog\", \"place\": [1, 2]}\n\n");
    let imported = read(tables.path(), &Options::default());
    let expected = BTreeMap::from([
        expect("train/a.wav", "dog", "train"),
        expect("train/b.wav", "bird", "train"),
        expect("test/c.wav", "dog", "test"),
    ]);
    assert_eq!((imported.layout, split(&imported.manifest)), (Layout::Audiofolder, expected));
    assert_eq!(imported.manifest.extra_columns, ["place", "recordist"]);
    let c = imported.manifest.rows.iter().find(|row| row.path == "test/c.wav").unwrap();
    assert_eq!((&c.extra[0], &c.extra[1]), ("[1,2]", ""));
    let one = folder(&["train/a.wav", "test/b.wav"]);
    let table = write(&one, "metadata.csv", "file_name,label\ntrain/a.wav,dog\ntest/b.wav,bird\n");
    let expected = BTreeMap::from([expect("train/a.wav", "dog", "train"), expect("test/b.wav", "bird", "test")]);
    assert_eq!(split(&read(&table, &Options::default()).manifest), expected);
    write(&one, "metadata.csv", "file_name,what\ntrain/a.wav,dog\n");
    let error = open(&table, &Options::default(), &CancelToken::default()).unwrap_err().to_string();
    assert!(error.contains("--label-column: file_name, what"), "{error}");
}

#[test]
fn esc_50_has_its_folds_and_sources() {
    let folder = folder(&["audio/1-17-A-0.wav", "audio/2-18-A-1.wav", "audio/3-19-B-0.wav"]);
    let table = write(
        &folder,
        "meta/esc50.csv",
        "filename,fold,target,category,esc10,src_file,take\n1-17-A-0.wav,1,0,dog,True,17,A\n2-18-A-1.wav,2,1,rain,True,18,A\n\
         3-19-B-0.wav,3,0,dog,True,17,B\n",
    );
    for data in [folder.path(), &table] {
        let imported = read(data, &Options::default());
        assert_eq!(imported.layout, Layout::Esc50);
        assert!(
            imported.notes[1].contains("1 source recordings are in more than one fold (17)"),
            "{:?}",
            imported.notes
        );
        let out = tempfile::tempdir().unwrap();
        let outcome = scan::run(&scan::Options::new(data, out.path().join("m.csv")), &Job::default()).unwrap();
        assert_eq!((outcome.usable, outcome.layout), (3, Layout::Esc50));
        let rows = Manifest::open(&out.path().join("m.csv")).unwrap().rows;
        let found: Vec<_> = rows.iter().map(|row| (&*row.label, row.group.as_deref(), row.split.as_deref())).collect();
        let expected = [
            ("dog", Some("17"), Some("fold-1")),
            ("rain", Some("18"), Some("fold-2")),
            ("dog", Some("17"), Some("fold-3")),
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn our_own_tables_stay_manifests() {
    let folder = folder(&["dog/a.wav", "bird/b.wav"]);
    let manifest = write(&folder, "manifest.csv", "path,label,start,end\ndog/a.wav,dog,1,2\nbird/b.wav,bird,,\n");
    write(&folder, "dog/notes.txt", "by the gate, 2 dogs");
    assert_eq!(read(folder.path(), &Options::default()).layout, Layout::Folders);
    assert_eq!(read(&manifest, &Options::default()).layout, Layout::Manifest);
}

#[test]
fn recorders_say_when_and_where_and_a_night_is_a_group() {
    let names = [
        "dog/POND_20240301_220000.wav",
        "dog/POND_20240302_030000.wav",
        "bird/POND_20240302_220000.wav",
        "bird/HILL_20240301_230000.wav",
    ];
    let folder = folder(&names);
    let out = folder.path().join("m.csv");
    let run = |group_by: Option<GroupBy>| {
        let options = scan::Options { group_by, ..scan::Options::new(folder.path(), &out) };
        // The outcome keeps the journal open.
        let warnings = scan::run(&options, &Job::default()).unwrap().warnings;
        (warnings, Manifest::open(&out).unwrap())
    };
    let (warnings, manifest) = run(None);
    assert!(warnings.iter().any(|warning| warning.to_string().contains("4 recordings are of 3 sessions")));
    let column = |manifest: &Manifest, name: &str| {
        let place = manifest.extra_columns.iter().position(|column| column == name).unwrap();
        manifest.rows.iter().map(|row| row.extra[place].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(column(&manifest, "recorded")[0], "2024-03-01T23:00:00");
    assert_eq!(column(&manifest, "site"), ["HILL", "POND", "POND", "POND"]);
    assert!(!manifest.extra_columns.iter().any(|name| name == "latitude"), "nobody knows it");
    let groups = |manifest: &Manifest| manifest.rows.iter().map(|row| row.group.clone().unwrap()).collect::<Vec<_>>();
    let (warnings, manifest) = run(Some(GroupBy::Session));
    assert_eq!(groups(&manifest), ["HILL 2024-03-01", "POND 2024-03-02", "POND 2024-03-01", "POND 2024-03-01"]);
    assert!(!warnings.iter().any(|warning| warning.to_string().contains("sessions")));
    assert_eq!(groups(&run(Some(GroupBy::Site)).1), ["HILL", "POND", "POND", "POND"]);
    // What a manifest has of its own stays.
    let own = write(
        &folder,
        "own.csv",
        "path,label,site,recordist\ndog/POND_20240301_220000.wav,dog,lake,Ann\nbird/HILL_20240301_230000.wav,bird,wood,Lee\n",
    );
    let options = scan::Options { group_by: Some(GroupBy::of("Recordist")), ..scan::Options::new(&own, &out) };
    scan::run(&options, &Job::default()).unwrap();
    let manifest = Manifest::open(&out).unwrap();
    assert_eq!(
        (column(&manifest, "site"), groups(&manifest)),
        (vec!["lake".to_owned(), "wood".to_owned()], vec!["Ann".to_owned(), "Lee".to_owned()])
    );
}
