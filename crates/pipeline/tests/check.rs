//! What a model says of another tool's detections: the tool's table stays as it is, with columns added.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use pipeline::check::{self, Options, Outcome};
use pipeline::predict::{self, PredictorOptions};
use pipeline::{Job, features, scan, synth, train};
use std::collections::HashSet;
use std::fs;

#[test]
fn a_foreign_table_keeps_its_rows_and_gets_our_answers() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: at("sounds"), clips: 60 }, &job).unwrap();
    scan::run(&scan::Options::new(&sounds.manifest, at("manifest.csv")), &job).unwrap();
    features::run(&features::Options::new(at("manifest.csv"), at("features")), &job).unwrap();
    let mut options = train::Options::new(train::ModelKind::Cnn, at("features"), at("run"));
    options.epochs = Some(2);
    train::run(&options, &job).unwrap();
    fs::write(at("sounds/broken.wav"), "no sound").unwrap();

    // Recordings in turn, so that the order of the table is not that of the recordings.
    let mut table = "\u{feff}Start (s),End (s),Scientific name,Common name,Confidence,File\r\n".to_owned();
    let mut rows = Vec::new();
    for (start, end) in [("1.5", "2.0"), ("0.00", "3"), ("2", "99")] {
        for (class, owl) in [("dog", "\"Owl, tawny\""), ("bird", "Robin")] {
            for nth in 1..=3 {
                rows.push(format!("{start},{end}, {class} ,{owl},0.70,C:\\cards\\{class}-000{nth}.wav"));
            }
        }
    }
    rows.push("0,3,,Robin,0.1,broken.wav".into());
    rows.push("0,3,,Robin,0.1,gone.wav".into());
    rows.push("1,1,,Robin,0.1,dog-0001.wav".into());
    table.push_str(&rows.join("\r\n"));
    fs::write(at("birdnet.csv"), &table).unwrap();

    let options = Options {
        recordings: Some(at("sounds")),
        mark: vec!["dog".into()],
        predictor: PredictorOptions { unsure_below: 0.6, ..PredictorOptions::default() },
        ..Options::new(at("birdnet.csv"), at("run"))
    };
    let outcome = check::run(&options, &job).unwrap();
    assert_eq!((outcome.detections, outcome.checked, outcome.skipped.len()), (21, 18, 2));
    let text = String::from_utf8(outcome.table.clone()).unwrap();
    let columns = "barkbird_label,barkbird_probability,barkbird_outlier_p,barkbird_p_bird,barkbird_p_dog,barkbird_note,barkbird_mark";
    let mut marked = 0;
    for (nth, (before, after)) in table.split("\r\n").zip(text.split("\r\n")).enumerate() {
        let added = after.strip_prefix(before).unwrap().strip_prefix(',').unwrap();
        if nth == 0 {
            assert_eq!(added, columns);
            continue;
        }
        let cells: Vec<&str> = added.split(',').collect();
        match nth {
            ..=18 => {
                let p: Vec<f64> = [3, 4].iter().map(|&nth| cells[nth].parse().unwrap()).collect();
                assert!((p[0] + p[1] - 1.0).abs() < 1e-4, "{added}");
                let label = if p[0].max(p[1]) < 0.6 { "unsure" } else { ["bird", "dog"][usize::from(p[1] > p[0])] };
                assert_eq!((cells[0], cells[6]), (label, if label == "dog" { "yes" } else { "" }));
                marked += usize::from(label == "dog");
            }
            19 => assert!(added.starts_with(",,,,,") && added.contains("not a sound file"), "{added}"),
            20 => assert!(added.contains("not found as it is written") && added.contains("sounds"), "{added}"),
            _ => assert!(added.starts_with(",,,,,start and end are the same"), "{added}"),
        }
    }
    assert_eq!((text.matches("\r\n").count(), outcome.marked), (21, Some(marked)));

    // The answers are those of `predict` for the same seconds.
    let mut manifest = "path,label,start,end\n".to_owned();
    for row in &rows[..12] {
        let cells: Vec<&str> = row.split(',').collect();
        let name = cells.last().unwrap().rsplit('\\').next().unwrap();
        manifest.push_str(&format!("sounds/{}/{name},,{},{}\n", cells[2].trim(), cells[0], cells[1]));
    }
    let manifest = manifest.replace(",99\n", ",\n");
    fs::write(at("parts.csv"), manifest).unwrap();
    let output = predict::Output { table: predict::Table::Windows, to: predict::To::File(at("parts.out.csv")) };
    predict::run(&predict::Options::new(at("run"), vec![at("parts.csv")]), vec![output], &job).unwrap();
    // Rows that end behind their recording are those of the table above alone.
    let mut reader = csv::Reader::from_path(at("parts.out.csv")).unwrap();
    let windows: Vec<csv::StringRecord> =
        reader.records().map(Result::unwrap).filter(|row| !row[4].is_empty()).collect();
    assert!(windows.len() >= 8, "{windows:?}");
    for window in &windows {
        let name = window[0].rsplit('/').next().unwrap();
        let start: f64 = window[1].parse().unwrap();
        let is_of = |line: &&str| line.contains(name) && line.split(',').next().unwrap().parse() == Ok(start);
        let line = text.lines().find(is_of).unwrap();
        assert!(line.contains(&format!("{},{}", &window[7], &window[8])), "{line}: {window:?}");
    }

    // A recording with more detections than are in memory at once: the order of the table changes nothing.
    let plan: Vec<Vec<f32>> = ::synth::plan(80, 9).iter().map(|clip| clip.render().samples).collect();
    fs::write(at("long.wav"), ::synth::to_wav_16(&plan.concat(), 22_050)).unwrap();
    let mut rows: Vec<String> =
        (0..320_u32).map(|nth| format!("{}\t{}\tdog", nth / 2, nth / 2 + 1 + nth % 3)).collect();
    let ask = |rows: &[String]| -> Vec<String> {
        fs::write(at("long.txt"), rows.join("\n")).unwrap();
        let outcome = check::run(&Options::new(at("long.txt"), at("run")), &job).unwrap();
        assert_eq!((outcome.checked, outcome.skipped.len()), (320, 0));
        String::from_utf8(outcome.table).unwrap().lines().map(str::to_owned).collect()
    };
    let mut forward = ask(&rows);
    rows.reverse();
    let backward = ask(&rows);
    forward.reverse();
    let differ = forward.iter().zip(&backward).find(|(a, b)| a != b);
    assert!(differ.is_none(), "{differ:?}");
    let answers: HashSet<&str> = forward.iter().map(|line| line.split("\tdog\t").last().unwrap()).collect();
    assert!(answers.len() > 300, "{}", answers.len());

    // Counts, most frequent label first; the files.
    let (header, counts) = outcome.summary();
    assert_eq!(header, ["label", "detections", "bird", "dog", "neither", "unsure", "unchecked"]);
    assert_eq!((counts[0][0].as_str(), counts[0][1].as_str(), counts[0][6].as_str()), ("Robin", "12", "3"));
    assert_eq!((counts[1][0].as_str(), counts[1][1].as_str(), counts[1][6].as_str()), ("Owl, tawny", "9", "0"));
    Outcome::prepare(&at("out/checked.csv"), &options.detections).unwrap();
    outcome.write(&at("out/checked.csv")).unwrap();
    assert_eq!(fs::read(at("out/checked.csv")).unwrap(), outcome.table);
    let sidecar: serde_json::Value = serde_json::from_slice(&fs::read(at("out/checked.csv.json")).unwrap()).unwrap();
    let sha256 = shard::sha256_hex(&fs::read(at("run/model.safetensors")).unwrap());
    assert_eq!((&sidecar["model_sha256"], &sidecar["settings"]["mark"]), (&sha256.into(), &"dog".into()));
    assert!(Outcome::prepare(&options.detections, &options.detections).is_err());

    // Audacity, beside its recording; a column that is there already; a mark that is no class.
    fs::copy(at("sounds/dog/dog-0001.wav"), at("night.wav")).unwrap();
    fs::write(at("night.txt"), "0.5\t1.5\towl\n\\\t100\t2000\n").unwrap();
    let outcome = check::run(&Options::new(at("night.txt"), at("run")), &job).unwrap();
    let text = String::from_utf8(outcome.table).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("0.5\t1.5\towl\t") && lines[0].split('\t').count() == 9, "{text}");
    assert_eq!(lines[1], "\\\t100\t2000");
    fs::copy(at("out/checked.csv"), at("again.csv")).unwrap();
    let again = Options { detections: at("again.csv"), ..options.clone() };
    assert!(pipeline::one_line(&check::run(&again, &job).unwrap_err()).contains("`barkbird_label` is there already"));
    let message = check::run(&Options { mark: vec!["cat".into()], ..options }, &job).unwrap_err().to_string();
    assert!(message.contains("--mark cat: expected one of bird, dog, neither, unsure"), "{message}");
}
