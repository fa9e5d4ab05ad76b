//! Sound through a pipe: what is told, and what is kept.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::{RAW, garden, options, told, trained};
use listen::{ClipOptions, Error, Event, Sound, Told};
use pipeline::Job;
use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

fn events(told: &[Told]) -> Vec<&Event> {
    told.iter().filter_map(|told| if let Told::Detection(event) = told { Some(event) } else { None }).collect()
}

/// A pipe into which a test writes.
struct Pipe(Receiver<Vec<u8>>, Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.1.read(into)?;
            if n > 0 {
                return Ok(n);
            }
            match self.0.recv() {
                Ok(next) => self.1 = Cursor::new(next),
                Err(_) => return Ok(0),
            }
        }
    }
}

#[test]
fn events_are_told_with_their_times_and_their_sound_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.clips = Some(ClipOptions { around_s: 0.5, ..ClipOptions::new(folder.path()) });
    let told = told(&options, Cursor::new(garden()), &Job::default());
    let Told::Started(started) = &told[0] else { panic!("{:?}", told[0]) };
    assert_eq!((started.name.as_str(), started.rate_hz, started.channels), ("garden", 16_000, 1));
    let Some(Told::Finished(finished)) = told.last() else { panic!("{:?}", told.last()) };
    let events = events(&told);
    assert!(events.len() >= 6 && finished.detections == events.len() as u64, "{events:?}");
    assert_eq!((finished.clips, finished.messages_lost), (finished.detections, 0));
    // Two seconds of silence come first, and windows of a second that reach out of it.
    assert!(events.iter().all(|event| event.start >= 1.0 && event.end > event.start), "{events:?}");

    // The table is one that is reviewed, and each row is a clip in which the event is.
    let rows = pipeline::inputs::detections(&folder.path().join("detections.csv"), None).unwrap();
    assert_eq!(rows.len(), events.len());
    for (row, event) in rows.iter().zip(&events) {
        assert_eq!((row.path.as_ref(), &row.label), (event.clip.as_ref(), &event.label));
        let clip = audio_io::decode_file(&folder.path().join(event.clip.as_ref().unwrap())).unwrap();
        let seconds = clip.channels[0].len() as f64 / 16_000.0;
        assert!((seconds - (event.end - event.start) - 1.0).abs() < 0.51, "{seconds} s, {event:?}");
        let length = (row.end_ms - row.start_ms) as f64 / 1000.0;
        assert!((length - (event.end - event.start)).abs() < 0.002 && row.end_ms as f64 / 1000.0 <= seconds + 0.001);
    }
    // The same samples, in the clip and in what came.
    let clip = audio_io::decode_file(&folder.path().join(events[0].clip.as_ref().unwrap())).unwrap();
    let from = ((events[0].start - 0.5) * 16_000.0) as usize;
    let came: Vec<f32> =
        garden().chunks_exact(2).map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32768.0).collect();
    assert_eq!(clip.channels[0][..8_000], came[from..from + 8_000]);
}

#[test]
fn an_event_is_told_while_sound_still_comes_and_a_stop_tells_the_rest() {
    let (send, receive) = channel();
    let job = Job::default();
    let (cancel, mut n_before_end) = (job.cancel.clone(), 0);
    let sound = garden();
    let half = sound.len() / 2;
    send.send(sound[..half].to_vec()).unwrap();
    // Were there no second event, the pipe would be closed after a while, and the test fail.
    let (guard, ended) = channel::<()>();
    std::thread::spawn(move || {
        ended.recv_timeout(Duration::from_secs(30)).ok();
        drop(send);
    });
    let pipe = Pipe(receive, Cursor::new(Vec::new()));
    let mut lines = Vec::new();
    let mut options = options();
    options.windows = true;
    let sound = Sound::pipe(Box::new(pipe), Some(RAW)).unwrap();
    let finished = listen::run(&options, sound, &job, &mut |told| {
        lines.push(serde_json::to_value(told).unwrap());
        if matches!(told, Told::Detection(_)) {
            n_before_end += 1;
            // Nothing more comes, and the pipe stays open.
            if n_before_end == 2 {
                cancel.cancel();
            }
        }
        Ok(())
    })
    .unwrap();
    drop(guard);
    assert!(job.cancel.is_cancelled() && finished.detections >= 2 && finished.seconds > 0.0, "{finished:?}");
    let kinds: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("started", "finished"));
    let windows = lines.iter().filter(|line| line["event"] == "window");
    assert!(windows.clone().count() > 4 && windows.clone().any(|line| line["label"] == "neither"));
    assert!(lines.iter().all(|line| line["event"] != "detection" || line["clip"].is_null()));
}

#[test]
fn nobody_who_is_told_ends_it_and_so_does_what_does_not_fit_the_model() {
    let sound = || Sound::pipe(Box::new(Cursor::new(garden())), Some(RAW)).unwrap();
    let closed = listen::run(&options(), sound(), &Job::default(), &mut |told| match told {
        Told::Detection(_) => Err(Error::Told(io::ErrorKind::BrokenPipe.into())),
        _ => Ok(()),
    });
    assert!(matches!(closed, Err(Error::Told(_))), "{closed:?}");
    let mut wrong = options();
    wrong.events.thresholds.insert("cat".into(), 0.5);
    let message = listen::run(&wrong, sound(), &Job::default(), &mut |_| Ok(())).unwrap_err().to_string();
    assert!(message.contains("expected one of the classes bird, dog"), "{message}");
    let no_run = listen::Options::new(trained().join("manifest.csv"));
    assert!(listen::run(&no_run, sound(), &Job::default(), &mut |_| Ok(())).is_err());
}

#[test]
fn long_events_are_told_in_parts() {
    let manifest = audio_io::Manifest::open(&trained().join("manifest.csv")).unwrap();
    let row = &manifest.rows[0];
    let decoded = audio_io::decode_file(&manifest.root.join(&row.path)).unwrap();
    let once = audio_io::resample(&decoded.channels[0], decoded.rate_hz, 16_000).unwrap();
    let loud = once.repeat(20_usize.div_ceil(1 + once.len() / 16_000) + 20);
    let bytes: Vec<u8> = loud.iter().flat_map(|sample| ((sample * 32767.0) as i16).to_le_bytes()).collect();
    let mut options = options();
    options.events.max_s = Some(5.0);
    options.events.threshold = 0.01;
    let told = told(&options, Cursor::new(bytes), &Job::default());
    let events = events(&told);
    let longest = events.iter().map(|event| event.end - event.start).fold(0.0, f64::max);
    assert!(events.len() >= 3 && (5.0..7.0).contains(&longest), "{longest} s of {} events", events.len());
}

#[test]
fn a_pipe_that_breaks_is_an_error_and_what_came_before_is_told() {
    struct Breaks(Cursor<Vec<u8>>);
    impl Read for Breaks {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.0.read(into)?;
            std::thread::sleep(Duration::from_millis(1));
            if n == 0 { Err(io::Error::other("the cable was pulled")) } else { Ok(n) }
        }
    }
    let sound = Sound::pipe(Box::new(Breaks(Cursor::new(garden()))), Some(RAW)).unwrap();
    let mut all = Vec::new();
    let outcome = listen::run(&options(), sound, &Job::default(), &mut |told| {
        all.push(told.clone());
        Ok(())
    });
    let message = pipeline::one_line(&outcome.unwrap_err());
    assert!(message.contains("the cable was pulled"), "{message}");
    assert!(matches!(all.last(), Some(Told::Finished(finished)) if finished.detections >= 6), "{:?}", all.last());
}
