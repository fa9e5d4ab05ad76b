//! Annotations of a recording as clips.
//!
//! A clip has one label. Annotations of one label that touch or overlap are one. Time that has several labels is not used: what is left of
//! an annotation on either side of it is, from [`LEAST_MS`] on. Annotations of two channels do not meet; one without a channel is of all of
//! them. An annotation that is shorter than is asked for is extended to both sides, up to the ends of the recording and to annotations of
//! other labels.

use std::collections::BTreeMap;

/// Shortest part of an annotation that is left beside time with several labels, in milliseconds.
pub(super) const LEAST_MS: u64 = 100;

/// An annotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// Start in the recording, in milliseconds.
    pub(super) start_ms: u64,
    /// End in the recording, in milliseconds; the start for a point.
    pub(super) end_ms: u64,
    /// The channel, counted from 0.
    pub(super) channel: Option<u16>,
    /// What is to be heard; none where that is not known, and the time is only not free.
    pub(super) label: Option<String>,
}

/// How clips are made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rule {
    /// Length that shorter annotations are extended to, in milliseconds.
    pub(super) clip_ms: Option<u64>,
    /// Clips of free time, at most.
    pub(super) n_background: usize,
    /// Length of those, in milliseconds.
    pub(super) background_ms: u64,
}

/// Clips of a recording, and what became of the rest.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Cut {
    /// Clips with a label, by start, end, channel and label.
    pub(super) clips: Vec<Mark>,
    /// Clips of free time.
    pub(super) background: Vec<(u64, u64)>,
    /// Annotated time that has several labels, in milliseconds, over all annotations.
    pub(super) shared_ms: u64,
    /// Annotations of which nothing is left.
    pub(super) n_shared: usize,
    /// Annotations without a length that are left out.
    pub(super) n_points: usize,
}

type Span = (u64, u64);

/// Spans in order, those that touch or overlap joined.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut all: Vec<Span> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match all.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => all.push((start, end)),
        }
    }
    all
}

/// What of a span is outside of others, which are in order and apart.
fn outside((start, end): Span, others: &[Span]) -> Vec<Span> {
    let (mut left, mut at) = (Vec::new(), start);
    for &(from, to) in &others[others.partition_point(|other| other.1 <= start)..] {
        if from >= end {
            break;
        }
        if from > at {
            left.push((at, from));
        }
        at = at.max(to);
    }
    if at < end {
        left.push((at, end));
    }
    left
}

/// A span of at least `clip_ms`, if there is room between its neighbors.
fn extended((start, end): Span, clip_ms: u64, others: &[Span], length_ms: Option<u64>) -> Span {
    if end - start >= clip_ms {
        return (start, end);
    }
    let next = others.partition_point(|other| other.0 < end);
    let low = others[..next].last().map_or(0, |other| other.1).min(start);
    let high = others.get(next).map_or(u64::MAX, |other| other.0).min(length_ms.unwrap_or(u64::MAX)).max(end);
    if high - low <= clip_ms {
        return (low, high);
    }
    let middle = start.saturating_sub((clip_ms - (end - start)) / 2);
    let from = middle.clamp(low, high - clip_ms);
    (from, from + clip_ms)
}

