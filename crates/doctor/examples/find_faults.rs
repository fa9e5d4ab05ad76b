//! Finds the faults of a clipped recording, and a shortcut: a sample rate that predicts the class.
use doctor::fault::{FaultConfig, FaultKind, faults};
use doctor::measure::measure;
use doctor::{CrossValidation, Nuisance, Truth, judge};

fn main() -> Result<(), doctor::Error> {
    // A tone that was recorded too loud, fading in and out.
    let sample = |i: usize| (2.0 * (i as f32 * 0.3).sin()).clamp(-0.7, 0.7) * (i.min(8000 - i) as f32 / 800.0).min(1.0);
    let clipped: Vec<f32> = (0..8000).map(sample).collect();
    let found = faults(Some(&measure(&[clipped], 8000)?), &[], &FaultConfig::default());
    assert!(found.iter().any(|fault| fault.kind == FaultKind::Clipped), "{found:?}");

    // Twelve recordings of each class, where all dogs were recorded at a lower rate.
    let labels: Vec<&str> = (0..48).map(|i| if i < 24 { "bird" } else { "dog" }).collect();
    let groups: Vec<String> = (0..48).map(|i| (i / 2).to_string()).collect();
    let truth = Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>())?;
    let rates: Vec<f64> = (0..48).map(|i| if i < 24 { 44_100.0 } else { 8000.0 }).collect();
    let rate = Nuisance::number("sample_rate", "the sample rate", "Hz", &rates, &truth)?;
    let shortcut = judge(&rate, &truth, &CrossValidation::default())?;
    assert!(shortcut.is_shortcut, "{}", shortcut.sentence);
    Ok(())
}
