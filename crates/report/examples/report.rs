//! The report on a run, as one HTML file.

use report::{Axes, ClipPlace, Example, Gallery, Metrics, RunReport, render, spectrogram_png};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Four bands, 64 frames: a tone that rises.
    let mel: Vec<f32> = (0..4 * 64).map(|i| if i / 64 == (i % 64) / 16 { 0.0 } else { -60.0 }).collect();
    let axes = Axes {
        seconds: 1.5,
        band_hz: vec![500.0, 1000.0, 2000.0, 4000.0],
        title: "bird/a.wav".into(),
        unit: "Hz".into(),
    };
    let png = spectrogram_png(&mel, 4, 64, &axes)?;
    let clip = ClipPlace { path: "bird/a.wav".into(), ..ClipPlace::default() };
    let example = Example { clip, predicted: "bird".into(), probability: 0.93, png, ..Example::default() };
    let parts = vec![("bird".into(), vec![example])];
    let metrics =
        Metrics { split: "test".into(), n: 51, accuracy: 0.86, balanced_accuracy: 0.857, ..Metrics::default() };
    let classes = vec!["bird".into(), "dog".into()];
    let run = RunReport {
        name: "first".into(),
        classes,
        evaluations: vec![metrics.into()],
        galleries: vec![Gallery { title: "Examples".into(), parts, ..Gallery::default() }],
        ..RunReport::default()
    };
    let html = render("My first run", &[run])?;
    assert!(html.contains("balanced accuracy is 0.857") && html.contains("data:image/png;base64,"));
    Ok(())
}
