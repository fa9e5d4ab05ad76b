//! The doctor through its public interface: from samples, labels and groups to what is wrong.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use doctor::fault::{FaultConfig, FaultKind, faults};
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::index::{SearchConfig, compare, near_duplicates};
use doctor::measure::measure;
use doctor::{
    CrossValidation, ForestConfig, MislabelConfig, Nuisance, Table, Truth, balance, judge, leak, out_of_fold, rank,
};

/// Even between -1 and 1, another for each number.
fn noise(number: u64) -> impl FnMut() -> f32 {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// A call that is repeated: gliding tones of one kind, at times and pitches that depend on the number.
fn call(number: u64, seconds: f32) -> Vec<f32> {
    let mut draw = noise(number);
    let n = (seconds * RATE_HZ as f32) as usize;
    let mut samples: Vec<f32> = (0..n).map(|_| 0.005 * draw()).collect();
    let mut start_s = 0.1 + 0.1 * draw();
    while start_s < seconds {
        let (start, n_call) = ((start_s.max(0.0) * RATE_HZ as f32) as usize, (RATE_HZ as f32 * 0.15) as usize);
        let (from_hz, mut phase) = (1200.0 * (1.0 + 0.03 * draw()), 0.0f32);
        for (i, sample) in samples.iter_mut().skip(start).take(n_call).enumerate() {
            let at = i as f32 / n_call as f32;
            phase += std::f32::consts::TAU * from_hz * (1.0 + 0.5 * at) / RATE_HZ as f32;
            *sample += 0.4 * phase.sin() * (4.0 * at * (1.0 - at));
        }
        start_s += 0.25 + 0.03 * draw();
    }
    samples
}

fn quick() -> CrossValidation {
    let forest = ForestConfig { n_trees: 40, ..ForestConfig::default() };
    CrossValidation { forest, n_resamples: 200, ..CrossValidation::default() }
}

/// Two classes of 12 groups of 4 clips.
fn truth() -> Truth {
    let labels: Vec<&str> = (0..96).map(|i| if i < 48 { "bird" } else { "dog" }).collect();
    let groups: Vec<String> = (0..96).map(|i| (i / 4).to_string()).collect();
    Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

#[test]
fn copies_are_found_among_calls_of_one_kind_and_the_calls_are_not() {
    let mut sounds: Vec<Vec<f32>> = (0..60).map(|number| call(number, 4.0)).collect();
    let mut hiss = noise(99);
    // Quieter; in eight bits; an excerpt; with noise.
    sounds.push(sounds[3].iter().map(|sample| 0.1 * sample).collect());
    sounds.push(sounds[8].iter().map(|sample| (0.5 * sample * 127.0).round() / 128.0).collect());
    sounds.push(sounds[21][9_003..25_000].to_vec());
    sounds.push(sounds[33].iter().map(|sample| sample + 0.01 * hiss()).collect());
    let prints: Vec<Fingerprint> = sounds.iter().map(|sound| Fingerprint::new(sound)).collect();
    let found = near_duplicates(&prints, &SearchConfig::default()).unwrap();
    let planted = [(3, 60), (8, 61), (21, 62), (33, 63)];
    let copies: Vec<_> = found.iter().filter(|pair| planted.contains(&(pair.a, pair.b))).collect();
    assert_eq!(copies.len(), planted.len(), "{found:?}");
    assert!(copies.iter().all(|pair| pair.coherence > 0.8 && pair.n_peaks > 20), "{found:?}");
    assert!((copies[2].offset_s - 9_003.0 / f64::from(RATE_HZ)).abs() < 0.02, "{found:?}");
    // Of some 2,000 pairs of one kind of call within half a semitone of each other.
    assert!(found.len() - copies.len() <= 5, "{found:?}");
    assert_eq!(compare(&prints[0], &prints[1], &SearchConfig::default()).unwrap(), None);
}

#[test]
fn faults_are_named_with_evidence_and_a_suggestion() {
    let clean = call(1, 2.0);
    let clipped: Vec<f32> = clean.iter().map(|sample| (4.0 * sample).clamp(-0.5, 0.5)).collect();
    let shifted: Vec<f32> = clean.iter().map(|sample| 0.5 * sample + 0.45).collect();
    let kinds = |samples: &[f32]| -> Vec<FaultKind> {
        let measures = measure(&[samples], RATE_HZ).unwrap();
        let found = faults(Some(&measures), &[], &FaultConfig::default());
        assert!(found.iter().all(|fault| !fault.evidence.is_empty() && !fault.suggestion.is_empty()));
        found.into_iter().map(|fault| fault.kind).collect()
    };
    assert!(![FaultKind::Clipped, FaultKind::Dc, FaultKind::Silent].iter().any(|kind| kinds(&clean).contains(kind)));
    assert!(kinds(&clipped).contains(&FaultKind::Clipped));
    assert!(kinds(&shifted).contains(&FaultKind::Dc));
    assert!(kinds(&vec![0.0; 16_000]).contains(&FaultKind::Silent));
}

#[test]
fn shortcut_leak_labels_and_balance_come_from_one_truth() {
    let truth = truth();
    let mut draw = noise(5);
    let rates: Vec<f64> = (0..96).map(|i| if i < 48 { 44_100.0 } else { 8_000.0 }).collect();
    let shortcut =
        judge(&Nuisance::number("rate", "the rate", "Hz", &rates, &truth).unwrap(), &truth, &quick()).unwrap();
    assert!(shortcut.is_shortcut && shortcut.sentence.contains("dog from bird"), "{shortcut:?}");
    let chance: Vec<f64> = (0..96).map(|_| f64::from(draw())).collect();
    let none = judge(&Nuisance::number("chance", "chance", "", &chance, &truth).unwrap(), &truth, &quick()).unwrap();
    assert!(!none.is_shortcut, "{none:?}");

    // Content that tells the class, but for two labels that are wrong.
    let wrong = [10, 70];
    let class = |i: usize| (i < 48) != wrong.contains(&i);
    let content: Vec<f32> = (0..96).flat_map(|i| [if class(i) { 1.0 } else { 0.0 } + 0.1 * draw(), draw()]).collect();
    let content = Table::new(content, 2).unwrap();
    let predicted = out_of_fold(&content, &truth, &quick()).unwrap();
    let ranked = rank(&predicted, &content, &truth, &MislabelConfig::default()).unwrap();
    let mut first: Vec<usize> = ranked.ranked[..2].iter().map(|suspect| suspect.clip).collect();
    first.sort_unstable();
    assert_eq!(first, wrong);
    assert!(!leak(&content, &truth, &quick()).unwrap().leaks);

    let amounts = balance(&truth, &[1.0; 96], &vec!["train".to_owned(); 96]);
    assert_eq!(amounts.classes.len(), 2);
}
