//! What was found, one row each, and the kinds that a caller may want a command to fail on.

use crate::error::{Error, Result};
use crate::named::{Named, named};
use serde::Serialize;

named! {
    /// Kinds of findings.
    pub enum Kind {
        Fault = "fault", "A recording that is damaged or silent";
        Duplicate = "duplicate", "The same sound twice";
        Leak = "leak", "One recording, or one sound, on both sides of a split";
        Session = "session", "Groups that seem to be one session";
        Shortcut = "shortcut", "A nuisance that separates the classes by itself";
        Mislabel = "mislabel", "A clip that is likely labeled wrongly";
        Balance = "balance", "Too little of a class to conclude from";
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Figures will be wrong.
    High,
    /// Worth a look.
    Medium,
    /// Good to know.
    Low,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The recording; empty for one about the whole set.
    pub path: String,
    /// What kind of finding.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What was measured.
    pub evidence: String,
    /// What to do.
    pub suggestion: String,
}

impl Finding {
    pub(super) fn new(
        path: &str,
        kind: Kind,
        severity: Severity,
        evidence: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Self {
        Self { path: path.to_owned(), kind, severity, evidence: evidence.into(), suggestion: suggestion.into() }
    }
}

/// A row a finding: path,kind,severity,evidence,suggestion.
pub(super) fn to_csv(findings: &[Finding]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "kind", "severity", "evidence", "suggestion"])?;
    for finding in findings {
        let severity = match finding.severity {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        };
        writer.write_record([&finding.path, finding.kind.name(), severity, &finding.evidence, &finding.suggestion])?;
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}