/// Clips of the annotations of a recording, which is so long where that is known: no time is free without it.
pub(super) fn cut(marks: &[Mark], length_ms: Option<u64>, rule: Rule) -> Cut {
    let mut cut = Cut::default();
    let mut of: BTreeMap<(&str, Option<u16>), Vec<Span>> = BTreeMap::new();
    for mark in marks {
        let Some(label) = &mark.label else { continue };
        if mark.start_ms == mark.end_ms && rule.clip_ms.is_none() {
            cut.n_points += 1;
            continue;
        }
        of.entry((label, mark.channel)).or_default().push((mark.start_ms, mark.end_ms));
    }
    of.values_mut().for_each(|spans| *spans = union(std::mem::take(spans)));
    for ((label, channel), spans) in &of {
        let meets = |other: &Option<u16>| channel.is_none() || other.is_none() || other == channel;
        let others = of.iter().filter(|((name, other), _)| name != label && meets(other));
        let others = union(others.flat_map(|(_, spans)| spans.iter().copied()).collect());
        for &span in spans {
            let mut parts = outside(span, &others);
            if span.0 == span.1 && !others.iter().any(|other| other.0 <= span.0 && span.0 < other.1) {
                parts = vec![span];
            }
            let is_whole = parts == [span];
            parts.retain(|part| is_whole || part.1 - part.0 >= LEAST_MS);
            cut.shared_ms += (span.1 - span.0) - parts.iter().map(|part| part.1 - part.0).sum::<u64>();
            cut.n_shared += usize::from(parts.is_empty());
            for part in parts {
                let (start_ms, end_ms) = match rule.clip_ms {
                    Some(clip_ms) => extended(part, clip_ms, &others, length_ms),
                    None => part,
                };
                cut.clips.push(Mark { start_ms, end_ms, channel: *channel, label: Some((*label).to_owned()) });
            }
        }
    }
    cut.clips.sort();
    cut.clips.dedup();
    if let Some(length_ms) = length_ms.filter(|_| rule.n_background > 0) {
        // Clips have grown into free time.
        let taken = union(marks.iter().chain(&cut.clips).map(|mark| (mark.start_ms, mark.end_ms)).collect());
        cut.background = free(&taken, length_ms, rule);
    }
    cut
}

