//! Groups that seem to be one session: recordings of one place and time under several group names.

use super::findings::{Finding, Kind, Severity};
use super::form::{Session, group};
use super::measured::{Measured, Outcome};
use crate::error::Result;
use audio_io::Manifest;
use doctor::session::{SessionClip, SessionConfig, SessionPair, Sign, session_pairs};
use std::collections::BTreeMap;

/// The sessions that hold more than one group.
pub(super) fn sessions(manifest: &Manifest, outcomes: &[Outcome]) -> Result<Vec<Session>> {
    let measured: Vec<(usize, &Measured)> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(i, outcome)| Some((i, outcome.as_ref().ok().filter(|measured| measured.is_usable())?)))
        .collect();
    let clip = |(i, measured): &(usize, &'_ Measured)| {
        (manifest.rows[*i].path.clone(), measured.format.clone(), measured.raw.clone())
    };
    let owned: Vec<_> = measured.iter().map(clip).collect();
    let clips: Vec<SessionClip<'_>> =
        owned.iter().map(|(path, format, measures)| SessionClip { path, format, measures }).collect();
    let pairs = session_pairs(&clips, &SessionConfig::default())?;
    // Groups by their first row, so that their order is the manifest's.
    let mut number = BTreeMap::<&str, usize>::new();
    for row in &manifest.rows {
        let next = number.len();
        number.entry(group(row)).or_insert(next);
    }
    let name_of = |clip: usize| group(&manifest.rows[measured[clip].0]);
    let apart = |pair: &&SessionPair| name_of(pair.a) != name_of(pair.b);
    let ties: Vec<&SessionPair> = pairs.iter().filter(apart).collect();
    let joined =
        doctor::groups::groups(number.len(), ties.iter().map(|t| (number[name_of(t.a)], number[name_of(t.b)])));
    let names: BTreeMap<usize, &str> = number.iter().map(|(name, number)| (*number, *name)).collect();
    let session = |members: &Vec<usize>| {
        let inside = |name: &str| members.binary_search(&number[name]).is_ok();
        let rows = || manifest.rows.iter().filter(|row| inside(group(row)));
        let tie = |pair: &&SessionPair| {
            let (a, b) = (&manifest.rows[measured[pair.a].0].path, &manifest.rows[measured[pair.b].0].path);
            match pair.sign {
                Sign::NoiseFloor => format!("{a} and {b} have one noise floor to {:.1} dB", pair.difference_db),
                Sign::RunsOn => format!("{b} runs on where {a} ends"),
            }
        };
        Session {
            groups: members.iter().filter_map(|number| names.get(number)).map(|name| (*name).to_owned()).collect(),
            ties: ties.iter().filter(|pair| inside(name_of(pair.a))).map(tie).collect(),
            splits: rows().filter_map(|row| row.split.clone()).collect(),
            path: rows().next().map(|row| row.path.clone()).unwrap_or_default(),
        }
    };
    Ok(joined.iter().map(session).collect())
}

/// What they mean, one finding each.
pub(super) fn findings(sessions: &[Session]) -> Vec<Finding> {
    let finding = |session: &Session| {
        let tie = session.ties.first().map(String::as_str).unwrap_or_default();
        let more = match session.ties.len() {
            0 | 1 => String::new(),
            n => format!(" ({} more such pairs)", n - 1),
        };
        let crossing = session.splits.len() > 1;
        let splits = session.splits.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        let across = if crossing { format!("; they lie in {splits}") } else { String::new() };
        let severity = if crossing { Severity::Medium } else { Severity::Low };
        let evidence = format!("groups {}: {tie}{more}{across}", session.groups.join(", "));
        let suggestion = "if they are one session, give them one group, as manifest.clean.csv does";
        Finding::new(&session.path, Kind::Session, severity, evidence, suggestion)
    };
    sessions.iter().map(finding).collect()
}
