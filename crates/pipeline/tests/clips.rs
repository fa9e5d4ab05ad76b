//! The sound of detections: sample for sample that of the recording, under names that say what it is.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use pipeline::clips::{self, Encoding, Options, Outcome, Pick};
use pipeline::{Event, Job, Observer};
use std::fs;
use std::path::{Path, PathBuf};

/// Samples of a recording, each channel another.
fn sound(n_frames: usize, n_channels: usize, most: i32) -> Vec<i32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (i64::from(state >> 8) * i64::from(2 * most) / (1 << 24)) as i32 - most
    };
    (0..n_frames * n_channels).map(|_| next()).collect()
}

/// A WAV file of 16 or 24 bits.
fn wav(samples: &[i32], n_channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()[..usize::from(bits / 8)].to_vec()).collect();
    let frame = n_channels * bits / 8;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + bytes.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    wav.extend(n_channels.to_le_bytes());
    wav.extend(rate_hz.to_le_bytes());
    wav.extend((rate_hz * u32::from(frame)).to_le_bytes());
    wav.extend(frame.to_le_bytes());
    wav.extend(bits.to_le_bytes());
    wav.extend(b"data");
    wav.extend((bytes.len() as u32).to_le_bytes());
    wav.extend(bytes);
    wav
}

struct Work {
    folder: tempfile::TempDir,
}

impl Work {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn options(&self, table: &str) -> Options {
        Options::new(self.path(table), self.path("clips"))
    }

    fn cut(&self, table: &str, change: impl Fn(&mut Options)) -> Outcome {
        let mut options = self.options(table);
        change(&mut options);
        clips::run(&options, &Job::default()).unwrap()
    }

    /// A file of the clips as frames.
    fn clip(&self, name: &str) -> audio_io::Decoded {
        let decoded = audio_io::decode_file(&self.path("clips").join(name)).unwrap();
        assert!(decoded.damage.is_empty() && decoded.notes.is_empty(), "{name}: {decoded:?}");
        decoded
    }

    /// All files of the clips, by name.
    fn files(&self) -> Vec<String> {
        files(&self.path("clips"), "")
    }
}

fn files(folder: &Path, before: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            names.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// One channel as integers of so many bits.
fn integers(channel: &[f32], bits: u32) -> Vec<i32> {
    channel.iter().map(|sample| (f64::from(*sample) * f64::from(1_i32 << (bits - 1))).round() as i32).collect()
}

#[test]
fn clips_are_the_samples_of_the_recording() {
    for (n_channels, rate_hz, bits, encoding) in [
        (2_usize, 11_025_u32, 16_u16, Encoding::Wav),
        (1, 48_000, 24, Encoding::Wav),
        (2, 44_100, 16, Encoding::Flac),
        (1, 8000, 24, Encoding::Flac),
    ] {
        let work = Work::new();
        let n = rate_hz as usize * 10;
        let most = (1 << (bits - 1)) - 1;
        let samples = sound(n, n_channels, most);
        work.write("a.wav", wav(&samples, n_channels as u16, rate_hz, bits));
        // Over several blocks, at both ends, overlapping, odd numbers of frames, and past the end as BirdNET has it.
        let spans = [(0, 1), (0, 9_999), (333, 4_777), (1_001, 1_002), (9_000, 12_000), (9_990, 10_000)];
        let rows: Vec<String> = spans
            .iter()
            .map(|(a, b)| format!("a.wav,{}.{:03},{}.{:03},dog,0.5", a / 1000, a % 1000, b / 1000, b % 1000))
            .collect();
        work.write("t.csv", format!("path,start,end,label,score\n{}\n", rows.join("\n")));
        for (context_s, context) in [(0.0, 0.0), (1.25, 1.25 * f64::from(rate_hz))] {
            fs::remove_dir_all(work.path("clips")).ok();
            let outcome = work.cut("t.csv", |o| (o.context_s, o.encoding) = (context_s, encoding));
            assert!(outcome.clips + outcome.skipped.len() == 6, "{outcome:?}");
            let mut reader = csv::Reader::from_path(&outcome.table).unwrap();
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), outcome.clips);
            for row in rows {
                let frame = |s: &str| (s.parse::<f64>().unwrap() * f64::from(rate_hz)).round();
                let first = (frame(&row[2]) - context.round()).max(0.0) as usize;
                let last = ((frame(&row[3]) + context.round()) as usize).min(n);
                let clip = work.clip(&row[0]);
                assert_eq!((clip.rate_hz, clip.bits, clip.channels.len()), (rate_hz, Some(bits.into()), n_channels));
                for (nth, channel) in clip.channels.iter().enumerate() {
                    let expected: Vec<i32> = (first..last).map(|frame| samples[frame * n_channels + nth]).collect();
                    assert!(integers(channel, bits.into()) == expected, "{row:?}");
                }
                assert!((row[7].parse::<f64>().unwrap() - first as f64 / f64::from(rate_hz)).abs() < 0.001);
            }
        }
    }
}

