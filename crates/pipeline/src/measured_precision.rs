//! What `--precision auto` decides by: a measurement of this machine, kept in the cache of the program.

use crate::cache_folder::folder_of;
use crate::error::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Changes with what is measured.
const SCHEMA: &str = "precision/1";

/// How long a layer of the Vision Transformer takes on a machine, forward and backward, by the precision of its products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredPrecision {
    /// `precision/1`.
    schema: String,
    /// Version of barkbird that measured.
    version: String,
    /// The name of the processor.
    processor: String,
    /// The set of instructions.
    instructions: String,
    /// Threads that computed.
    threads: usize,
    /// Milliseconds in f32.
    f32_ms: f64,
    /// Milliseconds with factors of bf16.
    bf16_ms: f64,
}

impl MeasuredPrecision {
    /// That of the cache, where this version of the program has measured this kind of processor with as many threads before;
    /// else a new one, which is put there. A cache that cannot be read or written is done without.
    ///
    /// # Errors
    /// The layer cannot be computed.
    pub(crate) fn here(path: kernels::Path) -> Result<Self> {
        Self::at(path, folder_of("precision").ok().as_deref())
    }

    /// The same, kept in a folder; several kinds of machines may share it.
    fn at(path: kernels::Path, folder: Option<&Path>) -> Result<Self> {
        let [processor, instructions] = [kernels::processor(), path.to_string()];
        let threads = rayon::current_num_threads();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let is_this = |kept: &Self| {
            let expected = (SCHEMA, &version, &processor, &instructions, threads);
            (&*kept.schema, &kept.version, &kept.processor, &kept.instructions, kept.threads) == expected
        };
        let key = shard::sha256_hex(format!("{processor}\n{instructions}\n{threads}").as_bytes());
        let file = folder.map(|folder| folder.join(format!("{}.json", &key[..16])));
        let kept = file.as_ref().and_then(|file| serde_json::from_slice(&storage::read(file).ok()?).ok());
        if let Some(kept) = kept.filter(is_this) {
            return Ok(kept);
        }
        let measured = kernels::Measured::of(path).context("measuring the precision for `--precision auto`")?;
        let ms = |seconds: f64| (seconds * 1e5).round() / 100.0;
        let (f32_ms, bf16_ms) = (ms(measured.f32_s), ms(measured.bf16_s));
        let found = Self { schema: SCHEMA.into(), version, processor, instructions, threads, f32_ms, bf16_ms };
        if let Some(file) = file
            && let Err(error) = found.keep(&file)
        {
            tracing::debug!("{}: the measurement is not kept: {error:#}", file.display());
        }
        Ok(found)
    }

    /// What it decides.
    pub(crate) fn precision(&self) -> kernels::Precision {
        kernels::Measured { f32_s: self.f32_ms, bf16_s: self.bf16_ms }.precision()
    }

    fn keep(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            storage::create_dir_all(folder)?;
        }
        shard::write_atomic(file, &serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let here = || MeasuredPrecision::at(kernels::Path::detect(), Some(&folder.path().join("precision"))).unwrap();
        let first = here();
        assert!(first.f32_ms > 0.0 && first.bf16_ms > 0.0, "{first:?}");
        assert_eq!(here(), first);
        // What another version of the program has measured, or what is no measurement, counts as none.
        let file = storage::list(folder.path().join("precision")).unwrap().remove(0).name;
        let file = folder.path().join("precision").join(file);
        let other = MeasuredPrecision { version: "0.0.0".into(), f32_ms: 1e9, ..first.clone() };
        for bytes in [serde_json::to_vec(&other).unwrap(), b"{".to_vec()] {
            shard::write_atomic(&file, &bytes).unwrap();
            let again = here();
            assert_eq!((&again.version, &again.processor), (&first.version, &first.processor));
            assert!(again.f32_ms < 1e6, "{again:?}");
        }
        assert!(MeasuredPrecision::at(kernels::Path::detect(), None).is_ok());
    }

    #[test]
    fn a_decision_does_not_depend_on_the_unit() {
        let of = |f32_ms, bf16_ms| MeasuredPrecision {
            schema: String::new(),
            version: String::new(),
            processor: String::new(),
            instructions: String::new(),
            threads: 1,
            f32_ms,
            bf16_ms,
        };
        assert_eq!(of(8.0, 5.0).precision(), kernels::Precision::Bf16);
        assert_eq!(of(8.0, 7.9).precision(), kernels::Precision::F32);
    }
}
