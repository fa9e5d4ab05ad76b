//! What holds for every waveform step, whatever the sound, the rate and the seed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use augment::waveform::{WaveformAugment, WaveformStep, augment_waveform, pitch_shift, speed, time_stretch};
use proptest::prelude::*;

/// Barks of a sort: bursts of harmonics between silence.
fn barks(n: usize, rate_hz: u32, pitch_hz: f32) -> Vec<f32> {
    let rate = rate_hz as f32;
    let bark = |i: usize| {
        let t = (i as f32 / rate) % 0.35;
        let loudness = (t / 0.01).min(1.0) * (1.0 - t / 0.2).max(0.0);
        (1..6).map(|k| (std::f32::consts::TAU * pitch_hz * k as f32 * t).sin() / k as f32).sum::<f32>() * loudness
    };
    (0..n).map(bark).collect()
}

fn backgrounds() -> Vec<Vec<f32>> {
    vec![(0..9000).map(|i| ((i * 37) % 101) as f32 / 500.0 - 0.1).collect()]
}

fn view(samples: &[f32], rate_hz: u32, config: &WaveformAugment, seed: u64) -> Vec<f32> {
    let mut view = samples.to_vec();
    augment_waveform(&mut view, rate_hz, config, &backgrounds(), seed);
    view
}

#[test]
fn off_is_the_identity() {
    let clip = barks(20_000, 22_050, 400.0);
    (0..20).for_each(|seed| assert_eq!(view(&clip, 22_050, &WaveformAugment::off(), seed), clip));
}

#[test]
fn every_step_changes_a_clip_and_says_so() {
    let clip = barks(30_000, 22_050, 400.0);
    for step in WaveformStep::ALL {
        let config = WaveformAugment::strong().only(step);
        let mut samples = clip.clone();
        let said = augment_waveform(&mut samples, 22_050, &config, &backgrounds(), 3);
        assert!(said.len() == 1 && samples != clip, "{}: {said:?}", step.name());
        assert_eq!(samples.len(), clip.len(), "{}", step.name());
    }
}

#[test]
fn switching_one_step_off_leaves_what_the_others_draw() {
    let config = WaveformAugment::strong();
    let without = WaveformAugment { pitch: WaveformAugment::off().pitch, ..config.clone() };
    let said = |config: &WaveformAugment, seed| {
        let mut said = augment_waveform(&mut barks(4000, 22_050, 300.0), 22_050, config, &backgrounds(), seed);
        said.retain(|line| !line.starts_with("pitch"));
        said
    };
    (0..50).for_each(|seed| assert_eq!(said(&config, seed), said(&without, seed)));
}

#[test]
fn seeds_give_different_views() {
    let clip = barks(8000, 22_050, 300.0);
    let views: Vec<_> = (0..30).map(|seed| view(&clip, 22_050, &WaveformAugment::strong(), seed)).collect();
    for (i, one) in views.iter().enumerate() {
        assert!(views[..i].iter().all(|other| one != other), "{i}");
    }
}

#[test]
fn a_length_may_follow_the_pace() {
    let mut config = WaveformAugment::light().only(WaveformStep::Stretch);
    config.stretch.keep_length = false;
    config.stretch.factor = [0.5, 0.5];
    assert_eq!(view(&barks(10_000, 22_050, 300.0), 22_050, &config, 1).len(), 20_000);
}

/// The frequency of the strongest sine among those within 3 % of `hz`.
fn tone_hz(samples: &[f32], rate_hz: f64, hz: f64) -> f64 {
    let middle = &samples[samples.len() / 4..3 * samples.len() / 4];
    let n = middle.len() as f64;
    let strength = |hz: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, x) in middle.iter().enumerate() {
            let window = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n).cos();
            let angle = std::f64::consts::TAU * hz * i as f64 / rate_hz;
            re += window * f64::from(*x) * angle.cos();
            im += window * f64::from(*x) * angle.sin();
        }
        re * re + im * im
    };
    let candidates = (-300..=300).map(|i| hz * (1.0 + f64::from(i) * 1e-4));
    candidates.max_by(|a, b| strength(*a).total_cmp(&strength(*b))).unwrap()
}

#[test]
fn tones_and_clicks_are_where_they_should_be() {
    let tone = |hz: f64| -> Vec<f32> {
        (0..22_050).map(|i| (std::f64::consts::TAU * hz * f64::from(i) / 22_050.0).sin() as f32).collect()
    };
    for hz in [220.0, 1000.0] {
        for factor in [0.7, 1.3] {
            let found = tone_hz(&time_stretch(&tone(hz), 22_050, factor), 22_050.0, hz);
            assert!((1200.0 * (found / hz).log2()).abs() < 1.0, "{hz} Hz, {factor}: {found} Hz");
        }
        for semitones in [-3.0, 4.0] {
            let expected = hz * (semitones / 12.0f64).exp2();
            let found = tone_hz(&pitch_shift(&tone(hz), 22_050, semitones), 22_050.0, expected);
            assert!((1200.0 * (found / expected).log2()).abs() < 1.0, "{hz} Hz, {semitones}: {found} Hz");
        }
    }
    let mut clicks: Vec<f32> = tone(440.0).iter().map(|x| 0.05 * x).collect();
    for at in [5000, 14_000] {
        clicks[at] = 1.0;
    }
    for factor in [0.6, 0.8, 1.25, 1.6] {
        let stretched = time_stretch(&clicks, 22_050, factor);
        for at in [5000.0, 14_000.0] {
            let at = at / factor;
            let near = at as usize - 1500..at as usize + 1500;
            let loudest = near.max_by(|a, b| stretched[*a].abs().total_cmp(&stretched[*b].abs())).unwrap();
            assert!((loudest as f64 - at).abs() <= 3.0, "{factor}: {loudest} for {at}");
            assert!(stretched[loudest].abs() > 0.8, "{factor}: sharp, not {}", stretched[loudest]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn views_are_finite_as_long_and_the_same_again(
        seed: u64, n in 0usize..6000, rate_hz in prop::sample::select(vec![8000u32, 16_000, 22_050, 48_000]),
        pitch_hz in 50f32..3000.0, gain in 0f32..2.0,
    ) {
        let clip: Vec<f32> = barks(n, rate_hz, pitch_hz).iter().map(|x| gain * x).collect();
        for config in [WaveformAugment::light(), WaveformAugment::strong()] {
            let once = view(&clip, rate_hz, &config, seed);
            prop_assert_eq!(once.len(), n);
            prop_assert!(once.iter().all(|x| x.is_finite()));
            let again = view(&clip, rate_hz, &config, seed);
            prop_assert!(once.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn silence_stays_silent_and_finite(seed: u64, n in 0usize..4000) {
        prop_assert!(view(&vec![0.0; n], 22_050, &WaveformAugment::strong(), seed).iter().all(|x| *x == 0.0));
    }

    #[test]
    fn every_factor_gives_its_length(n in 0usize..5000, factor in 0.25f64..4.0, semitones in -24f64..24.0) {
        let clip = barks(n, 16_000, 300.0);
        let expected = if n == 0 { 0 } else { ((n as f64 / factor).round() as usize).max(1) };
        for out in [time_stretch(&clip, 16_000, factor), speed(&clip, factor)] {
            prop_assert_eq!(out.len(), expected);
            prop_assert!(out.iter().all(|x| x.is_finite()));
        }
        let shifted = pitch_shift(&clip, 16_000, semitones);
        prop_assert!(shifted.len() == n && shifted.iter().all(|x| x.is_finite()));
    }
}
