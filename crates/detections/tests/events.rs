//! Events: a finder that sees windows one by one agrees with a plain implementation that sees all of them.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use detections::{Event, EventFinder, EventSettings, Thresholds, Verdict};
use proptest::prelude::*;
use std::collections::BTreeMap;

const THRESHOLDS: Thresholds = Thresholds { unsure_below: 0.6, alpha: 0.05 };

fn classes() -> Vec<String> {
    ["bird", "dog"].map(str::to_owned).to_vec()
}

fn window(start_s: f64, end_s: f64, p_dog: f32) -> Verdict {
    Verdict { path: "a.wav".into(), start_s, end_s, probability: vec![1.0 - p_dog, p_dog], ..Verdict::default() }
}

fn find(settings: &EventSettings, verdicts: &[Verdict]) -> Vec<Event> {
    let mut finder = EventFinder::new(settings, &classes(), THRESHOLDS).unwrap();
    let mut events: Vec<Event> = verdicts.iter().flat_map(|verdict| finder.push(verdict).unwrap()).collect();
    events.extend(finder.finish());
    events
}

fn dogs(settings: &EventSettings, verdicts: &[Verdict]) -> Vec<(u64, u64)> {
    let events = find(settings, verdicts);
    events.into_iter().filter(|event| event.class == "dog").map(|event| (event.start_ms, event.end_ms)).collect()
}

/// Windows of one second, one after another.
fn row(p_dog: &[f32]) -> Vec<Verdict> {
    p_dog.iter().enumerate().map(|(nth, &p)| window(nth as f64, nth as f64 + 1.0, p)).collect()
}

#[test]
fn hysteresis_merging_and_the_shortest_length() {
    let settings = EventSettings::default();
    // 0.45 goes on, since it is above 0.8 x 0.5; it does not begin an event by itself.
    assert_eq!(dogs(&settings, &row(&[0.1, 0.45, 0.9, 0.45, 0.1, 0.45, 0.1, 0.6])), [(1000, 4000), (7000, 8000)]);
    let merged = EventSettings { max_gap_s: 3.0, ..settings.clone() };
    assert_eq!(dogs(&merged, &row(&[0.1, 0.45, 0.9, 0.45, 0.1, 0.45, 0.1, 0.6])), [(1000, 8000)]);
    let long = EventSettings { min_s: 3.0, ..settings.clone() };
    assert_eq!(dogs(&long, &row(&[0.1, 0.45, 0.9, 0.45, 0.1, 0.45, 0.1, 0.6])), [(1000, 4000)]);
    let by_class = EventSettings { thresholds: BTreeMap::from([("dog".into(), 0.95)]), ..settings };
    assert_eq!(dogs(&by_class, &row(&[0.9, 0.96, 0.7])), [(0, 2000)]);
}

#[test]
fn overlapping_windows_localize() {
    // Windows of 3 s every second; the sound is in the second from 2 to 3.
    let starts = [(0.0, 0.9), (1.0, 0.9), (2.0, 0.9), (3.0, 0.0), (4.0, 0.0)];
    let windows = starts.map(|(start_s, p)| window(start_s, start_s + 3.0, p));
    let settings = EventSettings { threshold: 0.8, low: 1.0, ..EventSettings::default() };
    // From 3 to 4 there are two windows with it and one without.
    assert_eq!(dogs(&settings, &windows), [(0, 3000)]);
    let event = &find(&EventSettings { threshold: 0.5, low: 1.0, ..settings }, &windows)[0];
    assert_eq!((event.start_ms, event.end_ms, event.windows), (0, 4000, 4));
    assert_eq!((event.score, event.share), (0.9, 0.75));
    assert!((event.mean - (0.9 * 3.0 + 0.6) / 4.0).abs() < 1e-6);
}

