//! The page: the summary, the figures, and the clips to listen to.

use super::findings::{Finding, Kind};
use super::form::{Doubt, Examination};
use crate::error::Result;
use crate::exhibit::exhibit;
use crate::job::Job;
use audio_io::Manifest;
use doctor::{Balance, Shortcut};
use inference::Chain;
use rayon::prelude::*;
use report::{Findings, LineFigure, Section, SoundCard, Table};

/// Rows of a table at most; doctor.csv has all of them.
const MAX_ROWS: usize = 200;
/// Clips whose pictures and sounds are made at a time.
const BLOCK: usize = 8;
/// Bytes of a page for a byte of a picture or sound (base64).
const BASE64: f64 = 4.0 / 3.0;

/// What the page is made from besides the examination.
pub(super) struct Sources<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) chain: &'a Chain,
    /// Bytes that pictures and sounds may take.
    pub(super) n_bytes: f64,
}

/// Fills in the page.
pub(super) fn page(title: String, found: &Examination, sources: &Sources<'_>, job: &Job<'_>) -> Result<String> {
    let clip = &sources.chain.clip;
    let mut clips = format!(
        "Measured in the clips that features are made from: {} Hz, {:?} level, {:?} window of {} s",
        clip.sample_rate_hz, clip.level, clip.window.placement, clip.window.seconds
    );
    if let Some([low, high]) = clip.equalize.band_hz {
        clips.push_str(&format!(", band {low} to {high} Hz"));
    }
    if let Some([weak_db, loud_db]) = clip.equalize.floor_db {
        clips.push_str(&format!(", noise {loud_db} to {weak_db} dB under the peak"));
    }
    clips.push('.');
    let sections = [
        shortcuts(
            "Shortcuts: what separates the classes besides the sound itself, in the recordings",
            &found.shortcuts,
            Vec::new(),
        ),
        shortcuts("Shortcuts in the clips", &found.shortcuts_in_clips, vec![clips]),
        split(found),
        labels(found, sources, job)?,
        list(found, Kind::Leak, "On both sides of the split"),
        list(found, Kind::Duplicate, "The same sound twice"),
        list(found, Kind::Session, "Groups that seem to be one session"),
        list(found, Kind::Fault, "Damaged or empty recordings"),
        found.balance.as_ref().and_then(amounts),
    ];
    let findings = Findings {
        title,
        summary: found.summary.clone(),
        warnings: found.not_measured.clone(),
        sections: sections.into_iter().flatten().collect(),
    };
    Ok(report::render_findings(&findings)?)
}

fn shortcuts(title: &str, shortcuts: &[Shortcut], text: Vec<String>) -> Option<Section> {
    let line = |shortcut: &Shortcut| {
        let figure = &shortcut.balanced_accuracy;
        let note = match (shortcut.is_shortcut, shortcut.typical.as_str()) {
            (_, "") => shortcut.sentence.clone(),
            (true, typical) => format!("{} Typical: {typical}.", shortcut.sentence),
            (false, typical) => format!("No shortcut. Typical: {typical}."),
        };
        LineFigure {
            name: shortcut.nuisance.replace('_', " "),
            value: figure.value,
            interval: [figure.low, figure.high],
            chance: shortcut.chance,
            note,
            alarm: shortcut.is_shortcut && shortcut.audible,
        }
    };
    let figures: Vec<LineFigure> = shortcuts.iter().map(line).collect();
    (!figures.is_empty()).then(|| Section { title: title.into(), text, figures, ..Section::default() })
}

fn split(found: &Examination) -> Option<Section> {
    let leak = found.leak.as_ref()?;
    let chance = found.shortcuts.first().map_or(0.5, |shortcut| shortcut.chance);
    let line = |name: &str, figure: &doctor::Figure, note: &str| LineFigure {
        name: name.into(),
        value: figure.value,
        interval: [figure.low, figure.high],
        chance,
        note: note.into(),
        alarm: false,
    };
    let figures = vec![
        line("random split", &leak.random, "clips of one recording on both sides"),
        line("split by group", &leak.grouped, "recordings and sessions held out whole"),
    ];
    let text = vec![leak.sentence.clone()];
    Some(Section { title: "What a random split would claim".into(), text, figures, ..Section::default() })
}

