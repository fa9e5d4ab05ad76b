//! Files of a repository of the Hugging Face hub.

use super::options::Options;
use super::outcome::Outcome;
use super::record::{FILE, Record, SCHEMA, go_on};
use super::work::{beside, clear};
use crate::download::Download;
use crate::error::{Result, bail};
use crate::job::Job;
use crate::output;
use hub::{RepoKind, Source};
use std::path::Path;

/// Ends of names of formats that can run code when they are read.
const PICKLES: [&str; 8] = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy"];

const CARD: &str = "README.md";

pub(super) fn fetch(name: &str, is_dataset: bool, options: &Options, job: &Job<'_>) -> Result<Outcome> {
    if options.sha256.is_some() {
        bail!("--sha256: a hub gives the checksum of each file; it is for files of the catalog");
    }
    let mut source = Source::from_environment(name, None)?;
    source.kind = if is_dataset { RepoKind::Dataset } else { RepoKind::Model };
    source.revision = options.revision.clone().unwrap_or(source.revision);
    source.endpoint = options.mirror.clone().unwrap_or(source.endpoint);
    let told = std::cell::RefCell::new(Download::new(job));
    let on_progress = |progress: hub::Progress<'_>| {
        told.borrow_mut().tell(&progress);
        go_on(job)
    };
    let listing = hub::list_repository(&source, &on_progress)?;
    // All files are of one commit, even if the branch moves meanwhile.
    source.revision = listing.commit.clone();
    let is_pickle = |file: &str| PICKLES.iter().any(|end| file.to_lowercase().ends_with(end));
    let is_wanted = |file: &str| options.pickles || !is_pickle(file);
    let license = match listing.files.iter().any(|file| file.name == CARD) {
        true => license_of(&storage::read_to_string(hub::fetch(&source, CARD, &on_progress)?)?),
        false => None,
    };
    let kind = if is_dataset { "data set" } else { "model" };
    let path = if is_dataset { "datasets/" } else { "" };
    let address = format!("{}/{path}{name}", source.endpoint.trim_end_matches('/'));
    let wanted: Vec<_> = listing.files.iter().filter(|file| is_wanted(&file.name)).collect();
    let size = wanted.iter().try_fold(0, |sum, file| Some(sum + file.n_bytes?));
    let size = size.map_or_else(String::new, |n_bytes| format!(", {:.1} MB", n_bytes as f64 / 1e6));
    let license = license.unwrap_or_else(|| "not stated on its page: ask its authors before you use it".into());
    job.say(format!("hf:{path}{name}: {kind} of the hub, commit {}", listing.commit));
    job.say(format!("  from {address}, {} files{size}", wanted.len()));
    job.say(format!("  license: {license}"));
    job.say("  verified: the SHA-256 or git SHA-1 of each file is the hub's");
    match listing.files.len() - wanted.len() {
        0 => {}
        n => job.say(format!(
            "  left out: {n} files of formats that can run code when they are read ({}, ...); --pickles fetches them",
            listing.files.iter().find(|file| !is_wanted(&file.name)).map_or("", |file| file.name.as_str())
        )),
    }
    let into = options.out.as_deref().unwrap_or(&source.cache);
    job.say(format!("  into {}", into.display()));
    let snapshot = hub::fetch_repository(&source, &is_wanted, &on_progress)?;
    let names: Vec<&str> = wanted.iter().map(|file| file.name.as_str()).collect();
    let mut outcome = Outcome {
        schema: SCHEMA,
        name: format!("hf:{path}{name}"),
        address,
        commit: Some(snapshot.commit.clone()),
        license,
        citation: String::new(),
        verified: "the SHA-256 or git SHA-1 of each file is the hub's".into(),
        folder: snapshot.folder.clone(),
        files: names.len(),
        bytes: hub::bytes_of_files(&snapshot.folder, &names)?,
        cached: false,
    };
    if let Some(out) = &options.out {
        outcome.folder.clone_from(out);
        outcome = copied(&snapshot.folder, &names, out, outcome, options, job)?;
    }
    Ok(outcome)
}

/// Copies files out of the hub's cache.
fn copied(
    snapshot: &Path,
    names: &[&str],
    out: &Path,
    mut outcome: Outcome,
    options: &Options,
    job: &Job<'_>,
) -> Result<Outcome> {
    if storage::Location::of(out).is_remote() {
        bail!("{}: expected a folder of this machine; copy it into the bucket then", out.display());
    }
    if names.contains(&FILE) {
        bail!("{}: the repository has a {FILE} of its own; take it from {}", out.display(), snapshot.display());
    }
    if !storage::is_empty_folder(out)? {
        let record = Record::of(out).filter(|record| record.name == outcome.name);
        let Some(record) = record else {
            bail!("{}: there already, and not this repository: name another folder (--out)", out.display());
        };
        let is_same = record.commit == outcome.commit && record.changed(out, job)?.is_none();
        if is_same {
            job.say(format!("{}: fetched before and as it was then; nothing to do", out.display()));
            return Ok(record.outcome(out));
        }
        if !options.overwrite {
            bail!("{}: changed since it was fetched, or of another commit; --overwrite replaces it", out.display());
        }
    }
    let work = beside(out);
    let lock = output::folder(&work)?;
    let new = work.join("copied");
    hub::copy_files(snapshot, names, &new, &|| go_on(job))?;
    let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Record::write(&mut outcome, &new, &owned, job)?;
    hub::place_folder(&new, out)?;
    drop(lock);
    clear(&work)?;
    Ok(outcome)
}

/// The license that a card states in the YAML at its beginning.
fn license_of(card: &str) -> Option<String> {
    let mut lines = card.lines();
    let front = (lines.next()? == "---").then_some(lines)?.take_while(|line| *line != "---");
    let license = front.filter_map(|line| line.strip_prefix("license:")).next()?;
    let license = license.trim().trim_matches(['"', '\'']);
    let is_plain = license.chars().all(|c| c.is_ascii_graphic() || c == ' ') && license.len() <= 80;
    (is_plain && !license.is_empty()).then(|| license.to_owned())
}

#[cfg(test)]
mod tests {
    use super::license_of;

    #[test]
    fn the_license_is_that_of_the_card() {
        assert_eq!(license_of("---\ntags: [a]\nlicense: cc-by-4.0\n---\nlicense: mit\n").unwrap(), "cc-by-4.0");
        assert_eq!(license_of("---\nlicense: \"mit\"\n---\n").unwrap(), "mit");
        for none in [
            "",
            "license: mit",
            "---\ntags: a\n---\nlicense: mit",
            "---\nlicense:\n- mit\n---",
            "---\nlicense: \u{1b}[31m\n---",
        ] {
            assert_eq!(license_of(none), None, "{none:?}");
        }
    }
}
