//! The sound of events, as WAV files in a folder a class, and the table of them, which can be reviewed.

use crate::error::{Error, Result};
use crate::feed::State;
use crate::options::ClipOptions;
use audio_io::LocalTime;
use detections::{Detection, Format, Provenance, table_writer};
use pipeline::clips::{safe_name, wav};
use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use storage::AppendFile;

/// The table in the folder of clips.
const TABLE: &str = "detections.csv";

/// Clips, and the table that grows with them.
pub(crate) struct Clips {
    options: ClipOptions,
    /// What the place is called.
    place: String,
    rate_hz: u32,
    provenance: Provenance,
    table: AppendFile,
    /// Names that were given out: a file may not be there yet.
    taken: HashSet<String>,
    pending: VecDeque<Pending>,
    /// Clips that are on the disk.
    pub(crate) n_written: u64,
}

/// A clip whose end has not come yet.
struct Pending {
    name: String,
    detection: Detection,
    recorded: LocalTime,
    from: u64,
    to: u64,
}

fn failed(path: &Path, operation: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::File { path: path.to_owned(), operation, source }
}

impl Clips {
    /// Makes the folder, and opens the table in it.
    ///
    /// # Errors
    /// A folder that cannot be made, and a table that is another, or that another process writes.
    pub(crate) fn open(options: &ClipOptions, place: &str, rate_hz: u32, provenance: Provenance) -> Result<Self> {
        storage::create_dir_all(&options.folder).map_err(failed(&options.folder, "cannot be made"))?;
        let path = options.folder.join(TABLE);
        let mut table = AppendFile::open(&path).map_err(failed(&path, "cannot be opened, or is in use"))?;
        let header = rows(&provenance, None)?;
        let n_bytes = table.n_bytes().map_err(failed(&path, "cannot be read"))?;
        if n_bytes == 0 {
            table.write_from(0, &header).map_err(failed(&path, "cannot be written"))?;
        } else {
            let mut bytes = vec![0; usize::try_from(n_bytes).unwrap_or(usize::MAX)];
            table.read_exact_at(0, &mut bytes).map_err(failed(&path, "cannot be read"))?;
            if !bytes.starts_with(&header) {
                let text =
                    format!("{}: is no table of detections of this program; name another folder", path.display());
                return Err(Error::Invalid(text));
            }
            // A row that was cut off while it was written.
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            table.write_from(end as u64, b"").map_err(failed(&path, "cannot be written"))?;
        }
        Ok(Self {
            options: options.clone(),
            place: safe_name(place),
            rate_hz,
            provenance,
            table,
            taken: HashSet::new(),
            pending: VecDeque::new(),
            n_written: 0,
        })
    }

    /// An event, whose clip is written once its end has come. Gives the name that it will have.
    pub(crate) fn add(&mut self, detection: &Detection, recorded: LocalTime) -> String {
        let around = (self.options.around_s * f64::from(self.rate_hz)) as u64;
        let from = self.frame(detection.start_ms).saturating_sub(around);
        let to = self.frame(detection.end_ms) + around;
        let name = self.name(detection, recorded);
        self.pending.push_back(Pending { name: name.clone(), detection: detection.clone(), recorded, from, to });
        name
    }

    /// Writes clips whose sound is there, or all of them. What cannot be written is a warning: listening goes on.
    pub(crate) fn write(&mut self, state: &mut State, is_over: bool) {
        let n_frames = state.remembered.n_frames();
        let is_ready = |clip: &Pending| is_over || clip.to <= n_frames;
        while self.pending.front().is_some_and(is_ready) {
            let Some(clip) = self.pending.pop_front() else { return };
            let (first, channels) = state.remembered.cut(clip.from, clip.to);
            match self.write_one(&clip, first, &channels) {
                Ok(()) => self.n_written += 1,
                Err(error) => state.warnings.push(format!("a clip is not kept: {}", pipeline::one_line(&error))),
            }
        }
    }

    fn frame(&self, ms: u64) -> u64 {
        u64::try_from(u128::from(ms) * u128::from(self.rate_hz) / 1000).unwrap_or(u64::MAX)
    }

    fn ms(&self, frames: u64) -> u64 {
        u64::try_from(u128::from(frames) * 1000 / u128::from(self.rate_hz)).unwrap_or(u64::MAX)
    }

    /// `dog/garden_20260501_043012_0.93.wav`: with a date that `scan` reads.
    fn name(&mut self, detection: &Detection, recorded: LocalTime) -> String {
        let time: String = recorded.to_string().chars().take(19).filter(|c| !"-:".contains(*c)).collect();
        let time = time.replace('T', "_");
        let label = safe_name(&detection.label);
        let stem = format!("{label}/{}_{time}_{:.2}", self.place, detection.score);
        let numbered = (2..).map(|number: u64| format!("{stem}-{number}"));
        let mut names = std::iter::once(stem.clone()).chain(numbered).map(|stem| stem + ".wav");
        let is_free = |name: &String| !self.taken.contains(name) && !storage::exists(self.options.folder.join(name));
        let name = names.find(is_free).unwrap_or_default();
        // Of other seconds there are no names that could be the same.
        self.taken.retain(|taken| taken.contains(&time));
        self.taken.insert(name.clone());
        name
    }