/// Clips whose labels are doubtful, as pictures and sounds: as many as there is room for.
fn labels(found: &Examination, sources: &Sources<'_>, job: &Job<'_>) -> Result<Option<Section>> {
    let Some(labels) = found.mislabels.as_ref().filter(|labels| !labels.ranked.is_empty()) else { return Ok(None) };
    let front_end = sources.chain.build_picture()?;
    let card = |(i, doubt): (usize, &Doubt)| {
        let row = &sources.manifest.rows[doubt.row];
        // Longer than a window is not shown either.
        let longest_s = Some(sources.chain.clip.window.seconds);
        let path = sources.manifest.file(row);
        let shown = exhibit(&path, row, doubt.path.clone(), sources.chain, &front_end, longest_s).ok();
        let (png, sound) = shown.map(|shown| (shown.png, shown.ogg)).unwrap_or_default();
        SoundCard {
            verdict: format!("{}. labeled {}; {}?", i + 1, doubt.label, doubt.suggested),
            note: format!(
                "probability {:.2} for the label; {:.2} of the clips most alike have another",
                doubt.suspect.p_given, doubt.suspect.neighbors_against
            ),
            path: doubt.path.clone(),
            png,
            sound,
        }
    };
    let numbered: Vec<(usize, &Doubt)> = labels.ranked.iter().enumerate().collect();
    let bar = job.progress("pictures", numbered.len());
    let (mut sounds, mut n_bytes) = (Vec::new(), 0.0);
    'all: for block in numbered.chunks(BLOCK) {
        let cards: Vec<SoundCard> = block.par_iter().map(|doubt| card(*doubt)).collect();
        for card in cards {
            n_bytes += BASE64 * (card.png.len() + card.sound.len()) as f64;
            if n_bytes > sources.n_bytes {
                break 'all;
            }
            sounds.push(card);
            bar.inc(1);
        }
    }
    drop(bar);
    let mut text = vec![format!(
        "Ranked by how much a classifier that was not trained on the recording, and the most similar clips, contradict the \
         label; {} likely wrong. Where a label is right, a clip here is one that a model will find hard.",
        match labels.n_likely {
            1 => "1 is".to_owned(),
            n => format!("{n} are"),
        }
    )];
    if sounds.len() < labels.ranked.len() {
        let (shown, all) = (sounds.len(), labels.ranked.len());
        text.push(format!("{shown} of {all} are shown; --page-mb makes room for more, and doctor.json lists all."));
    }
    Ok(Some(Section { title: "Labels to listen to".into(), text, sounds, ..Section::default() }))
}

fn list(found: &Examination, kind: Kind, title: &str) -> Option<Section> {
    let of_kind: Vec<&Finding> = found.findings.iter().filter(|finding| finding.kind == kind).collect();
    if of_kind.is_empty() {
        return None;
    }
    let row = |finding: &&Finding| vec![finding.path.clone(), finding.evidence.clone(), finding.suggestion.clone()];
    let caption = if of_kind.len() > MAX_ROWS {
        format!("{MAX_ROWS} of {}; doctor.csv has all", of_kind.len())
    } else {
        format!("{} in all", of_kind.len())
    };
    let columns = ["Recording", "What was found", "What to do"].map(str::to_owned).to_vec();
    let table = Table { caption, columns, rows: of_kind.iter().take(MAX_ROWS).map(row).collect() };
    Some(Section { title: title.into(), table: Some(table), ..Section::default() })
}

fn amounts(balance: &Balance) -> Option<Section> {
    let mut columns = vec!["Class".to_owned(), "All".to_owned()];
    columns.extend(balance.classes.first()?.splits.keys().cloned());
    let cell =
        |amount: &doctor::Amount| format!("{} clips, {} groups, {:.2} h", amount.clips, amount.groups, amount.hours);
    let row = |class: &doctor::ClassBalance| {
        let mut row = vec![class.class.clone(), cell(&class.all)];
        row.extend(class.splits.values().map(cell));
        row
    };
    let mut rows: Vec<Vec<String>> = balance.classes.iter().map(row).collect();
    let width = |name: &str| balance.half_widths.get(name).map_or("\u{2013}".into(), |width| format!("± {width:.2}"));
    let mut widths = vec!["95 % interval at 0.90".to_owned(), width("all")];
    widths.extend(columns[2..].iter().map(|split| width(split)));
    rows.push(widths);
    let caption =
        "Usable clips, each sound once. The last row: how far the interval of balanced accuracy will reach at \
                   best, where every group counts once."
            .to_owned();
    let table = Table { caption, columns, rows };
    let text = balance.warnings.clone();
    Some(Section { title: "How much there is".into(), text, table: Some(table), ..Section::default() })
}
