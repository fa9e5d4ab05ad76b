//! What was found by hour of day, and how long each hour was recorded.

use super::record::Record;
use crate::error::{Result, bail};
use crate::output;
use detections::Detection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Hours of a day.
pub const HOURS: usize = 24;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Detections of each class and seconds of sound, by hour of day on the recorder's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activity {
    /// What is counted: `events` or `windows`.
    pub what: &'static str,
    /// Each class, and how many of its detections start in each hour.
    pub classes: Vec<(String, [u64; HOURS])>,
    /// Milliseconds of sound that were classified in each hour, all days and recorders together.
    pub recorded_ms: [u64; HOURS],
    /// Recordings of which it is known when they start.
    pub with_time: usize,
    /// Recordings of which it is not known; nothing of them is counted.
    pub without_time: usize,
    /// How far the clocks of the recorders are ahead of UTC, in minutes, where that is known.
    pub utc_offsets_min: BTreeSet<i16>,
}

impl Activity {
    pub(super) fn new(classes: &[String], events: bool) -> Self {
        Self {
            what: if events { "events" } else { "windows" },
            classes: classes.iter().map(|class| (class.clone(), [0; HOURS])).collect(),
            ..Self::default()
        }
    }

    /// Takes a recording.
    pub(super) fn take(&mut self, record: &Record, detections: &[Detection]) {
        if record.judged.is_empty() {
            return;
        }
        let Some(start) = record.start() else {
            self.without_time += 1;
            return;
        };
        self.with_time += 1;
        self.utc_offsets_min.extend(start.utc_offset_min());
        let start_ms = start.local_ms();
        for (from_ms, to_ms) in stretches(record) {
            self.record(start_ms + from_ms, start_ms + to_ms);
        }
        for detection in detections {
            let hour = hour_of(start_ms + detection.start_ms as i64);
            if let Some((_, counts)) = self.classes.iter_mut().find(|(class, _)| *class == detection.label) {
                counts[hour] += 1;
            }
        }
    }

    /// Adds a stretch of time to its hours.
    fn record(&mut self, mut from_ms: i64, to_ms: i64) {
        while from_ms < to_ms {
            let next = (from_ms.div_euclid(HOUR_MS) + 1) * HOUR_MS;
            self.recorded_ms[hour_of(from_ms)] += (next.min(to_ms) - from_ms) as u64;
            from_ms = next;
        }
    }

    /// Hours of sound in an hour of day.
    pub fn recorded_h(&self, hour: usize) -> f64 {
        self.recorded_ms[hour] as f64 / HOUR_MS as f64
    }

    /// The hour of day with the most detections for each hour recorded; none where there are no detections.
    pub fn busiest_hour(&self, class: &str) -> Option<usize> {
        let (_, counts) = self.classes.iter().find(|(name, _)| name == class)?;
        let rate = |hour: usize| counts[hour] as f64 / self.recorded_h(hour);
        let hours = (0..HOURS).filter(|&hour| counts[hour] > 0 && self.recorded_ms[hour] > 0);
        hours.max_by(|&a, &b| rate(a).total_cmp(&rate(b)).then(b.cmp(&a)))
    }

    fn csv(&self) -> String {
        let field = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let names: Vec<String> = self.classes.iter().map(|(class, _)| format!(",{}", field(class))).collect();
        let mut table = format!("hour,recorded_h{}\n", names.concat());
        for hour in 0..HOURS {
            let recorded = self.recorded_ms[hour] > 0;
            // Without a recording there is no count, not even zero.
            let count = |counts: &[u64; HOURS]| if recorded { format!(",{}", counts[hour]) } else { ",".into() };
            let counts: Vec<String> = self.classes.iter().map(|(_, counts)| count(counts)).collect();
            table.push_str(&format!("{hour},{:.4}{}\n", self.recorded_h(hour), counts.concat()));
        }
        table
    }

    fn picture(&self) -> report::Activity<'_> {
        let left_out = match self.without_time {
            0 => String::new(),
            n => format!("; {n} without a start time are left out"),
        };
        report::Activity {
            what: self.what,
            classes: &self.classes,
            recorded_h: std::array::from_fn(|hour| self.recorded_h(hour)),
            note: format!("{} recordings{left_out}", self.with_time),
        }
    }
}

fn hour_of(local_ms: i64) -> usize {
    (local_ms.rem_euclid(DAY_MS) / HOUR_MS) as usize
}