    fn write_one(&mut self, clip: &Pending, first: u64, channels: &[Vec<f32>]) -> Result<()> {
        let path = self.options.folder.join(&clip.name);
        let n_frames = channels.first().map_or(0, Vec::len) as u64;
        if n_frames == 0 {
            return Err(Error::Invalid(format!("{}: its sound is no longer remembered", clip.name)));
        }
        let wav = wav(channels, self.rate_hz)?;
        let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
        storage::create_dir_all(&folder).map_err(failed(&folder, "cannot be made"))?;
        storage::write(&path, &wav).map_err(failed(&path, "cannot be written"))?;
        let first_ms = self.ms(first);
        let row = Detection {
            path: clip.name.clone(),
            recording_ms: Some(self.ms(n_frames)),
            start_ms: clip.detection.start_ms.saturating_sub(first_ms),
            end_ms: (clip.detection.end_ms - first_ms.min(clip.detection.end_ms)).min(self.ms(n_frames)),
            recorded: Some(clip.recorded.to_string()),
            ..clip.detection.clone()
        };
        let row = rows(&self.provenance, Some(&row))?;
        let table = self.options.folder.join(TABLE);
        let end = self.table.n_bytes().map_err(failed(&table, "cannot be read"))?;
        let written = self.table.write_from(end, &row).and_then(|()| self.table.sync());
        written.map_err(|source| {
            // Half a row must not stay before the next.
            drop(self.table.write_from(end, b""));
            failed(&table, "cannot be written")(source)
        })
    }
}

/// The header of a table, or one row.
fn rows(provenance: &Provenance, row: Option<&Detection>) -> Result<Vec<u8>> {
    let table = table_writer(Format::Csv, Vec::new(), provenance)?;
    let mut header = table.finish()?;
    if let Some(row) = row {
        let mut table = table_writer(Format::Csv, Vec::new(), provenance)?;
        table.write(row)?;
        header = table.finish()?.split_off(header.len());
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use crate::sound::Sound;
    use audio_io::{Pcm, SampleFormat};
    use pipeline::CancelToken;
    use std::io::{Cursor, Read};

    fn open(folder: &Path, around_s: f64) -> Result<Clips> {
        let options = ClipOptions { around_s, ..ClipOptions::new(folder) };
        let provenance = Provenance { program: "barkbird 1".into(), ..Provenance::default() };
        Clips::open(&options, "my garden/1", 1_000, provenance)
    }

    /// Two seconds of a ramp, all taken in.
    fn feed() -> Feed {
        let samples: Vec<u8> = (0..2_000_i16).flat_map(i16::to_le_bytes).collect();
        let raw = Pcm { format: SampleFormat::S16, rate_hz: 1_000, n_channels: 1 };
        let sound = Sound::pipe(Box::new(Cursor::new(samples)), Some(raw)).unwrap();
        let (feed, mut stream) = Feed::start(sound, [60.0, 60.0], CancelToken::default()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        feed
    }

    fn dog(start_ms: u64, end_ms: u64) -> Detection {
        Detection { path: "-".into(), start_ms, end_ms, label: "dog".into(), score: 0.934, ..Detection::default() }
    }

    #[test]
    fn clips_wait_for_their_end_and_the_table_says_where_the_event_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut clips = open(folder.path(), 0.25).unwrap();
        let (feed, recorded) = (feed(), LocalTime::parse("2026-05-01T04:30:12.250+02:00").unwrap());
        let first = clips.add(&dog(100, 600), recorded);
        let second = clips.add(&dog(1_000, 1_900), recorded);
        assert_eq!(first, "dog/my garden_1_20260501_043012_0.93.wav");
        assert_eq!(second, "dog/my garden_1_20260501_043012_0.93-2.wav");
        clips.write(&mut feed.state(), false);
        assert_eq!((clips.n_written, clips.pending.len()), (1, 1));
        clips.write(&mut feed.state(), true);
        assert_eq!((clips.n_written, feed.state().warnings.len()), (2, 0));

        let decoded = audio_io::decode_file(&folder.path().join(&first)).unwrap();
        let expected: Vec<f32> = (0..850).map(|i| i as f32 / 32768.0).collect();
        assert_eq!((decoded.rate_hz, decoded.channels), (1_000, vec![expected]));
        let table = std::fs::read_to_string(folder.path().join(TABLE)).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].starts_with(&format!("{first},0.850,0.100,0.600,,dog,0.934")), "{}", lines[1]);
        assert!(lines[2].starts_with(&format!("{second},1.250,0.250,1.150,,dog,")), "{}", lines[2]);
        assert!(lines[1].contains("2026-05-01T04:30:12.250+02:00"));
        let info = audio_io::recorder_info(&folder.path().join(&first));
        assert!(info.start.is_some(), "{first}: a name with a time that is read");
    }

    #[test]
    fn a_table_goes_on_and_another_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TABLE);
        let feed = feed();
        for _ in 0..2 {
            let mut clips = open(folder.path(), 0.0).unwrap();
            clips.add(&dog(0, 500), LocalTime::from_unix_s(1_780_000_000));
            clips.write(&mut feed.state(), true);
            drop(clips);
            let mut table = std::fs::read(&path).unwrap();
            table.extend(b"half a row");
            std::fs::write(&path, table).unwrap();
        }
        drop(open(folder.path(), 0.0).unwrap());
        let table = std::fs::read_to_string(&path).unwrap();
        assert_eq!((table.lines().count(), table.contains("half")), (3, false));
        std::fs::write(&path, "something,else\n").unwrap();
        let message = open(folder.path(), 0.0).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("name another folder"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "something,else\n");
    }

    #[test]
    fn sound_that_is_forgotten_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let mut clips = open(folder.path(), 0.0).unwrap();
        let feed = feed();
        clips.add(&dog(5_000, 6_000), LocalTime::from_unix_s(1_780_000_000));
        clips.write(&mut feed.state(), true);
        let state = feed.state();
        assert!(clips.n_written == 0 && state.warnings[0].contains("not kept"), "{:?}", state.warnings);
    }
}
