//! Two workers and one bucket: the second finds the folder locked, and no object is overwritten. Here the bucket is in memory; after
//! `buckets::mount()` alone, `s3://bucket/features` does the same.

use std::io::ErrorKind;
use std::path::Path;
use storage::{Durability, Existing};

fn main() -> std::io::Result<()> {
    buckets::mount();
    storage::mount("memory", std::sync::Arc::new(storage::Memory::default()));
    let folder = Path::new("memory://bucket/features");
    let lock = storage::lock_folder(folder)?;
    let refused = storage::lock_folder(folder).err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::WouldBlock));
    let shard = folder.join("shard-00000.safetensors");
    storage::place(&shard, &[b"spectrograms"], Durability::Synced, Existing::Refuse)?;
    drop(lock);
    assert_eq!(storage::read(&shard)?, b"spectrograms");
    Ok(())
}
