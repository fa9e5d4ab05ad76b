//! What was found, in plain sentences, the gravest first.

use super::findings::Kind;
use super::form::Examination;
use audio_io::Manifest;
use doctor::Shortcut;

/// The summary of an examination.
pub(super) fn summary(found: &Examination, manifest: &Manifest) -> Vec<String> {
    let count = |kind: Kind| found.findings.iter().filter(|finding| finding.kind == kind).count();
    let mut out = vec![first(found, manifest)];
    out.extend(shortcuts(found));
    out.extend(found.leak.as_ref().map(|leak| leak.sentence.clone()));
    match count(Kind::Leak) {
        0 => out.push("No recording and no sound was found on both sides of the split.".into()),
        n => out.push(format!(
            "{} on both sides of the split: test clips are then not new to the model.",
            plural(n, "sound or group is", "sounds or groups are")
        )),
    }
    if !found.pairs.is_empty() {
        let (copies, differ) = (
            found.pairs.iter().filter(|pair| pair.copy).count(),
            found.pairs.iter().filter(|pair| pair.labels_differ).count(),
        );
        let mut text =
            format!("{} the same sound", plural(found.pairs.len(), "pair of clips holds", "pairs of clips hold"));
        text.push_str(&format!(" ({copies} whole copies, {} overlapping excerpts)", found.pairs.len() - copies));
        if differ > 0 {
            text.push_str(&format!("; {differ} of them under two labels, of which one is wrong"));
        }
        out.push(text + ".");
    }
    if !found.sessions.is_empty() {
        out.push(format!(
            "{} several groups: their recordings share a noise floor or run on into each other.",
            plural(found.sessions.len(), "session seems to hold", "sessions seem to hold")
        ));
    }
    match &found.mislabels {
        Some(labels) if labels.n_likely > 0 => out.push(format!(
            "{} likely labeled wrongly; listen to the first of the list.",
            plural(labels.n_likely, "clip is", "clips are")
        )),
        Some(_) => out.push("No label is clearly wrong.".into()),
        None => {}
    }
    if let Some(balance) = &found.balance {
        out.extend(balance.warnings.iter().cloned());
    }
    out.extend(found.not_measured.iter().cloned());
    out
}

fn first(found: &Examination, manifest: &Manifest) -> String {
    let changes = &found.changes;
    format!(
        "{} looked at; {} cannot be used, and {} of another. Statistics are of {} clips of {} from {} groups.",
        plural(manifest.rows.len(), "recording was", "recordings were"),
        changes.unusable,
        plural(changes.copies, "is a copy", "are copies"),
        found.n_clips,
        found.classes.join(", "),
        found.n_groups
    )
}

/// The shortcuts of the recordings, then what of them is left in the clips.
fn shortcuts(found: &Examination) -> Vec<String> {
    let mut out = Vec::new();
    let strongest = |shortcuts: &[Shortcut]| {
        let mut found: Vec<Shortcut> = shortcuts.iter().filter(|shortcut| shortcut.is_shortcut).cloned().collect();
        found.sort_by(|a, b| b.balanced_accuracy.value.total_cmp(&a.balanced_accuracy.value));
        found
    };
    if found.shortcuts.is_empty() {
        return out;
    }
    let raw = strongest(&found.shortcuts);
    out.extend(raw.iter().map(|shortcut| shortcut.sentence.clone()));
    if raw.is_empty() {
        out.push("No measured nuisance separates the classes.".into());
    }
    let left = strongest(&found.shortcuts_in_clips);
    let highest =
        found.shortcuts_in_clips.iter().max_by(|a, b| a.balanced_accuracy.value.total_cmp(&b.balanced_accuracy.value));
    match (left.first(), highest) {
        (Some(first), _) => out.push(format!(
            "In the clips that features are made from, {} left, the strongest with a balanced accuracy of {:.2} ({}).",
            plural(left.len(), "of these shortcuts is", "of these shortcuts are"),
            first.balanced_accuracy.value,
            first.nuisance.replace('_', " ")
        )),
        (None, Some(highest)) => out.push(format!(
            "In the clips that features are made from, no shortcut is left that this many groups would show: the most \
             that one alone gives is a balanced accuracy of {:.2} ({}; chance is {:.2}).",
            highest.balanced_accuracy.value,
            highest.nuisance.replace('_', " "),
            highest.chance
        )),
        (None, None) => {}
    }
    out
}

/// `1 clip is`, `3 clips are`.
fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
