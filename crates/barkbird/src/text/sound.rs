//! Classified recordings in words, while they are and afterwards.

use super::table;
use pipeline::SoundProgress;
use pipeline::predict::Outcome;

/// What became of recordings that were classified.
pub(crate) fn predicted(outcome: &Outcome, events: bool, part: Option<(usize, usize)>) -> Vec<String> {
    let Outcome { recordings, windows, skipped, sound_s, classified_s, resumed, files, labels, .. } = outcome;
    let mut lines = Vec::new();
    let seconds = outcome.seconds - outcome.waited_s;
    let speed = if *classified_s > 0.0 && seconds > 0.0 {
        format!(", {:.0} times real time", classified_s / seconds)
    } else {
        String::new()
    };
    if let Some((index, count)) = part {
        lines.push(format!(
            "part {index} of {count} is done: {}{speed}; after all parts, run again without --part to write the tables",
            duration(*classified_s)
        ));
        return lines;
    }
    let earlier = if *resumed > 0 { format!(" ({resumed} of them by an earlier run)") } else { String::new() };
    lines.push(format!(
        "{windows} windows of {recordings} recordings{earlier}, {} of sound in {seconds:.1} s{speed}",
        duration(*sound_s)
    ));
    // Of less than an hour, a rate per hour says little.
    let with_rate = *sound_s >= 3600.0;
    let mut header = vec!["label", if events { "events" } else { "windows" }];
    header.extend(with_rate.then_some("per hour"));
    header.extend(outcome.activity.as_ref().map(|_| "busiest hour"));
    let row = |(label, n): (&String, &usize)| {
        let busiest = outcome.activity.as_ref().map(|of| match of.busiest_hour(label) {
            Some(hour) => format!("{hour:02}:00-{:02}:00", (hour + 1) % 24),
            None => "-".to_owned(),
        });
        let per_hour = with_rate.then(|| format!("{:.1}", *n as f64 * 3600.0 / sound_s));
        [label.clone(), n.to_string()].into_iter().chain(per_hour).chain(busiest).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = labels.iter().map(row).collect();
    if !rows.is_empty() {
        lines.push(table(&header, &rows));
    } else if events {
        lines.push("no events".to_owned());
    }
    if !skipped.is_empty() {
        lines.push(format!("{} could not be used; the reasons are above and in the tables", skipped.len()));
    }
    lines.extend(files.iter().map(|file| format!("written: {}", file.display())));
    lines
}

/// How far recordings are classified, on one line.
pub(crate) fn progress(progress: &SoundProgress) -> String {
    let SoundProgress { done_s, total_s, is_estimate, times_real_time, remaining_s, .. } = *progress;
    let about = if is_estimate { "about " } else { "" };
    let mut parts = vec![match total_s {
        Some(total_s) => format!("{} of {about}{}", duration(done_s), duration(total_s)),
        None => format!("{} of sound", duration(done_s)),
    }];
    parts.extend(times_real_time.map(|speed| format!("{speed:.0}x real time")));
    parts.extend(remaining_s.map(|left_s| format!("{} left", duration(left_s))));
    parts.push(format!("{}/{} recordings", progress.recordings_done, progress.recordings));
    parts.extend((progress.failed > 0).then(|| format!("{} skipped", progress.failed)));
    parts.join(", ")
}

/// Seconds in words.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_hours_of_sound() {
        let mut of = SoundProgress {
            done_s: 3600.0 * 3.2,
            total_s: Some(86_400.0),
            is_estimate: true,
            times_real_time: Some(412.3),
            remaining_s: Some(181.7),
            recordings_done: 0,
            recordings: 1,
            failed: 0,
        };
        let expected = "3.2 h of about 24.0 h, 412x real time, 3.0 min left, 0/1 recordings";
        assert_eq!(progress(&of), expected);
        (of.total_s, of.remaining_s, of.times_real_time, of.failed) = (None, None, None, 2);
        assert_eq!(progress(&of), "3.2 h of sound, 0/1 recordings, 2 skipped");
    }
}
