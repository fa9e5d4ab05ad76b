//! The same lines for a file and for an object of a bucket, here one in memory.

use std::path::Path;
use std::sync::Arc;

fn main() -> std::io::Result<()> {
    storage::mount("memory", Arc::new(storage::Memory::default()));
    let folder = std::env::temp_dir().join(format!("barkbird-example-{}", std::process::id()));
    for place in [folder.as_path(), Path::new("memory://bucket/results")] {
        let lock = storage::lock_folder(place)?;
        let path = place.join("metrics.json");
        storage::write(&path, b"{\"accuracy\": 0.9}")?;
        assert_eq!(storage::read_to_string(&path)?, "{\"accuracy\": 0.9}");
        assert!(storage::lock_folder(place).is_err(), "one writer a folder");
        drop(lock);
        assert_eq!(storage::list(place)?.len(), 1);
        storage::remove_dir_all(place)?;
    }
    Ok(())
}
