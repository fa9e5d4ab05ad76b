//! One second of a tone as a log-mel spectrogram.

use features::{FrontEnd, FrontEndConfig};

fn main() -> features::Result<()> {
    let front_end = FrontEnd::new(&FrontEndConfig::default())?;
    let samples: Vec<f32> = (0..22_050).map(|i| (0.3 * i as f32).sin()).collect();
    let mel = front_end.compute_one(&samples)?; // [n_bands, n_frames]
    let n_frames = front_end.n_frames(samples.len());
    assert_eq!(mel.len(), front_end.n_bands() * n_frames);

    // The tone has 1053 Hz: its band is louder than the highest one.
    let loudest = (0..mel.len()).max_by(|&a, &b| mel[a].total_cmp(&mel[b])).unwrap_or(0) / n_frames;
    assert!((5..40).contains(&loudest), "band {loudest}");
    Ok(())
}
