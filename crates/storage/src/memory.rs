//! Buckets in memory, for tests.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::bucket::{Body, Bucket, Client, Listed, Mode, ObjectInfo};
use crate::object::digest;

/// Buckets that are gone with the process, made when they are first named.
#[derive(Debug, Default)]
pub struct Memory {
    buckets: Mutex<BTreeMap<String, Arc<Objects>>>,
}

impl Client for Memory {
    fn bucket(&self, name: &str) -> io::Result<Arc<dyn Bucket>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(buckets.entry(name.to_owned()).or_default()) as Arc<dyn Bucket>)
    }
}

#[derive(Debug, Default)]
struct Objects(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, ObjectInfo)>,
    n_writes: u64,
}

impl Objects {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none(key: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("no object {key}"))
}

impl Bucket for Objects {
    fn head(&self, key: &str) -> io::Result<ObjectInfo> {
        Ok(self.state().objects.get(key).ok_or_else(|| none(key))?.1.clone())
    }

    fn get(&self, key: &str, start: u64, n: u64, version: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        let (bytes, info) = state.objects.get(key).ok_or_else(|| none(key))?;
        if info.version != version {
            return Err(ErrorKind::StaleNetworkFileHandle.into());
        }
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let wanted = bytes.get(start..).and_then(|rest| rest.get(..usize::try_from(n).ok()?));
        Ok(wanted.ok_or(ErrorKind::UnexpectedEof)?.to_vec())
    }

    fn put(&self, key: &str, body: Body<'_>, mode: Mode<'_>) -> io::Result<ObjectInfo> {
        let bytes = match body {
            Body::Pieces(pieces) => pieces.concat(),
            Body::File(path) => std::fs::read(path)?,
        };
        let mut state = self.state();
        let there = state.objects.get(key).map(|(_, info)| info.version.as_str());
        let allowed = match mode {
            Mode::Create => there.is_none(),
            Mode::Update(version) => there == Some(version),
        };
        if !allowed {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.n_writes += 1;
        let version = state.n_writes.to_string();
        let (n_bytes, sha256) = digest(Body::Pieces(&[&bytes]))?;
        let info = ObjectInfo { n_bytes, version, modified: SystemTime::now(), sha256: Some(sha256) };
        state.objects.insert(key.to_owned(), (bytes, info.clone()));
        Ok(info)
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>> {
        let start = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let mut listed: Vec<Listed> = Vec::new();
        for (key, (_, info)) in self.state().objects.range(start.clone()..) {
            let Some(rest) = key.strip_prefix(&start) else { break };
            let entry = match rest.split_once('/') {
                None => Listed::Object(rest.to_owned(), info.clone()),
                Some((folder, _)) => Listed::Folder(folder.to_owned()),
            };
            if listed.last() != Some(&entry) {
                listed.push(entry);
            }
        }
        Ok(listed)
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        self.state().objects.remove(key).map(drop).ok_or_else(|| none(key))
    }
}