#[test]
fn names_have_label_score_recording_and_time_and_are_safe() {
    let work = Work::new();
    let samples = wav(&sound(16_000, 1, 9000), 1, 8000, 16);
    for name in ["one/20260501_043012.wav", "two/20260501_043012.wav", "näch<t.flac.wav"] {
        work.write(name, &samples);
    }
    let rows = "one/20260501_043012.wav\t0.5\t1\tdog\t0.934\ntwo/20260501_043012.wav\t0.5\t1\tdog\t0.934\n\
                two/20260501_043012.wav\t0.5\t1\tDog\t0.934\nnäch<t.flac.wav\t1.25\t1.5\t../../a: b?\t\n";
    let rows: String = rows
        .lines()
        .enumerate()
        .map(|(nth, row)| {
            let cells: Vec<&str> = row.split('\t').collect();
            format!(
                "{nth}\tSpectrogram 1\t1\t{}\t{}\t{}\t{}\t{}\t{}\n",
                cells[1], cells[2], cells[0], cells[1], cells[3], cells[4]
            )
        })
        .collect();
    let header =
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tSpecies\tScore\n";
    work.write("t.txt", format!("{header}{rows}"));
    let first = work.cut("t.txt", |o| o.context_s = 0.25);
    let expected = [
        "Dog/0.93_20260501_043012_2026-05-01T043012_0.500s-3.wav",
        "_._.._a_ b_/näch_t.flac_1.250s.wav",
        "clips.csv",
        "clips.selections.txt",
        "dog/0.93_20260501_043012_2026-05-01T043012_0.500s-2.wav",
        "dog/0.93_20260501_043012_2026-05-01T043012_0.500s.wav",
    ];
    let found: Vec<String> = work.files();
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>(), expected.map(str::to_owned).iter().collect());
    assert_eq!((first.clips, first.labels["dog"], first.labels["Dog"]), (4, 2, 1));
    assert!(files(work.folder.path(), "").iter().all(|name| name.starts_with("clips/") || !name.ends_with("s.wav")));

    // Times, and where they are from; Raven gets the detection within the clip.
    let table = fs::read_to_string(&first.table).unwrap();
    let row =
        table.lines().find(|line| line.starts_with("dog/0.93_20260501_043012_2026-05-01T043012_0.500s.wav")).unwrap();
    assert!(row.ends_with(",0.500,1.000,0,dog,0.934,0.250,1.250,2026-05-01T04:30:12.500,file name"), "{row}");
    let raven = detections::read_table(fs::File::open(&first.selections).unwrap(), "t", None).unwrap();
    assert_eq!((raven.len(), raven[0].start_ms, raven[0].end_ms, raven[0].label.as_str()), (4, 250, 750, "Dog"));
    for row in &raven {
        let path = PathBuf::from(row.path.as_ref().unwrap());
        assert!(path.is_absolute() && path.is_file(), "{}", path.display());
    }

    // Nothing is overwritten: names get numbers, the tables too.
    let bytes = fs::read(work.path("clips/dog/0.93_20260501_043012_2026-05-01T043012_0.500s.wav")).unwrap();
    let again = work.cut("t.txt", |o| o.context_s = 0.0);
    assert!(again.table.ends_with("clips-2.csv") && again.selections.ends_with("clips-2.selections.txt"));
    assert_eq!(work.files().len(), 2 * found.len());
    assert!(bytes == fs::read(work.path("clips/dog/0.93_20260501_043012_2026-05-01T043012_0.500s.wav")).unwrap());
}

/// Remembers warnings.
#[derive(Default)]
struct Warnings(std::sync::Mutex<Vec<String>>);

