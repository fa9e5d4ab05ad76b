//! `fetch.json` in a folder that was fetched: what it is, and the checksums of its files for the next run.

use super::outcome::Outcome;
use crate::error::{Context, Error, Result};
use crate::job::Job;
use crate::observer::{Progress, Unit};
use hub::FileSum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Its name.
pub(super) const FILE: &str = "fetch.json";
/// Its version.
pub(super) const SCHEMA: &str = "fetch/1";

/// What was fetched, and what its files were.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    schema: String,
    pub(super) name: String,
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    license: String,
    citation: String,
    verified: String,
    bytes: u64,
    /// The files and their SHA-256. Others that are put beside them are nobody's business.
    files: BTreeMap<String, String>,
}

impl Record {
    /// Reads the files of `folder` and writes the record beside them.
    pub(super) fn write(outcome: &mut Outcome, folder: &Path, names: &[String], job: &Job<'_>) -> Result<()> {
        let sums = sums(folder, names, outcome.bytes, job)?;
        (outcome.files, outcome.bytes) = (sums.len(), sums.iter().map(|file| file.n_bytes).sum());
        let outcome = outcome.clone();
        let record = Self {
            schema: SCHEMA.into(),
            name: outcome.name,
            address: outcome.address,
            commit: outcome.commit,
            license: outcome.license,
            citation: outcome.citation,
            verified: outcome.verified,
            bytes: outcome.bytes,
            files: sums.into_iter().map(|file| (file.name, file.sha256.unwrap_or_default())).collect(),
        };
        let path = folder.join(FILE);
        let mut json = serde_json::to_vec_pretty(&record)?;
        json.push(b'\n');
        storage::write(&path, &json).with_context(|| format!("{}: cannot be written", path.display()))
    }

    /// That of a folder; none where there is none that can be read.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&storage::read(folder.join(FILE)).ok()?).ok()?;
        (record.schema == SCHEMA).then_some(record)
    }

    /// The first file that is not as it was.
    pub(super) fn changed(&self, folder: &Path, job: &Job<'_>) -> Result<Option<String>> {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let sums = sums(folder, &names, self.bytes, job)?;
        let changed = sums.into_iter().find(|file| file.sha256.as_ref() != self.files.get(&file.name));
        Ok(changed.map(|file| file.name))
    }

    pub(super) fn outcome(self, folder: &Path) -> Outcome {
        Outcome {
            schema: SCHEMA,
            name: self.name,
            address: self.address,
            commit: self.commit,
            license: self.license,
            citation: self.citation,
            verified: self.verified,
            folder: folder.to_owned(),
            files: self.files.len(),
            bytes: self.bytes,
            cached: true,
        }
    }
}

/// The checksums of files of about `n_bytes`.
fn sums(folder: &Path, names: &[String], n_bytes: u64, job: &Job<'_>) -> Result<Vec<FileSum>> {
    let progress = Progress::start(job.observer, "checksums", n_bytes as usize, Unit::Bytes);
    let sums = hub::sums_of_files(folder, names, &mut |n_bytes| {
        progress.set(n_bytes as usize);
        go_on(job)
    })?;
    sums.ok_or_else(|| Error::Cancelled { kept: "what is complete is kept; run again".into() })
}

/// Whether somebody has asked to stop.
pub(super) fn go_on(job: &Job<'_>) -> ControlFlow<()> {
    match job.cancel.is_cancelled() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}
