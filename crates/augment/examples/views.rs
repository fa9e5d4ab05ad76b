//! Views of one clip: each epoch draws another one, and the same seed draws the same.

use augment::{SpectrogramAugment, augment, seed_for};

fn main() -> Result<(), augment::ConfigError> {
    let (n_mels, n_frames) = (64, 100);
    let clip: Vec<f32> = (0..n_mels * n_frames).map(|i| -60.0 + 20.0 * (0.01 * i as f32).sin()).collect(); // dB
    let config = SpectrogramAugment::strong();
    config.validate()?;
    let view = |epoch: u64| {
        let mut mel = clip.clone();
        augment(&mut mel, n_mels, n_frames, &[-50.0; 64], &config, 1.0, seed_for(0, 17, epoch));
        mel
    };
    assert_eq!(view(3), view(3));
    assert_ne!(view(3), view(4));
    Ok(())
}
