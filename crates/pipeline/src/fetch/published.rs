//! A published file or archive becomes a folder.

use super::catalog::{Esc50, Form, Published};
use super::options::Options;
use super::outcome::Outcome;
use super::record::{Record, SCHEMA, go_on};
use super::work::{beside, clear};
use crate::download::Download;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::observer::{Progress, Unit};
use crate::output;
use hub::{Archive, Contents, Limits, WebFile};
use std::collections::BTreeSet;
use std::path::Path;

const TABLE: &str = "meta/esc50.csv";
const RECORDINGS: &str = "audio";
/// What of the archive is kept beside the recordings and their table.
const ALSO: [&str; 2] = ["LICENSE", "README.md"];
/// Bytes that an archive of recordings may have, packed and unpacked, and a model.
const MOST_ARCHIVE_BYTES: u64 = 2 << 30;
/// Bytes of a table at most.
const MOST_TABLE_BYTES: u64 = 16 << 20;

pub(super) fn fetch(published: &Published, options: &Options, job: &Job<'_>) -> Result<Outcome> {
    if options.revision.is_some() || options.pickles {
        bail!("{}: --revision and --pickles are for repositories of the hub", published.name);
    }
    if options.sha256.is_some() && options.mirror.is_none() {
        bail!("--sha256: the checksum of the published file is known; it is for --mirror");
    }
    let out = options.out.clone().map_or_else(|| published.usual_folder(), Ok)?;
    if storage::Location::of(&out).is_remote() {
        bail!("{}: expected a folder of this machine; copy it into the bucket then", out.display());
    }
    if let Some(found) = there(published, &out, options, job)? {
        return Ok(found);
    }
    let address = options.mirror.as_ref().unwrap_or(&published.url);
    let verified = match &options.sha256 {
        Some(sha256) => format!("the SHA-256 of the file is {sha256}, as was asked for"),
        None => published.verified.clone(),
    };
    job.say(format!("{}: {}", published.name, published.what));
    job.say(format!("  from {address}, about {:.0} MB", published.n_bytes as f64 / 1e6));
    job.say(format!("  license: {}", published.license));
    job.say(format!("  cite: {}", published.citation));
    job.say(format!("  verified: {verified}"));
    job.say(format!("  into {}", out.display()));

    let work = beside(&out);
    let lock = output::folder(&work)?;
    let outcome = Outcome {
        schema: SCHEMA,
        name: published.name.clone(),
        address: address.clone(),
        commit: None,
        license: published.license.clone(),
        citation: published.citation.clone(),
        verified,
        folder: out.clone(),
        files: 0,
        bytes: 0,
        cached: false,
    };
    let outcome = match &published.form {
        Form::Model { file, sha256 } => model(file, sha256, &work, outcome, options, job)?,
        Form::Esc50(data) => recordings(data, &work, outcome, options, job)?,
    };
    drop(lock);
    clear(&work)?;
    Ok(outcome)
}

/// What was fetched before, if it is as it was.
fn there(published: &Published, out: &Path, options: &Options, job: &Job<'_>) -> Result<Option<Outcome>> {
    let is_empty = storage::is_empty_folder(out).with_context(|| format!("{}: cannot be read", out.display()))?;
    if is_empty {
        return Ok(None);
    }
    let Some(record) = Record::of(out).filter(|record| record.name == published.name) else {
        // A model is a file more in a folder: others may be there, of another name.
        let is_free = matches!(&published.form, Form::Model { file, .. } if !storage::exists(out.join(file)));
        if is_free {
            return Ok(None);
        }
        bail!(
            "{}: there already, and not from `barkbird fetch {}`: name another folder (--out)",
            out.display(),
            published.name
        );
    };
    if options.overwrite {
        return Ok(None);
    }
    if let Some(file) = record.changed(out, job)? {
        bail!("{}: changed since it was fetched; fetch it again with --overwrite", out.join(file).display());
    }
    job.say(format!("{}: fetched before and as it was then; nothing to do", out.display()));
    Ok(Some(record.outcome(out)))
}

/// Downloads to `to`; goes on with what an earlier run has left.
fn download(address: &str, sha256: Vec<String>, most_bytes: u64, to: &Path, job: &Job<'_>) -> Result<()> {
    let file = WebFile::new(address, sha256, most_bytes);
    let told = std::cell::RefCell::new(Download::new(job));
    hub::download(&file, to, &|progress| {
        told.borrow_mut().tell(&progress);
        go_on(job)
    })?;
    Ok(())
}

