//! Folders that grow: looks at them again and again, and classifies what has come to rest.
//!
//! A recording is taken when two looks in a row found it with the same size and time of change: who writes it is done. What
//! changes later is classified again, and replaces its rows; what is deleted later keeps them.

use super::activity;
use super::classify::{Keep, classify};
use super::files::{Files, Key, key};
use super::journal::Journal;
use super::options::{Options, Outcome};
use super::outputs::{Output, Outputs};
use super::sink::{Before, Context};
use super::{begun, write};
use crate::error::{Error, Result, bail};
use crate::job::Job;
use crate::observer::Event;
use inference::Input;
use shard::Skipped;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Tables are written again after this many times the time that it took: a season's tables take long.
const PAUSE: u32 = 9;

/// How long a stop may be unnoticed.
const NAP: Duration = Duration::from_millis(50);

/// Refuses what cannot be watched.
pub(super) fn check(options: &Options, has_file: bool) -> Result<()> {
    if options.watch.is_none() {
        return Ok(());
    }
    if !has_file {
        bail!("--watch: expected --out FILE or DIR/, beside which the journal is kept");
    }
    if options.part.is_some() {
        bail!("--watch and --part cannot be used together: parts are shares of recordings that are all there");
    }
    if let Some(other) = options.inputs.iter().find(|input| !storage::is_dir(input)) {
        bail!("--watch {}: expected a folder", other.display());
    }
    Ok(())
}

/// Classifies what is there and what comes, until it is cancelled.
pub(super) fn run(
    options: &Options,
    interval: Duration,
    outputs: &[Output],
    journal: &mut Journal,
    context: &Context<'_>,
    job: &Job<'_>,
) -> Result<Outcome> {
    let mut folders = Folders { folders: &options.inputs, seen: HashMap::new(), skipped: Vec::new() };
    let last = (Instant::now(), Duration::ZERO);
    let mut tables =
        Tables { options, outputs, context, interval, last, is_first: true, outcome: begun(options, context) };
    let (resumed, mut counted) = (journal.latest().len(), Outcome::default());
    // Recordings that are not in the tables yet, done or not.
    let mut is_new: HashSet<Key> = HashSet::new();
    job.say(format!("looking every {} s; Ctrl-C ends, with all tables written", interval.as_secs_f64()));
    loop {
        let present = folders.look(job);
        let (inputs, keys) = listed(&options.inputs, &present, journal);
        let todo: Vec<Key> = keys.iter().filter(|key| !journal.has(key)).cloned().collect();
        let files = Files::of_keys(&inputs, keys);
        let mut stops = job.cancel.is_cancelled();
        if !todo.is_empty() && !stops {
            is_new.extend(todo);
            let mut more = |files: &Files<'_>, journal: &Journal| match tables.are_due_in_a_round() {
                true => tables.write(files, journal, &mut is_new, &folders.skipped, job),
                false => Ok(()),
            };
            let keep = Keep::Changing(&mut *journal, &mut more);
            match classify(context.predictor, &files, keep, &mut counted, job) {
                Err(Error::Cancelled { .. }) => stops = true,
                other => other?,
            }
            is_new.retain(|key| journal.has(key));
        }
        stops |= job.cancel.is_cancelled();
        if tables.are_due(stops, !is_new.is_empty(), journal) {
            tables.write(&files, journal, &mut is_new, &folders.skipped, job)?;
            job.say(format!("{} recordings are in the tables", tables.outcome.recordings));
        }
        if stops {
            break;
        }
        counted.waited_s += wait(interval, job);
    }
    if let Some(note) = tables.outcome.activity.as_ref().and_then(activity::note) {
        job.warn(note);
    }
    let Outcome { classified_s, classifying_s, waited_s, failed, .. } = counted;
    Ok(Outcome { classified_s, classifying_s, waited_s, failed, resumed, ..tables.outcome })
}

/// Waits, and gives the seconds.
fn wait(interval: Duration, job: &Job<'_>) -> f64 {
    let began = Instant::now();
    while let Some(left) = interval.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
        && !job.cancel.is_cancelled()
    {
        std::thread::sleep(left.min(NAP));
    }
    began.elapsed().as_secs_f64()
}

/// The tables, which are written again and again.
struct Tables<'a> {
    options: &'a Options,
    outputs: &'a [Output],
    context: &'a Context<'a>,
    interval: Duration,
    /// When they were last written, and how long that took.
    last: (Instant, Duration),
    is_first: bool,
    /// What was in them.
    outcome: Outcome,
}

