//! Everything that is concluded from what was measured, as doctor.json has it.

use super::clean::{Cleaned, clean};
use super::findings::{Finding, Kind, Severity};
use super::form::{Doubt, Examination, Labels};
use super::measured::Outcome;
use super::set::Set;
use super::{same, sessions};
use crate::error::Result;
use crate::job::Job;
use crate::one_line;
use audio_io::Manifest;
use doctor::fault::Fault;
use doctor::{Balance, CrossValidation, MislabelConfig, Suspect, Truth, balance, leak, out_of_fold, rank};

/// Examines what was measured. `n_suspects` is how many doubtful labels are listed.
pub(super) fn examine(
    manifest: &Manifest,
    outcomes: &[Outcome],
    classes: &[String],
    config: &CrossValidation,
    n_suspects: usize,
    job: &Job<'_>,
) -> Result<(Examination, Cleaned)> {
    let pairs = same::pairs(manifest, outcomes)?;
    let copies = same::copies(&pairs, outcomes);
    let sessions = sessions::sessions(manifest, outcomes)?;
    let cleaned = clean(manifest, outcomes, &copies, &pairs, &sessions);
    let mut findings = faults(manifest, outcomes);
    findings.extend(same::findings(&pairs, manifest, &copies));
    findings.extend(same::crossing(manifest));
    findings.extend(sessions::findings(&sessions));
    let mut out = Examination {
        n_rows: manifest.rows.len(),
        classes: classes.to_vec(),
        n_clips: 0,
        n_groups: 0,
        summary: Vec::new(),
        not_measured: Vec::new(),
        shortcuts: Vec::new(),
        shortcuts_in_clips: Vec::new(),
        leak: None,
        mislabels: None,
        balance: amounts(manifest, outcomes, &cleaned, classes),
        pairs,
        sessions,
        changes: cleaned.changes.clone(),
        findings,
    };
    match Set::new(manifest, outcomes, &cleaned, classes) {
        Ok((set, single)) => {
            for class in &single {
                out.not_measured.push(format!(
                    "{class} has a single group (recording or session): what is typical of the class cannot be distinguished from \
                     what is typical of that recording, so the class is left out of shortcuts, leak and labels."
                ));
            }
            statistics(&mut out, &set, config, n_suspects, job)?;
        }
        Err(error) => out.not_measured.push(format!(
            "Shortcuts, leak and labels cannot be measured ({}): at least two classes with two groups each are needed.",
            one_line(&error)
        )),
    }
    conclude(&mut out);
    Ok((out, cleaned))
}

/// What takes a classifier to find out.
fn statistics(out: &mut Examination, set: &Set<'_>, config: &CrossValidation, n: usize, job: &Job<'_>) -> Result<()> {
    let truth = &set.truth;
    out.classes.clone_from(&truth.classes);
    (out.n_clips, out.n_groups) = (truth.n_clips(), truth.n_groups);
    let (clips, groups) = (truth.n_clips(), truth.n_groups);
    job.say(format!("looking for shortcuts, leaks and wrong labels in {clips} clips of {groups} groups"));
    [out.shortcuts, out.shortcuts_in_clips] = set.shortcuts(config)?;
    let content = set.content()?;
    out.leak = Some(leak(&content, truth, config)?);
    let ranked = rank(&out_of_fold(&content, truth, config)?, &content, truth, &MislabelConfig::default())?;
    let doubt = |suspect: &Suspect| Doubt {
        row: set.rows[suspect.clip],
        path: set.row[suspect.clip].path.clone(),
        label: truth.classes[suspect.given].clone(),
        suggested: truth.classes[suspect.suggested].clone(),
        suspect: suspect.clone(),
    };
    out.mislabels = Some(Labels {
        n_likely: ranked.n_likely,
        ranked: ranked.ranked.iter().take(n.max(ranked.n_likely)).map(doubt).collect(),
        thresholds: ranked.thresholds,
        counts: ranked.counts,
    });
    Ok(())
}