impl Observer for Warnings {
    fn event(&self, event: Event<'_>) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

#[test]
fn what_cannot_be_used_is_listed_and_the_others_go_on() {
    let work = Work::new();
    let good = wav(&sound(16_000, 1, 9000), 1, 8000, 16);
    work.write("good.wav", &good);
    work.write("short.wav", &good[..good.len() / 2]);
    work.write("broken.wav", "no sound");
    let mut table = "path,start,end,label,score\n".to_owned();
    for (name, start) in
        [("good", 0.5), ("good", 5.0), ("short", 0.1), ("short", 1.5), ("broken", 0.0), ("gone", 0.0), ("gone", 1.0)]
    {
        table.push_str(&format!("{name}.wav,{start},{},dog,0.5\n", start + 0.25));
    }
    table.push_str("good.wav,1,1,dog,0.5\n");
    work.write("t.csv", table);
    let warnings = Warnings::default();
    let job = Job { observer: &warnings, ..Job::default() };
    let outcome = clips::run(&Options { context_s: 0.0, ..work.options("t.csv") }, &job).unwrap();
    assert_eq!((outcome.detections, outcome.clips), (8, 2));
    let skipped: Vec<String> = outcome
        .skipped
        .iter()
        .map(|s| {
            format!("{}: {}", s.path.strip_prefix(&*work.folder.path().to_string_lossy()).unwrap_or(&s.path), s.reason)
        })
        .collect();
    for part in [
        "gone.wav: not found as it is written",
        "(2 detections)",
        "/broken.wav: not a sound file",
        "/good.wav: 1.000 s: start and end are the same",
        "/good.wav: 5.000 s: the recording ends at 2.000 s",
        "/short.wav: 1.500 s: the recording ends at",
    ] {
        assert!(skipped.iter().any(|line| line.contains(part)), "{part}: {skipped:?}");
    }
    assert_eq!(skipped.len(), 5);
    let warnings = warnings.0.into_inner().unwrap();
    assert!(
        warnings.len() == 6 && warnings.iter().any(|text| text.contains("short.wav: ") && !text.contains(" s: ")),
        "{warnings:?}"
    );
    assert!(work.files().iter().all(|name| !name.contains("tmp")), "{:?}", work.files());

    // Where nothing is left, that is an error, and nothing is written.
    work.write("gone.csv", "path,start,end,label\ngone.wav,0,1,dog\n");
    let options = Options { out: work.path("none"), ..work.options("gone.csv") };
    let message = clips::run(&options, &Job::default()).unwrap_err().to_string();
    assert!(message.contains("none of the 1 detections") && !work.path("none").exists(), "{message}");
}

#[test]
fn a_stop_keeps_what_is_finished() {
    struct Stopper(pipeline::CancelToken);
    impl Observer for Stopper {
        fn event(&self, event: Event<'_>) {
            if matches!(event, Event::Advanced { done: 1.., .. }) {
                self.0.cancel();
            }
        }
    }
    let work = Work::new();
    let mut table = "path,start,end,label\n".to_owned();
    for nth in 0..40 {
        work.write(&format!("{nth}.wav"), wav(&sound(8000, 1, 9000), 1, 8000, 16));
        table.push_str(&format!("{nth}.wav,0,1,dog\n"));
    }
    work.write("t.csv", table);
    let job = Job::default();
    let stopper = Stopper(job.cancel.clone());
    let error = clips::run(&work.options("t.csv"), &Job { observer: &stopper, ..job }).unwrap_err();
    let clips = work.files().iter().filter(|name| name.ends_with(".wav")).count();
    assert!(clips < 40 && error.to_string().contains(&format!("stopped; {clips} of 40 clips are in")), "{error}");
    if clips > 0 {
        assert_eq!(fs::read_to_string(work.path("clips/clips.csv")).unwrap().lines().count(), clips + 1);
    }
}

#[test]
fn equal_seeds_cut_equal_clips_with_pictures() {
    let work = Work::new();
    let mut table = "path,start,end,label,score\n".to_owned();
    let plan = synth::plan(4, 7);
    for (nth, clip) in plan.iter().enumerate() {
        let item = clip.render();
        work.write(&format!("{nth}.wav"), synth::to_wav_16(&item.samples, item.rate_hz));
        for part in 0..10 {
            let start = f64::from(part) * 0.08;
            table.push_str(&format!("{nth}.wav,{start:.2},{:.2},{},0.{part}{nth}\n", start + 0.2, item.label));
        }
    }
    work.write("t.csv", table);
    let draw = |seed: u64, pick, out: &str| {
        let options =
            Options { per_class: Some(3), pick, pictures: true, out: work.path(out), ..work.options("t.csv") };
        let outcome = clips::run(&options, &Job { seed: Some(seed), ..Job::default() }).unwrap();
        assert!(outcome.labels.values().all(|&n| n == 3) && outcome.pictures == outcome.clips, "{outcome:?}");
        files(&work.path(out), "")
    };
    let one = draw(1, Pick::Random, "one");
    assert_eq!(one, draw(1, Pick::Random, "two"));
    assert_ne!(one, draw(2, Pick::Random, "three"));
    for name in one.iter().filter(|name| name.ends_with(".wav")) {
        let png = work.path("one").join(name).with_extension("png");
        assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"), "{}", png.display());
        assert_eq!(fs::read(work.path("one").join(name)).unwrap(), fs::read(work.path("two").join(name)).unwrap());
    }
    let top = draw(0, Pick::Top, "top");
    let scores = top.iter().filter(|name| name.ends_with(".wav")).map(|name| &name.split('/').nth(1).unwrap()[..3]);
    assert!(scores.clone().all(|score| score >= "0.7"), "{top:?}");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_outside_the_folder() {
    let work = Work::new();
    work.write("a.wav", wav(&sound(8000, 1, 9000), 1, 8000, 16));
    work.write("t.csv", "path,start,end,label\na.wav,0,1,dog\n");
    work.write("elsewhere/keep", "");
    fs::create_dir(work.path("clips")).unwrap();
    std::os::unix::fs::symlink(work.path("elsewhere"), work.path("clips/dog")).unwrap();
    let message = pipeline::one_line(&clips::run(&work.options("t.csv"), &Job::default()).unwrap_err());
    assert!(message.contains("a link to another place"), "{message}");
    assert_eq!(files(&work.path("elsewhere"), ""), ["keep"]);
}