#[test]
fn rejected_and_silent_windows_count_nothing_and_missing_time_ends_an_event() {
    let mut windows = row(&[0.9; 5]);
    windows[1].outlier_p = Some(0.05);
    windows[3].silent = true;
    let settings = EventSettings::default();
    assert_eq!(dogs(&settings, &windows), [(0, 1000), (2000, 3000), (4000, 5000)]);
    let gap = [window(0.0, 1.0, 0.9), window(1.5, 2.5, 0.9)];
    assert_eq!(dogs(&settings, &gap), [(0, 1000), (1500, 2500)]);
    let bridged = EventSettings { max_gap_s: 0.5, ..settings.clone() };
    assert_eq!(dogs(&bridged, &gap), [(0, 2500)]);
    let event = &find(&bridged, &gap)[0];
    assert_eq!((event.mean, event.windows), (0.9, 2), "time without windows has no score");
    // Of windows that overlap, one that is rejected does not count, and a silent one counts 0.
    let mut overlapping = [window(0.0, 2.0, 0.9), window(1.0, 3.0, 0.9), window(2.0, 4.0, 0.9)];
    overlapping[1].outlier_p = Some(0.01);
    assert_eq!(dogs(&settings, &overlapping), [(0, 4000)]);
    overlapping[1].silent = true;
    assert_eq!(dogs(&settings, &overlapping), [(0, 4000)], "a mean of 0.45 is above 0.8 times 0.5");
    overlapping[2].outlier_p = Some(0.01);
    assert_eq!(dogs(&settings, &overlapping), [(0, 2000)]);
}

#[test]
fn p_values_combine_to_twice_their_mean() {
    let with = |p: &[f64]| {
        let windows = row(&vec![0.9; p.len()]);
        let windows: Vec<_> = windows.into_iter().zip(p).map(|(w, &p)| Verdict { outlier_p: Some(p), ..w }).collect();
        find(&EventSettings::default(), &windows)[0].outlier_p
    };
    assert_eq!(with(&[0.25]), Some(0.25));
    assert_eq!(with(&[0.25, 0.5]), Some(0.75));
    assert_eq!(with(&[0.75, 0.5]), Some(1.0));
    assert_eq!(find(&EventSettings::default(), &row(&[0.9]))[0].outlier_p, None);
}

#[test]
fn notes_are_kept_once() {
    let mut windows = row(&[0.9, 0.9, 0.9, 0.0]);
    windows[0].note = "cut short".into();
    windows[1].note = "cut short".into();
    windows[2].note = "clipped".into();
    windows[3].note = "of no event".into();
    let event = &find(&EventSettings::default(), &windows)[0];
    assert_eq!((event.class.as_str(), event.note.as_str()), ("dog", "cut short; clipped"));
}

#[test]
fn a_window_that_cannot_follow_is_an_error_that_says_why() {
    let mut finder = EventFinder::new(&EventSettings::default(), &classes(), THRESHOLDS).unwrap();
    finder.push(&window(2.0, 3.0, 0.9)).unwrap();
    let mut message = |verdict: &Verdict| finder.push(verdict).unwrap_err().to_string();
    assert_eq!(
        message(&window(1.0, 2.0, 0.9)),
        "a.wav: window at 1 s: start: expected 2.000 s or later, since windows come in order, got 1"
    );
    assert_eq!(
        message(&window(3.0, 2.0, 0.9)),
        "a.wav: window at 3 s: end: expected a number of seconds, the start or more, got 2"
    );
    let short = Verdict { probability: vec![1.0], ..window(3.0, 4.0, 0.5) };
    assert_eq!(message(&short), "a.wav: window at 3 s: probabilities: expected 2, one a class, got 1");
    assert!(message(&window(3.0, 4.0, f32::NAN)).contains("finite numbers"));
    let odd = Verdict { outlier_p: Some(1.5), ..window(3.0, 4.0, 0.5) };
    assert!(message(&odd).ends_with("outlier_p: expected a number from 0 to 1, got 1.5"));
    // None of these had an effect, another channel starts anew, and so does the same path after its end.
    assert_eq!(finder.push(&Verdict { channel: Some(1), ..window(0.0, 1.0, 0.9) }).unwrap(), []);
    assert_eq!(finder.end_recording().len(), 2);
    assert_eq!(finder.push(&window(0.0, 1.0, 0.9)).unwrap(), []);
    assert_eq!(finder.finish().len(), 1);
}

