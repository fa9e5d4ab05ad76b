//! What was found, one row each, and the kinds that a caller may want a command to fail on.

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A recording that is damaged or says nothing
    Fault,
    /// The same sound twice
    Duplicate,
    /// One recording, or one sound, on both sides of a split
    Leak,
    /// Groups that seem to be one session
    Session,
    /// What tells the classes apart without hearing them
    Shortcut,
    /// A clip that is likely labelled wrongly
    Mislabel,
    /// Too little of a class to conclude from
    Balance,
}

impl Kind {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Duplicate => "duplicate",
            Self::Leak => "leak",
            Self::Session => "session",
            Self::Shortcut => "shortcut",
            Self::Mislabel => "mislabel",
            Self::Balance => "balance",
        }
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    High,
    Medium,
    Low,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// The recording; empty for one about the whole set.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// What was measured.
    pub(super) evidence: String,
    /// What to do.
    pub(super) suggestion: String,
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
    writer.into_inner().map_err(|error| anyhow::anyhow!("doctor.csv: {error}"))
}
