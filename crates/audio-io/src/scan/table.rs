//! The manifest of a scan: what was measured in place of the columns of those names.

use std::io::{self, Write};
use std::path::Path;

use rayon::prelude::*;

use super::ledger::Ledger;
use super::options::MEASURED;
use super::outline::Outline;
use crate::check::FileCheck;
use crate::error::{Error, Result};
use crate::manifest::{Manifest, Rebase, Row, head, push_row};
use crate::recorder::RECORDED;

/// Rows that one thread writes at a time.
const ROWS: usize = 512;

/// Of such parts, those that are in memory at a time.
const PARTS: usize = 32;

impl Outline {
    /// Writes the manifest that the next stages use, with paths that start from the folder `new_root`.
    ///
    /// # Errors
    /// A path that is not UTF-8, a ledger that cannot be read, and what cannot be written.
    pub fn write_csv(&self, ledger: &dyn Ledger, new_root: &Path, out: &mut dyn Write) -> Result<()> {
        let rebase = Rebase::new(&self.root, new_root)?;
        let unwritable = |source: io::Error| Error::Write { path: new_root.to_owned(), source };
        let part = |(rows, files): (&[Row], &[u32])| -> Result<Vec<u8>> {
            let mut text = Vec::with_capacity(rows.len() * 400);
            for (row, file) in rows.iter().zip(files) {
                let check = ledger.check(*file)?;
                let fields = self.measured(&check, row);
                let carried = self.carried.iter().map(|(place, _)| row.extra.get(*place).unwrap_or_default());
                let extra = carried.chain(fields.iter().map(String::as_str));
                push_row(&mut text, &rebase.path(&row.path)?, row, extra);
            }
            Ok(text)
        };
        out.write_all(&head(&self.columns())).map_err(unwritable)?;
        for (rows, files) in self.rows.chunks(ROWS * PARTS).zip(self.files.chunks(ROWS * PARTS)) {
            let parts = rows.par_chunks(ROWS).zip(files.par_chunks(ROWS)).map(part);
            for text in parts.collect::<Result<Vec<_>>>()? {
                out.write_all(&text).map_err(unwritable)?;
            }
        }
        Ok(())
    }

    /// The same in memory; `checks` are those of the files.
    pub(super) fn manifest(&self, checks: &[FileCheck]) -> Manifest {
        let row = |(row, file): (&Row, &u32)| {
            let fields = self.measured(&checks[*file as usize], row);
            let carried = self.carried.iter().map(|(place, _)| row.extra.get(*place).unwrap_or_default());
            let extra = carried.chain(fields.iter().map(String::as_str)).collect();
            Row { extra, ..row.clone() }
        };
        Manifest {
            root: self.root.clone(),
            rows: self.rows.iter().zip(&self.files).map(row).collect(),
            extra_columns: self.columns(),
            ignored: self.ignored.clone(),
            skipped: self.skipped.clone(),
            warnings: self.noticed.clone(),
        }
    }

    /// Names of all columns after the known ones.
    fn columns(&self) -> Vec<String> {
        let carried = self.carried.iter().map(|(_, name)| name.as_str());
        carried.chain(MEASURED).chain(self.recorded.iter().map(|nth| RECORDED[*nth])).map(str::to_owned).collect()
    }

    /// The fields of [`MEASURED`], and those of [`RECORDED`] that some file has.
    fn measured(&self, check: &FileCheck, row: &Row) -> Vec<String> {
        let mut fields = Vec::from(measured(check));
        if !self.recorded.is_empty() {
            let recorded = check.recorded.as_ref().map(|recorded| recorded.fields(row.start_s.unwrap_or(0.0)));
            let recorded = recorded.unwrap_or_default();
            fields.extend(self.recorded.iter().map(|nth| recorded[*nth].clone()));
        }
        fields
    }
}

/// The fields of [`MEASURED`].
fn measured(check: &FileCheck) -> [String; MEASURED.len()] {
    [
        check.rate_hz.to_string(),
        check.channels.to_string(),
        format!("{:.4}", check.seconds),
        format!("{:.6}", check.peak),
        format!("{:.6}", check.rms),
        format!("{:.4}", check.clipped_share),
        format!("{:.4}", check.silent_share),
        check.sha256_file.clone(),
        check.sha256_samples.clone(),
    ]
}
