//! Where a table comes from.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;

/// What made a table, so that its rows can be explained and computed again. [`Format::has_provenance`](crate::Format::has_provenance)
/// says which tables hold it; others need a file beside them, [`write_json`](Self::write_json).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The program and its version, such as `barkbird 0.2.0`.
    pub program: String,
    /// The model, by a name or path that its user knows.
    pub model: String,
    /// SHA-256 of the model's file, in hexadecimal.
    pub model_sha256: String,
    /// What was asked for: keys and values of flags or configuration.
    pub settings: BTreeMap<String, String>,
}

impl Provenance {
    /// Writes it as one JSON object with a line a key, for a file beside a table.
    ///
    /// # Errors
    /// A destination that cannot be written to.
    pub fn write_json(&self, mut out: impl Write) -> Result<()> {
        serde_json::to_writer_pretty(&mut out, self).map_err(std::io::Error::from)?;
        out.write_all(b"\n").map_err(Error::Write)
    }

    /// The name of the file beside a table that holds this: the table's own with `.json` after it.
    pub fn file_name(table: &str) -> String {
        format!("{table}.json")
    }

    /// Names and values of columns that hold it; all settings are in one cell.
    pub(crate) fn cells(&self) -> [String; 4] {
        let settings = self.settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("; ");
        [self.program.clone(), self.model.clone(), self.model_sha256.clone(), settings]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_a_table() {
        let provenance = Provenance {
            program: "barkbird 0.2.0".into(),
            settings: BTreeMap::from([("alpha".into(), "0.05".into())]),
            ..Provenance::default()
        };
        let mut out = Vec::new();
        provenance.write_json(&mut out).unwrap();
        let expected = "{\n  \"program\": \"barkbird 0.2.0\",\n  \"model\": \"\",\n  \"model_sha256\": \"\",\n  \
            \"settings\": {\n    \"alpha\": \"0.05\"\n  }\n}\n";
        assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
        assert_eq!(serde_json::from_slice::<Provenance>(&out).unwrap(), provenance);
        assert_eq!(Provenance::file_name("night.txt"), "night.txt.json");
    }
}
