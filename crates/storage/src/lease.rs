//! A lock in a bucket: an object that its owner writes again and again, and that another may take over once it has not been
//! written for too long.
//!
//! Times are those of the bucket alone: how old the lock is, is the difference to an object that is written to find it out.
//! A clock of this machine that is wrong or jumps decides nothing.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::bucket::{Body, Bucket, Mode};
use crate::owned;

/// After so long without a sign of its owner, a lock is free.
const EXPIRY: Duration = Duration::from_secs(120);

/// How often the owner gives a sign.
const RENEWAL: Duration = Duration::from_secs(25);

/// A lock that this process has, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The object of a lock, and what was last written to it.
struct Held {
    folder: PathBuf,
    bucket: Arc<dyn Bucket>,
    key: String,
    version: String,
}

impl Lease {
    /// Takes the lock of a folder, whose object is `key`.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if another process has it.
    pub(crate) fn take(folder: &Path, bucket: Arc<dyn Bucket>, key: &str) -> io::Result<Self> {
        let body = owner();
        let pieces: [&[u8]; 1] = [body.as_bytes()];
        let put = |mode: Mode<'_>| bucket.put(key, Body::Pieces(&pieces), mode);
        let written = match put(Mode::Create) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let there = match bucket.head(key) {
                    // Released meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => return Err(ErrorKind::WouldBlock.into()),
                    there => there?,
                };
                // A request whose answer was lost has been sent twice: the owner is this very lease.
                if bucket.get(key, 0, there.n_bytes, &there.version).is_ok_and(|bytes| bytes == body.as_bytes()) {
                    Ok(there)
                } else {
                    let age = now(&bucket, key)?.duration_since(there.modified).unwrap_or_default();
                    if age < EXPIRY {
                        return Err(ErrorKind::WouldBlock.into());
                    }
                    tracing::warn!(folder = %folder.display(), ?age, "a lock without a living owner is taken over");
                    put(Mode::Update(&there.version))
                }
            }
            written => written,
        };
        let version = match written {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(ErrorKind::WouldBlock.into()),
            written => written?.version,
        };
        owned::regain(folder);
        let held = Held { folder: folder.to_owned(), bucket, key: key.to_owned(), version };
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut held = held;
            let mut body = body;
            while stopped.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
                body = owner();
                match held.bucket.put(&held.key, Body::Pieces(&[body.as_bytes()]), Mode::Update(&held.version)) {
                    Ok(info) => held.version = info.version,
                    Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                        if held.is_what_was_written(&body) {
                            continue;
                        }
                        owned::lose(&held.folder);
                        tracing::error!(folder = %held.folder.display(), "another process has taken over the lock");
                        return;
                    }
                    // The bucket may answer next time, well before the lock expires.
                    Err(error) => tracing::warn!(folder = %held.folder.display(), %error, "the lock was not renewed"),
                }
            }
            held.release(&body);
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Held {
    /// Whether the object is what this lease has written last: the answer to it was lost. Its version is taken over then.
    fn is_what_was_written(&mut self, body: &str) -> bool {
        let Ok(there) = self.bucket.head(&self.key) else { return false };
        let same =
            self.bucket.get(&self.key, 0, there.n_bytes, &there.version).is_ok_and(|bytes| bytes == body.as_bytes());
        if same {
            self.version = there.version;
        }
        same
    }

    fn release(&mut self, body: &str) {
        if self.is_what_was_written(body) {
            let _ = self.bucket.delete(&self.key);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The bucket's clock.
fn now(bucket: &Arc<dyn Bucket>, key: &str) -> io::Result<SystemTime> {
    let probe = format!("{key}.{}.tmp", owner().replace('\n', ""));
    match bucket.put(&probe, Body::Pieces(&[b"-"]), Mode::Create) {
        // No other process writes this name: a request whose answer was lost has been sent twice.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Asked for, since not every bucket says it when an object is written.
    let asked = bucket.head(&probe)?.modified;
    let _ = bucket.delete(&probe);
    Ok(asked)
}

/// A text that no other lease writes, and this one only once.
fn owner() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    static START: Mutex<Option<u128>> = Mutex::new(None);
    let mut start = START.lock().unwrap_or_else(PoisonError::into_inner);
    let start = start.get_or_insert_with(|| {
        // The address of a variable differs between machines that start at the same moment, too.
        let here = std::ptr::from_ref(&COUNTER).addr() as u128;
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos()) ^ (here << 64)
    });
    format!("{start:x}-{}-{}\n", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
