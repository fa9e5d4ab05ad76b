//! What recorders write, read from files of our own making: as the recorders write them, and broken.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use audio_io::{Place, RecorderInfo, StartSource, recorder_info};

const COMMENT: &str = "Recorded at 23:59:58 29/02/2024 (UTC+2) by AudioMoth 24F3190361DA4C52 at medium gain while battery was \
                       4.2V and temperature was 21.5C.";
const GUANO: &str = "GUANO|Version:1.0\nMake:Wildlife Acoustics, Inc.\nModel:Song Meter Mini\nSerial:SMM01234\n\
                     Timestamp:2024-02-29 23:59:58.250+02:00\nLoc Position:47.39861 -7.67191\nWA|Song Meter|Prefix:POND\n";

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap().to_le_bytes();
    [name, &size[..], body, &[0][..body.len() % 2]].concat()
}

fn info(fields: &[(&[u8; 4], &str)]) -> Vec<u8> {
    let fields = fields.iter().flat_map(|(name, text)| chunk(name, &[text.as_bytes(), &[0]].concat()));
    chunk(b"LIST", &b"INFO".iter().copied().chain(fields).collect::<Vec<_>>())
}

/// A WAV file of these chunks between its format and its sound, and behind the sound.
fn wav(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let fmt = chunk(b"fmt ", b"\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0");
    let chunks = [b"WAVE", &fmt[..], before, &chunk(b"data", &[7; 1000]), behind].concat();
    chunk(b"RIFF", &chunks)
}

/// What is read from a file of this name and these bytes.
fn read(name: &str, bytes: &[u8]) -> RecorderInfo {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    recorder_info(&path)
}

fn start(info: &RecorderInfo) -> Option<(String, StartSource)> {
    info.start.map(|start| (start.at(0), start.source))
}

#[test]
fn an_audiomoth_is_read() {
    let info =
        read("20240229_235958.WAV", &wav(&info(&[(b"ICMT", COMMENT), (b"IART", "AudioMoth 24F3190361DA4C52")]), &[]));
    assert_eq!(start(&info), Some(("2024-02-29T23:59:58+02:00".into(), StartSource::Comment)));
    assert_eq!(info.start.unwrap().at(2500), "2024-03-01T00:00:00.500+02:00");
    assert_eq!(info.make.as_deref(), Some("Open Acoustic Devices"));
    assert_eq!(info.model.as_deref(), Some("AudioMoth"));
    assert_eq!(info.serial.as_deref(), Some("24F3190361DA4C52"));
    assert_eq!((info.deployment, info.place, info.notes), (None, None, vec![]));
}

#[test]
fn a_deployment_is_read() {
    let comment = "Recorded at 23:59:58 29/02/2024 (UTC) during deployment 0123456789ABCDEF at low gain";
    let info = read("x.wav", &wav(&info(&[(b"ICMT", comment), (b"IART", "AudioMoth 24F3190361DA4C52")]), &[]));
    assert_eq!(info.deployment.as_deref(), Some("0123456789ABCDEF"));
    assert_eq!(info.serial.as_deref(), Some("24F3190361DA4C52"), "from the artist");
}

#[test]
fn guano_is_trusted_first_and_kept_whole() {
    let comment = info(&[(b"ICMT", &COMMENT.replace("23:59:58", "22:00:00"))]);
    let info = read("POND_20240229$235958.wav", &wav(&comment, &chunk(b"guan", GUANO.as_bytes())));
    assert_eq!(start(&info), Some(("2024-02-29T23:59:58.250+02:00".into(), StartSource::Guano)));
    assert_eq!(info.place, Some(Place { lat: 47.39861, lon: -7.67191 }));
    assert_eq!(info.make.as_deref(), Some("Wildlife Acoustics, Inc."));
    assert_eq!(info.serial.as_deref(), Some("SMM01234"), "GUANO before the comment");
    assert_eq!(info.guano.len(), 7);
    assert_eq!(info.guano["WA|Song Meter|Prefix"], "POND");
    assert_eq!(info.notes.len(), 2, "{:?}", info.notes);
    assert!(info.notes[0].contains("GPS"));
    assert_eq!(
        info.notes[1],
        "the start is 2024-02-29T23:59:58.250+02:00 by the GUANO, and 2024-02-29T22:00:00+02:00 by the comment: the GUANO \
         is used"
    );
}

