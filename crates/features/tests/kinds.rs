//! What the kinds of front end give for sounds that are known.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use features::{FrontEnd, FrontEndConfig, Kind, LogMelConfig, MelConfig};

#[test]
fn a_tone_is_loudest_in_its_own_band() {
    let mel = MelConfig { n_mels: 128, ..MelConfig::default() };
    let kind = Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() });
    let front_end = FrontEnd::new(&FrontEndConfig { hop: 512, kind, ..FrontEndConfig::default() }).unwrap();
    let samples: Vec<f32> = (0..22_050).map(|i| (i as f32 * 0.5).sin()).collect(); // 0.5 rad a sample: 1754.7 Hz
    let mel = front_end.compute_one(&samples).unwrap();
    let n_frames = front_end.n_frames(samples.len());
    let loudness = |band: usize| mel[band * n_frames + 20];
    let loudest = (0..front_end.n_bands()).max_by(|&a, &b| loudness(a).total_cmp(&loudness(b))).unwrap();
    assert!((front_end.band_hz()[loudest] - 1754.7).abs() < 40.0);
}

#[test]
fn a_waveform_is_the_samples() {
    let front_end = FrontEnd::new(&FrontEndConfig { kind: Kind::Waveform, ..FrontEndConfig::default() }).unwrap();
    let samples: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.5).sin()).collect();
    assert_eq!((front_end.n_bands(), front_end.n_frames(1000), front_end.real_frames(700)), (1, 1000, 700));
    assert_eq!(front_end.compute_one(&samples).unwrap(), samples);
    let text = serde_json::to_string(front_end.config()).unwrap();
    assert_eq!(&serde_json::from_str::<FrontEndConfig>(&text).unwrap(), front_end.config());
}
