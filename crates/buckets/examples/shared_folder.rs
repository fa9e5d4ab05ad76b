//! Two workers and one bucket, here one in memory: the second finds the folder locked, and no object is overwritten.

use std::io::ErrorKind;
use std::path::Path;
use storage::{Durability, Existing};

fn main() -> std::io::Result<()> {
    buckets::mount();
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
