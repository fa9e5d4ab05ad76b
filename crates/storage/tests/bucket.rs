//! Files of a bucket, by the functions that files of a disk have.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use storage::{AppendFile, AtomicFile, Body, Client, Durability, Existing, Kind, Memory, Mode, Settings};

/// A bucket of its own for each test.
fn bucket(name: &str) -> PathBuf {
    drop(memory());
    PathBuf::from(format!("memory://{name}"))
}

/// All buckets of these tests.
fn memory() -> Arc<Memory> {
    static MEMORY: OnceLock<Arc<Memory>> = OnceLock::new();
    let memory = MEMORY.get_or_init(|| {
        let cache = std::env::temp_dir().join(format!("barkbird-test-{}", std::process::id()));
        storage::settle(Settings { cache, cache_bytes: 100_000_000 });
        let memory = Arc::new(Memory::default());
        storage::mount("memory", Arc::clone(&memory) as Arc<dyn Client>);
        memory
    });
    Arc::clone(memory)
}

#[test]
fn what_is_written_is_read_listed_and_removed() {
    let root = bucket("listed");
    storage::write(root.join("run/metrics.json"), b"{}").unwrap();
    storage::write(root.join("run/deep/a.csv"), b"a,b").unwrap();
    storage::write(root.join("running"), b"x").unwrap();
    let names = |folder: &Path| -> Vec<(String, Kind)> {
        storage::list(folder).unwrap().into_iter().map(|e| (e.name.into_string().unwrap(), e.kind)).collect()
    };
    assert_eq!(names(&root), [("run".into(), Kind::Folder), ("running".into(), Kind::File)]);
    assert_eq!(names(&root.join("run")), [("deep".into(), Kind::Folder), ("metrics.json".into(), Kind::File)]);
    assert!(storage::is_dir(root.join("run")) && storage::is_file(root.join("running")));
    assert!(!storage::exists(root.join("ru")) && storage::is_dir(&root));
    assert_eq!(storage::read_to_string(root.join("run/deep/a.csv")).unwrap(), "a,b");
    storage::remove_file(root.join("running")).unwrap();
    assert_eq!(storage::read(root.join("running")).unwrap_err().kind(), ErrorKind::NotFound);
    storage::remove_dir_all(root.join("run")).unwrap();
    assert!(storage::list(&root).unwrap().is_empty());
    assert!(storage::is_empty_folder(&root.join("none")).unwrap());
}

#[test]
fn a_large_object_is_read_in_blocks_forwards_and_backwards() {
    let path = bucket("large").join("night.wav");
    let bytes: Vec<u8> = (0..9_500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(&bytes).unwrap();
    assert!(!storage::exists(&path), "not before it is whole");
    file.commit().unwrap();
    assert!(storage::read(&path).unwrap() == bytes);
    let mut file = storage::open(&path).unwrap();
    let mut all = Vec::new();
    file.read_to_end(&mut all).unwrap();
    assert!(all == bytes);
    for at in [9_499_990_u64, 4_194_300, 8_388_600, 0] {
        file.seek(SeekFrom::Start(at)).unwrap();
        let mut part = [0; 10];
        file.read_exact(&mut part).unwrap();
        assert_eq!(part, bytes[at as usize..][..10]);
    }
    // One that is replaced meanwhile is read as it was opened, from the blocks on disk.
    let other = storage::open(&path).unwrap();
    storage::write(&path, &bytes[..9_400_000]).unwrap();
    let mut part = [0; 10];
    other.read_exact_at(0, &mut part).unwrap();
    assert_eq!(part, bytes[..10]);
    assert!(storage::read(&path).unwrap() == bytes[..9_400_000]);
}

#[test]
fn two_workers_never_overwrite_each_other() {
    let root = bucket("workers");
    let place =
        |name: &str, bytes: &[u8], existing| storage::place(&root.join(name), &[bytes], Durability::Synced, existing);
    // Another process: the same objects without this crate's memory of what it has written.
    let objects = memory().bucket("workers").unwrap();
    let theirs = |bytes: &[u8], key: &str| {
        let there = objects.head(key);
        let mode = there.as_ref().map_or(Mode::Create, |info| Mode::Update(&info.version));
        objects.put(key, Body::Pieces(&[bytes]), mode).unwrap();
    };
    theirs(b"theirs", "shard");
    let error = place("shard", b"ours", Existing::Refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(storage::read(root.join("shard")).unwrap(), b"theirs");
    place("shard", b"theirs", Existing::Refuse).unwrap();
    // Results of before are replaced; what another has replaced meanwhile is not.
    theirs(b"old", "metrics");
    place("metrics", b"new", Existing::Replace).unwrap();
    place("metrics", b"newer", Existing::Replace).unwrap();
    theirs(b"theirs", "metrics");
    assert!(place("metrics", b"newest", Existing::Replace).unwrap_err().to_string().contains("another process"));
    assert_eq!(storage::read(root.join("metrics")).unwrap(), b"theirs");
}

#[test]
fn a_second_writer_of_a_folder_or_a_journal_is_refused() {
    let root = bucket("locked");
    let run = root.join("run");
    let lock = storage::lock_folder(&run).unwrap();
    assert_eq!(storage::lock_folder(&run).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(storage::is_empty_folder(&run).unwrap());
    drop(lock);
    drop(storage::lock_folder(&run).unwrap());
    assert!(!storage::exists(&run), "nothing stays behind");

    let path = root.join("table.journal");
    let mut journal = AppendFile::open(&path).unwrap();
    assert_eq!(AppendFile::open(&path).unwrap_err().kind(), ErrorKind::WouldBlock);
    journal.write_from(0, b"one\ntwo\nthr").unwrap();
    journal.write_from(8, b"three\n").unwrap();
    journal.sync().unwrap();
    drop(journal);
    let mut again = AppendFile::open(&path).unwrap();
    let mut text = String::new();
    again.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\ntwo\nthree\n");
    drop(again);
    assert_eq!(storage::list(&root).unwrap().len(), 1, "the journal alone");
}

#[test]
fn an_unknown_client_says_what_to_do() {
    let error = storage::read(Path::new("s3://bucket/a")).unwrap_err();
    assert!(error.to_string().contains("feature `buckets`"), "{error}");
    assert!(!storage::exists(Path::new("s3://bucket/a")));
}
