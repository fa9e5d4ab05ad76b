//! Rows of a recording that is decoded once have the clips that they have by themselves.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use audio_io::{
    BLOCK_FRAMES, Clip, ClipConfig, Padding, Placement, Recording, Row, RowReader, Until, Windowing, append, clips,
    decode_bytes, decode_bytes_until, is_sound,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| is_sound(path) && path.is_file());
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    files
}

fn config(sample_rate_hz: u32, placement: Placement) -> ClipConfig {
    let window = Windowing { placement, seconds: 0.2, padding: Padding::Repeat };
    ClipConfig { sample_rate_hz, window, ..ClipConfig::default() }
}

fn row(start_s: f64, end_s: Option<f64>) -> Row {
    Row { start_s: Some(start_s), end_s, ..Row::default() }
}

type OfRow = Result<Vec<Vec<Clip>>, String>;

fn read(reader: &mut RowReader<'_>) -> BTreeMap<usize, OfRow> {
    let mut all: BTreeMap<usize, OfRow> = BTreeMap::new();
    while let Some(more) = reader.next_clips().unwrap() {
        for (number, clips) in more {
            match clips {
                Ok(clips) => append(all.entry(number).or_insert(Ok(Vec::new())).as_mut().unwrap(), clips),
                Err(error) => drop(all.insert(number, Err(error.to_string()))),
            }
        }
    }
    all
}

#[test]
fn rows_of_every_format_are_cut_while_it_is_decoded() {
    let placements = [
        Placement::First,
        Placement::Sliding { overlap_s: 0.1 },
        Placement::Loudest,
        Placement::Center,
        Placement::Whole,
    ];
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(decoded) = decode_bytes(&bytes, &path) else { continue };
        let seconds = decoded.seconds();
        // In no order, one inside another, one beyond the end.
        let rows = [
            row(0.55 * seconds, Some(0.75 * seconds)),
            row(0.3 * seconds, None),
            row(0.5 * seconds, Some(0.6 * seconds)),
            row(0.9 * seconds, Some(seconds)),
            row(0.8 * seconds, Some(seconds + 1.0)),
        ];
        for placement in placements {
            let configs = [config(8000, placement), config(decoded.rate_hz, placement)];
            for n_block in [700, BLOCK_FRAMES] {
                let mut reader = RowReader::new(Recording::open(&path).unwrap(), n_block);
                rows.iter().enumerate().for_each(|(nth, row)| reader.add(nth, row, &configs).unwrap());
                let read = read(&mut reader);
                for (nth, row) in rows.iter().enumerate() {
                    let of = |config| clips(&decoded, row.start_s, row.end_s, row.channel, config);
                    let expected: Result<Vec<_>, _> = configs.iter().map(of).collect();
                    let expected = expected.map_err(|error| error.to_string());
                    let empty = decoded.n_frames() == 0 || seconds < 0.01;
                    assert!(empty || read[&nth] == expected, "{}: row {nth}, {placement:?}, {n_block}", path.display());
                }
            }
        }
    }
}

#[test]
fn reading_goes_on_with_rows_that_are_ahead() {
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(decoded) = decode_bytes(&bytes, &path) else { continue };
        let seconds = decoded.seconds();
        if seconds < 0.5 {
            continue;
        }
        let config = config(8000, Placement::First);
        let mut reader = RowReader::new(Recording::of_bytes(&bytes, &path).unwrap(), 500);
        for (start, end) in [(0.1, 0.2), (0.15, 0.2), (0.5, 0.6), (0.9, 1.0)] {
            let row = row(start * seconds, Some(end * seconds));
            assert!(reader.is_ahead(&row, [&config]), "{}: {start}", path.display());
            reader.add(7, &row, [&config]).unwrap();
            let until = Until { seconds: end * seconds, sample_rate_hz: 8000 };
            reader.stop_at(Some(until));
            let read = read(&mut reader);
            let expected = clips(&decoded, row.start_s, row.end_s, None, &config).unwrap();
            assert_eq!(read[&7], Ok(vec![expected]), "{}: {start}", path.display());
        }
        assert!(seconds < 3.0 || !reader.is_ahead(&row(0.0, None), [&config]), "{}", path.display());
    }
}

#[test]
fn no_more_is_decoded_than_needed_and_its_damage_is_that_of_the_part() {
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        let config = config(16_000, Placement::First);
        let until = config.seconds_needed(None, None);
        let whole = decode_bytes_until(&bytes, &path, until);
        let Ok(recording) = Recording::open(&path) else {
            assert!(whole.is_err(), "{}", path.display());
            continue;
        };
        let of_row = RowReader::new(recording, BLOCK_FRAMES).clips_of(&Row::default(), [&config], until);
        let whole = whole.unwrap();
        match of_row {
            Ok((clips_of_row, known)) => {
                assert_eq!(clips_of_row, [clips(&whole, None, None, None, &config).unwrap()], "{}", path.display());
                assert_eq!((known.damage, known.stopped), (whole.damage, whole.stopped), "{}", path.display());
            }
            Err(error) => {
                let expected = clips(&whole, None, None, None, &config).unwrap_err();
                assert_eq!(error.to_string(), expected.to_string(), "{}", path.display());
            }
        }
    }
}

#[test]
fn what_was_left_out_ends_where_it_was_asked_for() {
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(decoded) = decode_bytes(&bytes, &path) else { continue };
        let n = decoded.n_frames();
        for at in [1, n / 3, n / 2 + 1].into_iter().filter(|at| *at < n) {
            let mut recording = Recording::of_bytes(&bytes, &path).unwrap();
            assert_eq!(recording.skip(at as u64 - 1).unwrap() + recording.skip(1).unwrap(), at as u64);
            assert_eq!(recording.n_frames(), at as u64);
            let mut rest = Vec::new();
            while recording.next_block(999, &mut rest).unwrap() > 0 {}
            assert!(rest.iter().zip(&decoded.channels).all(|(a, b)| a[..] == b[at..]), "{}: {at}", path.display());
            assert_eq!(recording.n_frames(), n as u64);
        }
    }
}

#[test]
fn a_row_that_is_needed_as_a_whole_has_a_limit() {
    let check = |placement, end_s: Option<f64>, n_frames| {
        let stream = audio_io::ClipStream::new(8000, Some(1.0), end_s, None, &config(8000, placement)).unwrap();
        stream.check_room(n_frames, 2).map_err(|error| error.to_string())
    };
    let most = audio_io::MAX_ROW_SAMPLES / 2;
    for placement in [Placement::Loudest, Placement::Center, Placement::Whole] {
        assert!(check(placement, None, 8000 + most + 1).unwrap_err().contains("placement first or sliding"));
        assert_eq!(check(placement, None, 8000 + most), Ok(()));
        assert_eq!(check(placement, Some(60.0), 4 * most), Ok(()));
    }
    for placement in [Placement::First, Placement::Sliding { overlap_s: 0.0 }] {
        assert_eq!(check(placement, None, usize::MAX / 4096), Ok(()));
    }
}
