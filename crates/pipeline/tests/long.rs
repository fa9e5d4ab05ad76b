//! Features of recordings of many windows, and of many rows of one recording.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use pipeline::features::{self, Options};
use pipeline::{CancelToken, Event, Job, Observer};
use shard::Spectrograms;
use std::fs;
use std::path::Path;

const RATE_HZ: u32 = 22_050;

/// So many seconds of noise, the last two of them silent.
fn wav(seconds: u32) -> Vec<u8> {
    let n = seconds * RATE_HZ;
    let sample = |i: u64| ((i * i * 40_503) % 65_521) as i32 - 32_760;
    let sound = |i: u32| if i < (seconds - 2) * RATE_HZ { (sample(u64::from(i)) / 3) as i16 } else { 0 };
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(RATE_HZ.to_le_bytes());
    wav.extend((2 * RATE_HZ).to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((2 * n).to_le_bytes());
    wav.extend((0..n).flat_map(|i| sound(i).to_le_bytes()));
    wav
}

fn options(folder: &Path, manifest: &str, out: &str) -> Options {
    let mut options = Options::new(folder.join(manifest), folder.join(out));
    options.front_end.config.set =
        [("clip.window.seconds", "1.0"), ("clip.window.placement", "{sliding={overlap_s=0.0}}")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec();
    options
}

fn run(options: &Options, job: &Job<'_>) -> Spectrograms {
    features::run(options, job).unwrap();
    shard::read_spectrograms(&options.out).unwrap()
}

/// Stops once something is done.
struct Stop(CancelToken);

impl Observer for Stop {
    fn event(&self, event: Event<'_>) {
        if let Event::Advanced { .. } = event {
            self.0.cancel();
        }
    }
}

#[test]
fn a_row_of_many_windows_is_written_in_parts_and_kept_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Large enough not to be read into memory.
    fs::write(folder.join("night.wav"), wav(402)).unwrap();
    fs::write(folder.join("short.wav"), wav(5)).unwrap();
    fs::write(folder.join("long.csv"), "path,label,split\nnight.wav,dog,train\nshort.wav,dog,train\n").unwrap();
    let job = Job::default();
    let long = run(&options(folder, "long.csv", "long"), &job);
    assert_eq!(long.label.len(), 400 + 3, "silent windows are left out");
    assert_eq!(long.header.clips[399].id, "night.wav@399.000");

    // The same seconds as rows of their own, in order and not.
    let row = |second: u32| format!("night.wav,dog,train,{second},{}\n", second + 1);
    let head = "path,label,split,start,end\n";
    let in_order: String = (0..400).map(row).collect();
    let mixed: String = (0..400).map(|nth| row(nth * 7 % 400)).collect();
    fs::write(folder.join("rows.csv"), format!("{head}{in_order}")).unwrap();
    fs::write(folder.join("mixed.csv"), format!("{head}{mixed}")).unwrap();
    let rows = run(&options(folder, "rows.csv", "rows"), &job);
    let n = long.n_mels * long.n_frames;
    assert!(rows.mel == long.mel[..400 * n]);
    let of_mixed = run(&options(folder, "mixed.csv", "mixed"), &job);
    for nth in 0..400 {
        let at = nth * 7 % 400;
        assert!(of_mixed.mel[nth * n..][..n] == rows.mel[at * n..][..n], "{nth}");
    }

    // From the cache, without one, and from what is left of one.
    let index = || fs::read(folder.join("long/index.json")).unwrap();
    let first = index();
    assert!(run(&options(folder, "long.csv", "long"), &job) == long && index() == first);
    let packs =
        || -> Vec<_> { fs::read_dir(folder.join("long/cache")).unwrap().map(|pack| pack.unwrap().path()).collect() };
    assert!(packs().len() >= 3, "{:?}", packs());
    for pack in packs() {
        let kept = fs::read(&pack).unwrap();
        fs::remove_file(&pack).unwrap();
        assert!(run(&options(folder, "long.csv", "long"), &job) == long && index() == first);
        fs::write(&pack, kept).unwrap();
    }
    let mut bare = options(folder, "long.csv", "bare");
    bare.cache = false;
    assert!(run(&bare, &job) == long);

    // A run that is stopped goes on.
    let cancel = CancelToken::default();
    let observer = Stop(cancel.clone());
    let stopped = Job { observer: &observer, cancel, ..Job::default() };
    let again = options(folder, "long.csv", "again");
    let _ = features::run(&again, &stopped);
    assert!(run(&again, &job) == long);

    // A row that ends after the recording is left out as a whole, and the others are not.
    let text = format!("{head}night.wav,dog,train,0,500\nshort.wav,dog,train,,\n");
    fs::write(folder.join("outside.csv"), text).unwrap();
    let outside = run(&options(folder, "outside.csv", "outside"), &job);
    assert_eq!(outside.label.len(), 3);
    let skipped = shard::read_index(&folder.join("outside")).unwrap().skipped;
    assert!(skipped.len() == 1 && skipped[0].reason.contains("the file has 402 s"), "{skipped:?}");
}
