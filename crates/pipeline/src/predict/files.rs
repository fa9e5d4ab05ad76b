//! The files behind inputs, and the share of them that a part takes.

use crate::error::{Result, bail};
use inference::Input;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::time::UNIX_EPOCH;

/// Share number `index`, from 1, of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which share, from 1.
    pub index: usize,
    /// How many shares there are.
    pub count: usize,
}

/// What a file is known by: a file that has changed is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub(super) modified_ns: u64,
    /// The rows that are asked about: start, end and channel, where a manifest names them.
    pub(super) rows: String,
}

/// The recordings, each with the rows that follow each other; of a part, its recordings alone.
pub(super) struct Files<'a> {
    inputs: &'a [Input],
    rows: Vec<Range<usize>>,
    keys: Vec<Key>,
}

impl<'a> Files<'a> {
    pub(super) fn new(inputs: &'a [Input], part: Option<Part>) -> Result<Self> {
        let Part { index, count } = part.unwrap_or(Part { index: 1, count: 1 });
        if !(1..=count).contains(&index) {
            bail!("--part {index}/{count}: expected a number from 1 to {count}");
        }
        let mut rows = Vec::new();
        let mut start = 0;
        for (nth, of_file) in inputs.chunk_by(Input::is_of_same_file).enumerate() {
            if nth % count == index - 1 {
                rows.push(start..start + of_file.len());
            }
            start += of_file.len();
        }
        let keys = rows.par_iter().map(|rows| key(&inputs[rows.clone()])).collect();
        Ok(Self { inputs, rows, keys })
    }

    /// Whole recordings whose keys are known already: what is in the journal by a key may have changed since, or be gone.
    pub(super) fn of_keys(inputs: &'a [Input], keys: Vec<Key>) -> Self {
        Self { inputs, rows: (0..inputs.len()).map(|nth| nth..nth + 1).collect(), keys }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self, nth: usize) -> &'a [Input] {
        &self.inputs[self.rows[nth].clone()]
    }

    pub(super) fn key(&self, nth: usize) -> &Key {
        &self.keys[nth]
    }
}

/// The key of a recording as it is now.
pub(super) fn key(rows: &[Input]) -> Key {
    // What came through a pipe has the time at which it was kept, and so is never taken for another recording.
    let metadata = match (&rows[0].file, &rows[0].stream) {
        (Some(file), _) => file.metadata().ok().map(|metadata| (metadata.len(), metadata.modified().ok())),
        (None, Some(_)) => None,
        (None, None) => storage::metadata(&rows[0].path).ok().map(|metadata| (metadata.n_bytes, metadata.modified)),
    };
    let modified = metadata.and_then(|(_, modified)| modified?.duration_since(UNIX_EPOCH).ok());
    let modified = match rows[0].stream {
        Some(_) => std::time::SystemTime::now().duration_since(UNIX_EPOCH).ok(),
        None => modified,
    };
    let whole = rows.iter().all(|input| {
        let row = &input.row;
        row.start_s.is_none() && row.end_s.is_none() && row.channel.is_none() && row.label.is_empty()
    });
    let row = |input: &Input| {
        let row = &input.row;
        format!("{:?} {:?} {:?} {}", row.start_s, row.end_s, row.channel, row.label)
    };
    Key {
        path: rows[0].name.clone(),
        bytes: metadata.map_or(0, |(n_bytes, _)| n_bytes),
        modified_ns: modified.map_or(0, |since| since.as_nanos() as u64),
        rows: if whole && rows.len() == 1 {
            String::new()
        } else {
            rows.iter().map(row).collect::<Vec<_>>().join("; ")
        },
    }
}