#[test]
fn a_file_name_may_be_in_local_time_or_in_utc() {
    let bytes = wav(&info(&[(b"ICMT", COMMENT)]), &[]);
    assert_eq!(read("20240229_235959.WAV", &bytes).notes, [""; 0], "a second apart");
    assert_eq!(read("20240229_215958.WAV", &bytes).notes, [""; 0], "in UTC");
    assert_eq!(read("20240229_225958.WAV", &bytes).notes.len(), 1);
    let triggered = read("20240229_235958T.WAV", &bytes).notes;
    assert!(triggered.len() == 1 && triggered[0].contains("triggered"), "{triggered:?}");
    let info = read("site_2024-02-29_22-00-00.mp3", b"no sound at all");
    assert_eq!(start(&info), Some(("2024-02-29T22:00:00".into(), StartSource::FileName)));
}

#[test]
fn a_clock_that_was_not_set_is_no_start() {
    let comment = info(&[(b"ICMT", &COMMENT.replace("29/02/2024", "01/01/1970"))]);
    let info = read("19700101_235958.WAV", &wav(&comment, &[]));
    assert_eq!(start(&info), None);
    assert_eq!(info.notes.len(), 2, "{:?}", info.notes);
}

#[test]
fn texts_that_cannot_be_read_are_noted() {
    let guano = b"GUANO|Version:1.0\nTimestamp:yesterday\nLoc Position:here\nMake:\xff\n";
    let info = read("dog.wav", &wav(&chunk(b"guan", guano), &[]));
    assert_eq!((start(&info), info.place), (None, None));
    assert_eq!(info.guano["Timestamp"], "yesterday");
    assert_eq!(info.notes.len(), 3, "{:?}", info.notes);
}

#[test]
fn an_even_length_may_be_missing() {
    let mut sound = wav(&[], &[]);
    sound.truncate(sound.len() - 1);
    let data = sound.len() - 999 - 4;
    sound[data..data + 4].copy_from_slice(&999u32.to_le_bytes());
    let guano = [sound, chunk(b"guan", GUANO.as_bytes())].concat();
    assert_eq!(read("x.wav", &guano).guano.len(), 7);
}

#[test]
fn junk_is_stepped_over() {
    let junk = chunk(b"JUNK", &vec![b'x'; 10 << 20]);
    assert_eq!(read("x.wav", &wav(&junk, &chunk(b"guan", GUANO.as_bytes()))).guano.len(), 7);
    let listed = [chunk(b"LIST", &vec![b'x'; 10 << 20]), self::info(&[(b"ICMT", COMMENT)])].concat();
    let info = read("x.wav", &wav(&listed, &[]));
    assert!(info.start.is_some() && info.notes.is_empty(), "{:?}", info.notes);
    let many = chunk(b"JUNK", b"").repeat(200_000);
    let info = read("x.wav", &wav(&many, &chunk(b"guan", GUANO.as_bytes())));
    assert!(info.guano.is_empty());
    assert!(info.notes[0].contains("more than 1000 chunks"), "{:?}", info.notes);
}