/// A model's file, in its folder.
fn model(
    file: &str,
    sha256: &str,
    work: &Path,
    mut outcome: Outcome,
    options: &Options,
    job: &Job<'_>,
) -> Result<Outcome> {
    let sha256 = options.sha256.clone().unwrap_or_else(|| sha256.to_owned());
    let (at, out) = (work.join(file), outcome.folder.clone());
    download(&outcome.address, vec![sha256], MOST_ARCHIVE_BYTES, &at, job)?;
    // A model that this version cannot use is no use in the cache.
    models_cnn::yamnet_weights(&storage::read(&at)?, &at)?;
    storage::create_dir_all(&out).with_context(|| format!("{}: cannot be written", out.display()))?;
    let placed = out.join(file);
    storage::place_file(&at, &placed).with_context(|| format!("{}: cannot be written", placed.display()))?;
    Record::write(&mut outcome, &out, &[file.to_owned()], job)?;
    Ok(outcome)
}

/// The recordings of an archive, and their table.
fn recordings(data: &Esc50, work: &Path, mut outcome: Outcome, options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let (packed, new, out) = (work.join("archive.zip"), work.join("unpacked"), outcome.folder.clone());
    let sha256 = options.sha256.iter().cloned().collect();
    download(&outcome.address, sha256, MOST_ARCHIVE_BYTES, &packed, job)?;
    let mut archive = Archive::open(&packed, &Limits::recordings(MOST_ARCHIVE_BYTES))?;
    let published = archive.bytes_of(TABLE, MOST_TABLE_BYTES)?;
    let published = published.with_context(|| format!("{}: no {TABLE}: not an archive of ESC-50", outcome.address))?;
    if options.sha256.is_none() && shard::sha256_hex(&published) != data.table_sha256 {
        bail!("{}: {TABLE} is not the published one: check the address (--mirror)", outcome.address);
    }
    let (table, names) = kept(&published, data.only_esc10).with_context(|| format!("{}: {TABLE}", outcome.address))?;
    let is_recording = |file: &str| file.strip_prefix("audio/").is_some_and(|name| names.contains(name));
    let is_wanted = |file: &str| is_recording(file) || ALSO.contains(&file);
    if storage::exists(&new) {
        storage::remove_dir_all(&new)?;
    }
    let found: Vec<u64> = archive.files().filter(|(file, _)| is_recording(file)).map(|(_, n_bytes)| n_bytes).collect();
    if found.len() != names.len() {
        bail!("{}: {TABLE} has {} recordings, and {} of them are there", outcome.address, names.len(), found.len());
    }
    let n_bytes = found.iter().sum();
    let unpacking = Progress::start(job.observer, "unpacking", n_bytes as usize, Unit::Bytes);
    archive.unpack(&new, &is_wanted, &mut |n_bytes| {
        unpacking.set(n_bytes as usize);
        go_on(job)
    })?;
    drop(unpacking);
    storage::create_dir_all(new.join("meta"))?;
    storage::write(new.join(TABLE), &table)?;
    if options.sha256.is_none() {
        verify(data, &new, n_bytes, job)?;
    }
    outcome.bytes = n_bytes;
    Record::write(&mut outcome, &new, &hub::files_below(&new)?, job)?;
    hub::place_folder(&new, &out)?;
    Ok(outcome)
}

/// Compares recordings and table with the published checksums.
fn verify(data: &Esc50, folder: &Path, n_bytes: u64, job: &Job<'_>) -> Result<()> {
    let contents = Contents {
        folder: RECORDINGS.into(),
        n_files: data.n_recordings,
        list_sha256: data.md5s_sha256.clone(),
        files: vec![(TABLE.into(), data.kept_table_sha256.clone())],
    };
    let verifying = Progress::start(job.observer, "verifying", n_bytes as usize, Unit::Bytes);
    let verified = contents.verify(folder, &mut |n_bytes| {
        verifying.set(n_bytes as usize);
        go_on(job)
    })?;
    match verified {
        Some(()) => Ok(()),
        None => Err(crate::Error::Cancelled { kept: "the archive is kept; run again to unpack it".into() }),
    }
}

/// The rows of a table that are kept, as they are, and their recordings.
fn kept(table: &[u8], only_esc10: bool) -> Result<(Vec<u8>, BTreeSet<String>)> {
    let mut reader = csv::ReaderBuilder::new().from_reader(table);
    let headers = reader.headers()?.clone();
    let column =
        |name: &str| headers.iter().position(|header| header == name).with_context(|| format!("no column {name}"));
    let (filename, esc10) = (column("filename")?, column("esc10")?);
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(&headers)?;
    let mut names = BTreeSet::new();
    for row in reader.records() {
        let row = row?;
        if only_esc10 && row.get(esc10) != Some("True") {
            continue;
        }
        names.insert(row.get(filename).unwrap_or_default().to_owned());
        writer.write_record(&row)?;
    }
    let kept = writer.into_inner().map_err(|error| crate::Error::Invalid(error.to_string()))?;
    Ok((if only_esc10 { kept } else { table.to_vec() }, names))
}
