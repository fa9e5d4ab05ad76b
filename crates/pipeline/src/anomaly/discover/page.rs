//! The page of the groups, and the medoids as WAV files.

use super::form::{ClusterFile, Found, Rejected};
use crate::error::Result;
use crate::exhibit::exhibit;
use crate::job::Job;
use anomaly::Clusters;
use audio_io::Row;
use inference::Input;
use inference::Model;
use report::{Findings, Section, SoundCard};
use std::path::Path;

/// The page.
pub(super) const FILE: &str = "discover.html";
/// Windows of a group that are shown, the medoid first.
const SHOWN: usize = 3;

/// Writes the medoids as WAV, names them in `files`, and writes the page.
pub(super) fn write(
    out: &Path,
    files: &mut [ClusterFile],
    found: &Found,
    clusters: &Clusters,
    inputs: &[Input],
    model: &Model,
    job: &Job<'_>,
) -> Result<()> {
    let chain = model.chain()?;
    let front_end = chain.build_picture()?;
    let bar = job.progress("page", files.len());
    let mut sections = Vec::new();
    for (nth, file) in files.iter_mut().enumerate() {
        let members: Vec<usize> = (0..found.rejected.len()).filter(|&row| clusters.of_row[row] == nth).collect();
        let medoid = clusters.medoids[nth];
        let spread = members.iter().copied().filter(|&row| row != medoid).step_by((members.len() / SHOWN).max(1));
        let mut sounds = Vec::new();
        for row in std::iter::once(medoid).chain(spread).take(SHOWN) {
            let window = &found.rejected[row];
            let input = &inputs[window.input];
            let part = part(window, input);
            let shown = exhibit(&input.path, &part, input.name.clone(), &chain, &front_end, None)?;
            if row == medoid {
                file.wav = format!("group-{:02}.wav", nth + 1);
                let wav = synth::to_wav_16(&shown.samples, audio_io::OPUS_RATE_HZ);
                shard::write_atomic(&out.join(&file.wav), &wav)?;
            }
            sounds.push(SoundCard {
                verdict: if row == medoid { "most typical".into() } else { "another".into() },
                note: format!("{:.1} to {:.1} s, p = {:.3}", window.start_s, window.start_s + window.seconds, window.p),
                path: input.name.clone(),
                png: shown.png,
                sound: shown.ogg,
            });
        }
        let said: Vec<String> = file.said.iter().map(|(class, n)| format!("{class} {n}")).collect();
        let label = file.label.as_ref().map_or(String::new(), |label| format!(": {label}"));
        sections.push(Section {
            title: format!("Group {}{label}", nth + 1),
            text: vec![format!(
                "{} windows of {} recordings. Labels without rejection: {}.",
                file.windows,
                file.recordings,
                said.join(", ")
            )],
            sounds,
            ..Section::default()
        });
        bar.inc(1);
    }
    drop(bar);
    let n = found.rejected.len();
    let summary = vec![
        format!("{n} of {} windows are neither, in {} groups.", found.n_windows, files.len()),
        "Listen to them. Where a group is one kind of sound, give it a name: the same command with --manifest \
         manifest.csv --name GROUP=LABEL adds its windows to the manifest, and with --features DIR the model learns \
         it."
        .into(),
    ];
    let findings = Findings { title: "What is neither".into(), summary, warnings: Vec::new(), sections };
    shard::write_atomic(&out.join(FILE), report::render_findings(&findings)?.as_bytes())?;
    Ok(())
}

/// The window as the row of a manifest.
fn part(window: &Rejected, input: &Input) -> Row {
    let (start_s, end_s) = (Some(window.start_s), Some(window.start_s + window.seconds));
    Row { start_s, end_s, channel: window.channel.or(input.row.channel), ..Row::default() }
}