/// All events of one channel, from the whole sequence of windows at once.
fn reference(settings: &EventSettings, windows: &[Verdict]) -> Vec<Event> {
    let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
    let windows: Vec<(u64, u64, &Verdict)> = windows.iter().map(|w| (ms(w.start_s), ms(w.end_s), w)).collect();
    let mut bounds: Vec<u64> = windows.iter().flat_map(|w| [w.0, w.1]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let slots: Vec<(u64, u64, Vec<&Verdict>)> = bounds
        .windows(2)
        .map(|b| (b[0], b[1], windows.iter().filter(|w| w.0 <= b[0] && w.1 >= b[1]).map(|w| w.2).collect()))
        .collect();
    let mut events = Vec::new();
    for (class, name) in classes().iter().enumerate() {
        let threshold = f64::from(settings.threshold_of(name));
        let score = |v: &Verdict| if v.silent { 0.0 } else { f64::from(v.probability[class]) };
        let mut scored: Vec<(u64, u64, f64)> = Vec::new();
        for stretch in slots.split(|slot| slot.2.is_empty()) {
            let raw = |at: usize| {
                let counts = |v: &&&Verdict| v.silent || !v.is_rejected(THRESHOLDS);
                let scores: Vec<f64> = stretch[at].2.iter().filter(counts).map(|v| score(v)).collect();
                scores.iter().sum::<f64>() / scores.len().max(1) as f64
            };
            let length = |at: usize| (stretch[at].1 - stretch[at].0) as f64;
            for (at, slot) in stretch.iter().enumerate() {
                let near = at.saturating_sub(settings.smooth / 2)..(at + settings.smooth / 2 + 1).min(stretch.len());
                let sum: f64 = near.clone().map(|i| raw(i) * length(i)).sum();
                let mean = if near.len() == 1 { raw(at) } else { sum / near.map(length).sum::<f64>() };
                scored.push((slot.0, slot.1, mean));
            }
        }
        let low = f64::from(settings.low) * threshold;
        // Maximal runs above the low threshold that reach the high one.
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let mut at = 0;
        while at < scored.len() {
            let mut to = at;
            while to < scored.len() && scored[to].2 >= low && (to == at || scored[to - 1].1 == scored[to].0) {
                to += 1;
            }
            if scored[at..to].iter().any(|slot| slot.2 >= threshold) {
                runs.push((scored[at].0, scored[to - 1].1));
            }
            at = to.max(at + 1);
        }
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for run in runs {
            match merged.last_mut() {
                Some(last) if run.0 - last.1 <= ms(settings.max_gap_s) => last.1 = run.1,
                _ => merged.push(run),
            }
        }
        merged.retain(|event| event.1 - event.0 >= ms(settings.min_s));
        for (start_ms, end_ms) in merged {
            let inside: Vec<_> = scored.iter().filter(|slot| slot.0 >= start_ms && slot.1 <= end_ms).collect();
            let length: u64 = inside.iter().map(|slot| slot.1 - slot.0).sum();
            let seen: Vec<_> = windows.iter().filter(|w| w.0 < end_ms && w.1 > start_ms && w.0 < w.1).collect();
            let p: Vec<f64> = seen.iter().filter_map(|w| w.2.outlier_p).collect();
            let combined = if p.len() == 1 { p[0] } else { (2.0 * p.iter().sum::<f64>() / p.len() as f64).min(1.0) };
            let own = seen.iter().filter(|w| w.2.decided(THRESHOLDS) == Some(class)).count();
            events.push(Event {
                path: windows[0].2.path.clone(),
                start_ms,
                end_ms,
                channel: windows[0].2.channel,
                class: name.clone(),
                score: inside.iter().map(|slot| slot.2).fold(0.0, f64::max) as f32,
                mean: (inside.iter().map(|s| s.2 * (s.1 - s.0) as f64).sum::<f64>() / length as f64) as f32,
                outlier_p: (!p.is_empty()).then_some(combined),
                windows: seen.len() as u32,
                share: own as f64 / seen.len() as f64,
                note: String::new(),
            });
        }
    }
    events
}

/// Windows in order: a length, a hop, some of them missing, the last ones cut at the end of the recording.
fn windows() -> impl Strategy<Value = Vec<Verdict>> {
    let p = prop_oneof![Just(0.0), Just(0.4), Just(0.5), Just(0.6), Just(1.0), 0.0f32..1.0];
    let one = (p, prop::option::of(prop_oneof![Just(0.05), 0.0..1.0f64]), 0..10u8, 0..6u8);
    (prop::collection::vec(one, 1..60), 0.2f64..3.0, 0.1f64..1.0).prop_map(|(all, length_s, hop)| {
        let end_s = all.len() as f64 * length_s * hop;
        let at = |nth: usize| nth as f64 * length_s * hop;
        let verdict = |(nth, (p, outlier_p, silent, missing)): (usize, (f32, Option<f64>, u8, u8))| {
            let mut verdict = window(at(nth), (at(nth) + length_s).min(end_s), p);
            (verdict.outlier_p, verdict.silent) = (outlier_p, silent == 0);
            (missing > 0).then_some(verdict)
        };
        all.into_iter().enumerate().filter_map(verdict).collect()
    })
}

fn settings() -> impl Strategy<Value = EventSettings> {
    let threshold = prop_oneof![Just(0.5f32), 0.1f32..1.0];
    let by_class = prop::option::of(0.1f32..1.0);
    let seconds = || prop_oneof![Just(0.0), 0.0..6.0f64];
    (threshold, by_class, 0.1f32..=1.0, 0..4usize, seconds(), seconds()).prop_map(
        |(threshold, dog, low, half, max_gap_s, min_s)| {
            let thresholds = dog.map(|value| ("dog".to_owned(), value)).into_iter().collect();
            EventSettings { threshold, thresholds, low, smooth: 2 * half + 1, max_gap_s, min_s, max_s: None }
        },
    )
}

/// By channel, class and time.
fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| (&a.path, a.channel, &a.class, a.start_ms).cmp(&(&b.path, b.channel, &b.class, b.start_ms)));
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn equal_to_the_reference(settings in settings(), windows in windows()) {
        prop_assume!(!windows.is_empty());
        let (found, expected) = (sorted(find(&settings, &windows)), sorted(reference(&settings, &windows)));
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            prop_assert!((found.mean - expected.mean).abs() < 1e-5);
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            prop_assert!(close(found.outlier_p, expected.outlier_p));
            prop_assert_eq!(Event { mean: 0.0, outlier_p: None, ..found }, Event { mean: 0.0, outlier_p: None, ..expected });
        }
    }

    #[test]
    fn events_keep_what_the_settings_promise(settings in settings(), windows in windows()) {
        let events = find(&settings, &windows);
        for event in &events {
            prop_assert!(event.score >= settings.threshold_of(&event.class));
            prop_assert!(event.mean <= event.score + 1e-6);
            prop_assert!(event.end_ms > event.start_ms);
            prop_assert!((event.end_ms - event.start_ms) as f64 >= (settings.min_s * 1000.0).round());
            prop_assert!(event.windows > 0 && (0.0..=1.0).contains(&event.share));
        }
        for class in classes() {
            let of_class: Vec<_> = events.iter().filter(|event| event.class == class).collect();
            for pair in of_class.windows(2) {
                let gap = pair[1].start_ms.checked_sub(pair[0].end_ms);
                prop_assert!(gap.is_some(), "in order and apart");
                prop_assert!(gap.unwrap() as f64 > (settings.max_gap_s * 1000.0).round() || settings.max_gap_s == 0.0);
            }
        }
    }

    #[test]
    fn channels_may_alternate_and_recordings_follow(
        settings in settings(), left in windows(), right in windows(), other in windows(),
    ) {
        let put = |all: &[Verdict], path: &str, channel| -> Vec<Verdict> {
            all.iter().map(|w| Verdict { path: path.into(), channel: Some(channel), ..w.clone() }).collect()
        };
        let (left, right, other) = (put(&left, "a.wav", 0), put(&right, "a.wav", 1), put(&other, "b.wav", 0));
        let mut mixed = Vec::new();
        for nth in 0..left.len().max(right.len()) {
            mixed.extend(left.get(nth).cloned());
            mixed.extend(right.get(nth).cloned());
        }
        mixed.extend(other.iter().cloned());
        let apart = [left, right, other].into_iter().flat_map(|windows| find(&settings, &windows)).collect();
        prop_assert_eq!(sorted(find(&settings, &mixed)), sorted(apart));
    }
}