#[test]
fn sizes_are_not_believed() {
    let mut list = info(&[(b"ICMT", COMMENT)]);
    list[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let info = read("x.wav", &wav(&list, &[]));
    assert!(info.start.is_some(), "what is there is read");
    assert!(info.notes[0].starts_with("the chunk `LIST` should have 4294967295 bytes"), "{:?}", info.notes);

    let cut = wav(&[], &chunk(b"guan", GUANO.as_bytes()));
    let info = read("x.wav", &cut[..cut.len() - 40]);
    assert!(info.start.is_some());
    assert_eq!(info.place, None, "a line that is cut is left out");

    let long = chunk(b"guan", format!("{GUANO}Note:{}", "x".repeat(200_000)).as_bytes());
    let info = read("x.wav", &wav(&long, &[]));
    assert_eq!(info.guano.len(), 7);
    assert!(info.notes[0].contains("65536 are read"), "{:?}", info.notes);
}

#[test]
fn broken_files_do_no_harm() {
    let texts = [info(&[(b"ICMT", COMMENT), (b"IART", "a\0b")]), chunk(b"guan", GUANO.as_bytes())].concat();
    let whole = wav(&texts, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    for i in 0..600 {
        fs::write(&path, &whole[..i]).unwrap();
        recorder_info(&path);
        for byte in [0, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[i] = byte;
            fs::write(&path, &bytes).unwrap();
            recorder_info(&path);
        }
    }
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("20240229_235958");
    let note = |path: &Path| {
        let info = recorder_info(path);
        assert_eq!(start(&info), Some(("2024-02-29T23:59:58".into(), StartSource::FileName)), "the name is read");
        info.notes.join("\n")
    };
    assert!(note(&path).contains("cannot be read"));
    fs::write(&path, b"").unwrap();
    assert!(note(&path).contains("is empty"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(note(&path).ends_with("got a folder"));
    assert!(recorder_info(Path::new("")).notes[0].contains("cannot be read"));
    #[cfg(unix)]
    {
        fs::remove_dir(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Opening a pipe that nobody writes to would wait for ever.
        assert!(note(&path).ends_with("got a pipe (FIFO)"));
    }
}

#[cfg(unix)]
#[test]
fn files_over_4_gib_are_read_behind_their_sound() {
    const DATA_BYTES: u64 = 5 << 30;
    let sizes = [&(DATA_BYTES + 500).to_le_bytes()[..], &DATA_BYTES.to_le_bytes(), &[0; 12]].concat();
    let mut head = [&b"RF64\xff\xff\xff\xffWAVE"[..], &chunk(b"ds64", &sizes)].concat();
    head.extend(chunk(b"fmt ", b"\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"));
    head.extend(b"data\xff\xff\xff\xff");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&head).unwrap();
    // The sound is a hole in the file.
    file.seek(SeekFrom::Current(DATA_BYTES.cast_signed())).unwrap();
    file.write_all(&chunk(b"guan", GUANO.as_bytes())).unwrap();
    let info = recorder_info(&path);
    assert_eq!((info.guano.len(), info.notes.len()), (7, 0), "{:?}", info.notes);
}

#[test]
fn wave64_is_read() {
    let wide = |name: &[u8; 16], body: &[u8]| {
        let size = (24 + body.len() as u64).to_le_bytes();
        [name, &size[..], body, &[0; 8][..body.len().wrapping_neg() % 8]].concat()
    };
    let riff = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";
    let data = wide(b"data\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a", &[7; 1001]);
    let chunks = [
        &b"wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"[..],
        &data,
        &wide(b"guan............", GUANO.as_bytes()),
    ];
    let info = read("x.w64", &wide(riff, &chunks.concat()));
    assert_eq!((info.guano.len(), info.notes.len()), (7, 0), "{:?}", info.notes);
}

#[test]
fn flac_comments_and_kept_chunks_are_read() {
    let block = |kind: u8, body: &[u8]| {
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, size[1], size[2], size[3]], body].concat()
    };
    let counted = |text: &str| [&u32::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat();
    let tags = |tags: &[&str]| {
        let tags: Vec<u8> = tags.iter().flat_map(|tag| counted(tag)).collect();
        [counted("writer"), vec![3, 0, 0, 0], tags].concat()
    };
    let comment = format!("comment={COMMENT}");
    let texts = tags(&["TITLE=dog", &comment, "ARTIST=AudioMoth 24F3190361DA4C52"]);
    let info = read("x.flac", &[&b"fLaC"[..], &block(0, &[0; 34]), &block(0x84, &texts)].concat());
    assert_eq!(start(&info), Some(("2024-02-29T23:59:58+02:00".into(), StartSource::Comment)));
    assert_eq!(info.serial.as_deref(), Some("24F3190361DA4C52"));

    let kept = [&b"riff"[..], &chunk(b"guan", GUANO.as_bytes())].concat();
    let bytes = [&b"fLaC"[..], &block(0, &[0; 34]), &block(2, &kept), &block(0x81, &[0; 10])].concat();
    assert_eq!(read("x.flac", &bytes).guano.len(), 7);
    for end in 0..bytes.len() {
        read("x.flac", &bytes[..end]);
    }
    let dated = block(0x84, &tags(&["DATE=2024-02-29T23:59:58Z", "", "="]));
    assert!(read("x.flac", &[&b"fLaC"[..], &dated].concat()).start.is_some());
}