/// The stretches of a recording that windows cover, in milliseconds: what was listened to, each moment once.
fn stretches(record: &Record) -> Vec<(i64, i64)> {
    let end_ms = (record.seconds * 1000.0).round() as i64;
    let ms = |seconds: f64| ((seconds * 1000.0).round() as i64).clamp(0, end_ms);
    let mut windows: Vec<(i64, i64)> =
        record.judged.iter().map(|judged| (ms(judged.verdict.start_s), ms(judged.verdict.end_s))).collect();
    windows.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in windows {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn is_of(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Makes sure that the files can be written.
pub(super) fn prepare(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        if !["svg", "png", "csv"].iter().any(|extension| is_of(path, extension)) {
            bail!("--activity {}: expected a name that ends in .svg, .png or .csv", path.display());
        }
        output::file(path)?;
    }
    Ok(())
}

/// Writes what the files are to hold, and gives those that were written: none where no time is known.
pub(super) fn write(paths: &[PathBuf], activity: &Activity) -> Result<Vec<PathBuf>> {
    if activity.with_time == 0 {
        return Ok(Vec::new());
    }
    for path in paths {
        let bytes = match path {
            _ if is_of(path, "svg") => report::activity_svg(&activity.picture())?.into_bytes(),
            _ if is_of(path, "png") => report::activity_png(&activity.picture())?,
            _ => activity.csv().into_bytes(),
        };
        shard::write_atomic(path, &bytes)?;
    }
    Ok(paths.to_vec())
}

/// What a reader has to know of it.
pub(super) fn note(activity: &Activity) -> Option<String> {
    let where_from = "in its metadata or its name (such as 20260501_213000.wav)";
    let hours = |minutes: &i16| format!("{:+}", f64::from(*minutes) / 60.0);
    let offsets: Vec<String> = activity.utc_offsets_min.iter().map(hours).collect();
    let clocks = (offsets.len() > 1).then(|| {
        format!("hours are those of each recorder's clock, and the clocks differ: UTC {}", offsets.join(" and "))
    });
    let left_out = match (activity.with_time, activity.without_time) {
        (_, 0) => None,
        (0, _) => Some(format!("nothing was written: no recording has a start time {where_from}")),
        (with, n) => Some(format!("{n} of {} recordings are left out: without a start time {where_from}", with + n)),
    };
    let notes: Vec<String> = left_out.into_iter().chain(clocks).collect();
    (!notes.is_empty()).then(|| format!("--activity: {}", notes.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use detections::Verdict;
    use inference::Judged;

    fn record(start: Option<&str>, seconds: f64, windows: &[(f64, f64)]) -> Record {
        let judged = |&(start_s, end_s): &(f64, f64)| Judged {
            verdict: Verdict { start_s, end_s, ..Verdict::default() },
            input: 0,
            score: None,
            nearest: Vec::new(),
        };
        Record {
            seconds,
            start: start.map(str::to_owned),
            judged: windows.iter().map(judged).collect(),
            ..Record::default()
        }
    }

    fn found(label: &str, start_s: u64) -> Detection {
        Detection { label: label.into(), start_ms: start_s * 1000, ..Detection::default() }
    }

    #[test]
    fn hours_are_those_of_the_clock_and_overlaps_count_once() {
        let mut activity = Activity::new(&["bird".into(), "dog".into()], true);
        // Over midnight; the last window reaches beyond the end.
        let night =
            record(Some("2026-05-01T23:30:00+02:00"), 7000.0, &[(0.0, 4000.0), (2000.0, 5000.0), (5000.0, 8000.0)]);
        activity.take(&night, &[found("dog", 0), found("dog", 1799), found("dog", 1800), found("unsure", 0)]);
        activity.take(&record(None, 60.0, &[(0.0, 60.0)]), &[found("dog", 0)]);
        // What could not be used is no recording.
        activity.take(&record(None, 0.0, &[]), &[]);
        assert_eq!((activity.with_time, activity.without_time), (1, 1));
        let hours: Vec<(usize, u64)> = (0..HOURS).map(|hour| (hour, activity.recorded_ms[hour])).collect();
        let expected = [(0, 3_600_000), (1, 1_600_000), (23, 1_800_000)];
        assert_eq!(hours.into_iter().filter(|(_, ms)| *ms > 0).collect::<Vec<_>>(), expected);
        let dog = activity.classes[1].1;
        assert_eq!((dog[23], dog[0], dog.iter().sum::<u64>()), (2, 1, 3));
        assert_eq!((activity.busiest_hour("dog"), activity.busiest_hour("bird")), (Some(23), None));
        let csv = activity.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!((lines[0], lines[1], lines[13]), ("hour,recorded_h,bird,dog", "0,1.0000,0,1", "12,0.0000,,"));
    }

    #[test]
    fn a_note_says_what_is_left_out_and_whether_clocks_differ() {
        let mut activity = Activity::new(&["dog".into()], true);
        activity.take(&record(None, 9.0, &[(0.0, 9.0)]), &[]);
        assert!(note(&activity).unwrap().contains("nothing was written"));
        activity.take(&record(Some("2026-05-01T23:30:00+02:00"), 9.0, &[(0.0, 9.0)]), &[]);
        assert!(note(&activity).unwrap().contains("1 of 2 recordings are left out"));
        activity.take(&record(Some("2026-05-01T23:30:00Z"), 9.0, &[(0.0, 9.0)]), &[]);
        assert!(note(&activity).unwrap().ends_with("differ: UTC +0 and +2"));
        activity.without_time = 0;
        activity.utc_offsets_min.clear();
        assert_eq!(note(&activity), None);
    }

    #[test]
    fn a_gap_between_windows_was_not_listened_to() {
        let record = record(Some("2026-05-01T10:00:00"), 100.0, &[(0.0, 3.0), (3.0, 6.0), (50.0, 53.0)]);
        assert_eq!(stretches(&record), [(0, 6000), (50_000, 53_000)]);
    }
}