/// Clips of free time, evenly over it.
fn free(taken: &[Span], length_ms: u64, rule: Rule) -> Vec<Span> {
    let clip_ms = rule.background_ms.max(1);
    let gaps = outside((0, length_ms), taken);
    let n_fit = |gap: &Span| (gap.1 - gap.0) / clip_ms;
    let total: u64 = gaps.iter().map(n_fit).sum();
    let n = total.min(rule.n_background as u64);
    let mut clips = Vec::with_capacity(n as usize);
    let (mut gaps, mut before) = (gaps.into_iter().filter(|gap| n_fit(gap) > 0), 0);
    let mut gap = gaps.next();
    for nth in 0..n {
        let wanted = (2 * nth + 1) * total / (2 * n);
        while let Some(of) = gap
            && wanted >= before + n_fit(&of)
        {
            before += n_fit(&of);
            gap = gaps.next();
        }
        if let Some((start, _)) = gap {
            let from = start + (wanted - before) * clip_ms;
            clips.push((from, from + clip_ms));
        }
    }
    clips
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(start_ms: u64, end_ms: u64, label: &str) -> Mark {
        Mark { start_ms, end_ms, channel: None, label: (!label.is_empty()).then(|| label.to_owned()) }
    }

    fn spans(cut: &Cut) -> Vec<(u64, u64, &str)> {
        cut.clips.iter().map(|clip| (clip.start_ms, clip.end_ms, clip.label.as_deref().unwrap())).collect()
    }

    #[test]
    fn a_clip_has_one_label() {
        let marks = [
            mark(0, 1000, "dog"),
            mark(900, 2000, "dog"),
            mark(1500, 3000, "bird"),
            mark(4000, 4500, "bird"),
            mark(4000, 4520, "dog"),
            mark(6000, 7000, ""),
        ];
        let found = cut(&marks, Some(10_000), Rule::default());
        assert_eq!(spans(&found), [(0, 1500, "dog"), (2000, 3000, "bird")]);
        // Half a second of each at 1.5 s, the bird at 4 s, and the dog there, whose rest is too short.
        assert_eq!((found.shared_ms, found.n_shared), (500 + 500 + 500 + 520, 2));
    }

    #[test]
    fn channels_do_not_meet_and_one_of_all_meets_each() {
        let on = |channel, label| Mark { channel, ..mark(0, 1000, label) };
        let found = cut(&[on(Some(0), "dog"), on(Some(1), "bird")], None, Rule::default());
        assert_eq!((found.clips.len(), found.n_shared), (2, 0));
        let found = cut(&[on(Some(0), "dog"), on(None, "bird")], None, Rule::default());
        assert_eq!((found.clips.len(), found.n_shared), (0, 2));
    }

    #[test]
    fn short_annotations_grow_up_to_their_neighbors() {
        let rule = Rule { clip_ms: Some(1000), ..Rule::default() };
        let at =
            |marks: &[Mark], length| spans(&cut(marks, length, rule)).iter().map(|s| (s.0, s.1)).collect::<Vec<_>>();
        assert_eq!(at(&[mark(2000, 2200, "dog")], Some(9000)), [(1600, 2600)]);
        assert_eq!(at(&[mark(100, 300, "dog")], Some(9000)), [(0, 1000)]);
        assert_eq!(at(&[mark(8900, 9000, "dog")], Some(9000)), [(8000, 9000)]);
        assert_eq!(at(&[mark(5000, 5000, "dog")], None), [(4500, 5500)]);
        assert_eq!(at(&[mark(0, 2000, "bird"), mark(2100, 2200, "dog")], Some(9000)), [(0, 2000), (2000, 3000)]);
        let between = [mark(0, 2000, "bird"), mark(2100, 2200, "dog"), mark(2300, 4000, "bird")];
        assert_eq!(at(&between, Some(9000)), [(0, 2000), (2000, 2300), (2300, 4000)]);
        assert_eq!(cut(&[mark(5000, 5000, "dog")], None, Rule::default()).n_points, 1);
    }

    #[test]
    fn free_time_is_taken_evenly_and_never_beside_the_recording() {
        let marks = [mark(10_000, 20_000, "dog"), mark(40_000, 41_000, "")];
        let rule = Rule { n_background: 3, background_ms: 5000, ..Rule::default() };
        let found = cut(&marks, Some(62_000), rule);
        // Gaps of 10, 20 and 21 s hold 2, 4 and 4 clips.
        assert_eq!(found.background, [(5000, 10_000), (35_000, 40_000), (51_000, 56_000)]);
        let all = Rule { n_background: 1000, ..rule };
        assert_eq!(cut(&marks, Some(62_000), all).background.len(), 10);
        assert_eq!(cut(&marks, None, all).background, []);
        assert_eq!(cut(&[], Some(4000), all).background, []);
    }

    proptest! {
        #[test]
        fn no_clip_meets_another_label_and_nothing_is_made_up(
            raw in prop::collection::vec((0_u64..5000, 0_u64..800, 0_u8..3, 0_u8..3), 0..20),
            clip_ms in prop::option::of(1_u64..2000),
        ) {
            let marks: Vec<Mark> = raw
                .iter()
                .map(|(start, n, label, channel)| Mark {
                    channel: channel.checked_sub(1).map(u16::from),
                    ..mark(*start, start + n, ["dog", "bird", ""][*label as usize])
                })
                .collect();
            let rule = Rule { clip_ms, n_background: 4, background_ms: 300 };
            let found = cut(&marks, Some(6000), rule);
            let meets = |a: &Mark, b: &Mark| a.channel.is_none() || b.channel.is_none() || a.channel == b.channel;
            for clip in &found.clips {
                prop_assert!(clip.start_ms <= clip.end_ms && clip.end_ms <= 6000);
                for mark in marks.iter().filter(|mark| mark.label.is_some() && mark.label != clip.label && meets(mark, clip)) {
                    prop_assert!(clip.end_ms <= mark.start_ms || mark.end_ms <= clip.start_ms, "{clip:?} {mark:?}");
                }
                prop_assert!(marks.iter().any(|mark| mark.label == clip.label
                    && mark.start_ms <= clip.end_ms && clip.start_ms <= mark.end_ms));
            }
            for (start, end) in &found.background {
                prop_assert!(marks.iter().chain(&found.clips).all(|mark| *end <= mark.start_ms || mark.end_ms <= *start));
            }
        }
    }
}
