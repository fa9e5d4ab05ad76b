//! Answers as clips that a model can be calibrated with.

use super::file::Place;
use super::queue::Queue;
use crate::problem::{Answer, Problem};
use detections::review::{Review, header, read, settled};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The answers that stand about detections of the table, and name a class or `neither`.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// A CSV of reviews, whose recordings are full paths.
    pub(crate) csv: Vec<u8>,
    /// Its rows.
    pub(crate) n: usize,
    /// Full paths, and what the table calls the recordings.
    pub(crate) names: Vec<(String, String)>,
    /// What a client should know.
    pub(crate) notes: Vec<String>,
}

impl Answers {
    /// Of all answers, `csv`. Recordings are looked for by the table's own words alone: an answer about something else is left out.
    ///
    /// # Errors
    /// No answer that can be used.
    pub(crate) fn about(queue: &Queue, csv: &[u8]) -> Answer<Self> {
        let reviews = read(csv, "reviews").map_err(|_| Problem::internal("the answers cannot be read"))?;
        let places = queue.places();
        let mut answers = Self { csv: header().into_bytes(), ..Self::default() };
        let mut found: HashMap<String, Result<String, String>> = HashMap::new();
        let (mut n_elsewhere, mut n_only_not) = (0, 0);
        for review in settled(&reviews) {
            if !places.contains(&Place::of_review(review)) {
                n_elsewhere += 1;
                continue;
            }
            if review.label.starts_with('-') {
                n_only_not += 1;
                continue;
            }
            let place = match found.entry(review.path.clone()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let place = full_path(queue, &review.path);
                    match &place {
                        Ok(full) => answers.names.push((full.clone(), review.path.clone())),
                        Err(reason) => answers.notes.push(format!("left out: {}: {reason}", review.path)),
                    }
                    entry.insert(place)
                }
            };
            if let Ok(path) = place {
                let row = Review { path: path.clone(), ..review.clone() }.to_csv();
                answers.csv.extend(row.map_err(|_| Problem::internal("the answers cannot be read"))?);
                answers.n += 1;
            }
        }
        let mut note = |n: usize, what: &str| {
            if n > 0 {
                answers.notes.push(format!("{what}, left out: {n}"));
            }
        };
        note(n_elsewhere, "answers about other detections than the table's");
        note(n_only_not, "answers that say only what a sound is not");
        if answers.n == 0 {
            return Err(Problem::conflict(
                "no answer about the table that names a class or neither, and whose recording is there; answer some detections first",
            ));
        }
        // A path may be the beginning of another.
        answers.names.sort_by_key(|(full, _)| std::cmp::Reverse(full.len()));
        Ok(answers)
    }
}

/// The full path of a recording of the table, or why there is none.
fn full_path(queue: &Queue, path: &str) -> Result<String, String> {
    let not_there = || "the recording is not found".to_owned();
    // The reason may name folders of the server.
    let found = queue.recordings.find(Some(path)).map_err(|_| "several recordings may be meant".to_owned())?;
    let full = storage::absolute(found.ok_or_else(not_there)?).map_err(|_| not_there())?;
    full.into_os_string().into_string().map_err(|_| "its full path is not UTF-8".to_owned())
}