/// How much there is of every class, what is left out by the statistics included.
fn amounts(manifest: &Manifest, outcomes: &[Outcome], cleaned: &Cleaned, classes: &[String]) -> Option<Balance> {
    let rows = (0..manifest.rows.len()).filter(|i| cleaned.kept[*i] && classes.contains(&manifest.rows[*i].label));
    let rows: Vec<usize> = rows.collect();
    let labels: Vec<&str> = rows.iter().map(|i| manifest.rows[*i].label.as_str()).collect();
    let groups: Vec<&str> = rows.iter().map(|i| cleaned.groups[*i].as_str()).collect();
    let seconds: Vec<f64> =
        rows.iter().map(|i| outcomes[*i].as_ref().map_or(0.0, |measured| measured.raw.seconds)).collect();
    let splits: Vec<String> = rows.iter().map(|i| manifest.rows[*i].split.clone().unwrap_or_default()).collect();
    Some(balance(&Truth::new(&labels, &groups).ok()?, &seconds, &splits))
}

fn faults(manifest: &Manifest, outcomes: &[Outcome]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (row, outcome) in manifest.rows.iter().zip(outcomes) {
        let faults = match outcome {
            Ok(measured) => &measured.faults[..],
            Err(fault) => std::slice::from_ref(fault),
        };
        for fault in faults {
            let severity = match fault.severity {
                doctor::fault::Severity::Unusable => Severity::High,
                doctor::fault::Severity::Warning => Severity::Medium,
                doctor::fault::Severity::Note => Severity::Low,
            };
            let evidence = format!("{}: {}", fault_name(fault), fault.evidence);
            findings.push(Finding::new(&row.path, Kind::Fault, severity, evidence, fault.suggestion.as_str()));
        }
    }
    findings
}

/// The kind of a fault as JSON has it: `dead-channel`.
fn fault_name(fault: &Fault) -> String {
    serde_json::to_value(fault.kind).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// Findings about the whole set, and about single labels.
fn conclude(out: &mut Examination) {
    let where_seen = [("in the recordings", &out.shortcuts), ("in the clips", &out.shortcuts_in_clips)];
    for (place, shortcuts) in where_seen {
        for shortcut in shortcuts.iter().filter(|shortcut| shortcut.is_shortcut) {
            let severity = match (shortcut.audible, place) {
                (true, "in the clips") => Severity::High,
                (true, _) => Severity::Medium,
                (false, _) => Severity::Low,
            };
            let evidence = format!("{} {place}: {}", shortcut.nuisance, shortcut.sentence);
            out.findings.push(Finding::new("", Kind::Shortcut, severity, evidence, cure(&shortcut.nuisance)));
        }
    }
    for doubt in out.mislabels.iter().flat_map(|labels| &labels.ranked).filter(|doubt| doubt.suspect.likely) {
        let evidence = format!(
            "labeled {}, sounds like {}: probability {:.2} for the label, {:.2} of the clips most alike have another",
            doubt.label, doubt.suggested, doubt.suspect.p_given, doubt.suspect.neighbors_against
        );
        let suggestion = format!("listen; is it {}?", doubt.suggested);
        out.findings.push(Finding::new(&doubt.path, Kind::Mislabel, Severity::Medium, evidence, suggestion));
    }
    for warning in out.balance.iter().flat_map(|balance| &balance.warnings) {
        let suggestion = "record more, in more places; report intervals";
        out.findings.push(Finding::new("", Kind::Balance, Severity::Medium, warning, suggestion));
    }
    out.findings.sort_by_key(|finding| finding.severity);
}

/// What to do about a nuisance that separates the classes.
fn cure(nuisance: &str) -> &'static str {
    match nuisance {
        "sample_rate" | "bandwidth" | "noise_floor" | "bandwidth_and_noise_floor" => {
            "train on views of many bands and noises (`augment --augment strong`), measure what the model leans on \
             (`evaluate --equalized`), and record both classes in the same places"
        }
        "level" | "peak" => "set the level of every clip (clip.level), and vary it in training",
        "length" | "silence" => "cut clips to one length, and do not fill them with silence",
        "format" | "bit_depth" | "channels" => "bring all recordings to one format, from the least to the best of them",
        _ => "take both classes from each source, or test on recordings from elsewhere",
    }
}