impl Tables<'_> {
    fn are_due(&self, stops: bool, has_new: bool, journal: &Journal) -> bool {
        let (at, took) = self.last;
        let has_more = has_new || (self.is_first && !journal.latest().is_empty());
        has_more && (self.is_first || stops || at.elapsed() >= took * PAUSE)
    }

    /// While a long round is not over, others can read along.
    fn are_due_in_a_round(&self) -> bool {
        let (at, took) = self.last;
        at.elapsed() >= self.interval.max(took * PAUSE)
    }

    /// Writes the tables of all recordings and, with a table for each, those of new ones.
    fn write(
        &mut self,
        files: &Files<'_>,
        journal: &Journal,
        is_new: &mut HashSet<Key>,
        skipped: &[Skipped],
        job: &Job<'_>,
    ) -> Result<()> {
        let began = Instant::now();
        let again = |output: &Output| Some(Output { table: output.table, to: output.to.again()? });
        let mut outputs = Outputs::new(self.outputs.iter().filter_map(again).collect(), self.context)?;
        let mut outcome = Outcome { skipped: skipped.to_vec(), ..begun(self.options, self.context) };
        for nth in 0..files.len() {
            let now = files.key(nth);
            // Until what has changed is classified again, it is as it was.
            let Some(key) = journal.has(now).then_some(now).or_else(|| journal.latest().get(&now.path)) else {
                continue;
            };
            let before = match is_new.remove(key) {
                true => Before::NotWritten,
                false if self.is_first => Before::Unknown,
                false => Before::Written,
            };
            outputs.take_again(files.rows(nth), &journal.record(key)?, before, &mut outcome)?;
            outcome.recordings += 1;
        }
        write(outputs, self.options, &mut outcome)?;
        let (files, recordings) = (outcome.files.as_slice(), outcome.recordings);
        job.observer.event(Event::TablesWritten { files, recordings });
        self.outcome = outcome;
        self.last = (Instant::now(), began.elapsed());
        self.is_first = false;
        Ok(())
    }
}

/// A recording that is there.
struct Present {
    input: Input,
    key: Key,
    /// Whether it has not changed since the last look.
    is_settled: bool,
}

struct Folders<'o> {
    folders: &'o [PathBuf],
    /// What the last look saw.
    seen: HashMap<PathBuf, Key>,
    /// What was left out, and why.
    skipped: Vec<Skipped>,
}

impl Folders<'_> {
    /// Looks at all recordings. A folder that cannot be read now may be there again later.
    fn look(&mut self, job: &Job<'_>) -> Vec<Present> {
        let mut skipped = Vec::new();
        let mut paths = Vec::new();
        for folder in self.folders {
            match audio_io::walk(folder, &|| job.cancel.is_cancelled()) {
                Ok(walk) => {
                    paths.extend(walk.files.into_iter().map(|file| file.path).filter(|path| audio_io::is_sound(path)));
                    skipped.extend(walk.skipped.into_iter().map(|skipped| Skipped {
                        path: folder.join(skipped.name).to_string_lossy().into_owned(),
                        reason: skipped.reason,
                    }));
                }
                Err(audio_io::Error::Cancelled) => {}
                Err(error) => skipped
                    .push(Skipped { path: folder.to_string_lossy().into_owned(), reason: inference::one_line(&error) }),
            }
        }
        for skipped in skipped.iter().filter(|skipped| !self.skipped.contains(skipped)) {
            job.warn(format!("{}: {}", skipped.path, skipped.reason));
        }
        self.skipped = skipped;
        self.settle(paths)
    }

    fn settle(&mut self, paths: Vec<PathBuf>) -> Vec<Present> {
        let mut now = HashMap::new();
        let mut present = Vec::new();
        for path in paths {
            let input = Input::file(&path);
            let key = key(std::slice::from_ref(&input));
            let is_settled = self.seen.get(&path) == Some(&key);
            now.insert(path, key.clone());
            present.push(Present { input, key, is_settled });
        }
        self.seen = now;
        present
    }
}

/// The recordings that are done or may be taken, in the order of a run that finds all of them.
fn listed(folders: &[PathBuf], present: &[Present], journal: &Journal) -> (Vec<Input>, Vec<Key>) {
    let place = |path: &Path| {
        let folder = folders.iter().position(|folder| path.starts_with(folder))?;
        Some((folder, path.to_owned()))
    };
    let mut listed = BTreeMap::new();
    for key in journal.latest().values().filter(|key| key.rows.is_empty()) {
        let path = Path::new(&key.path);
        listed.extend(place(path).map(|place| (place, (Input::file(path), key.clone()))));
    }
    for Present { input, key, .. } in present.iter().filter(|present| present.is_settled) {
        listed.extend(place(&input.path).map(|place| (place, (input.clone(), key.clone()))));
    }
    listed.into_values().unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_settles_when_two_looks_find_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut folders = Folders { folders: &[], seen: HashMap::new(), skipped: Vec::new() };
        let mut look = || folders.settle(vec![path.clone()]).remove(0).is_settled;
        std::fs::write(&path, "half").unwrap();
        assert!(!look());
        std::fs::write(&path, "half and half").unwrap();
        assert!(!look(), "it has grown");
        assert!(look());
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() + Duration::from_secs(5)).unwrap();
        assert!(!look(), "another file of the same size");
        assert!(look());
    }
}
