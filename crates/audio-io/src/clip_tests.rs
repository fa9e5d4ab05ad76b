//! Tests of `clip`.

use super::*;
use crate::window::Padding;

fn two_channels(n: usize) -> Decoded {
    let ramp: Vec<f32> = (0..n).map(|i| i as f32 / n as f32).collect();
    Decoded { rate_hz: 1000, channels: vec![ramp, vec![0.5; n]], ..Decoded::default() }
}

fn config(channels: ChannelPolicy) -> ClipConfig {
    let window =
        Windowing { placement: Placement::Sliding { overlap_s: 0.0 }, seconds: 1.0, padding: Padding::Silence };
    ClipConfig { sample_rate_hz: 1000, channels, level: Level::None, window, ..ClipConfig::default() }
}

#[test]
fn rows_are_parts_of_the_file() {
    let file = two_channels(4000);
    let cut = clips(&file, Some(1.5), Some(3.5), Some(0), &config(ChannelPolicy::Mix)).unwrap();
    assert_eq!(cut.iter().map(|clip| (clip.start_s, clip.seconds)).collect::<Vec<_>>(), [(1.5, 1.0), (2.5, 1.0)]);
    assert_eq!(cut[0].samples[0], 1500.0 / 4000.0);
    assert_eq!(cut[0].channel, Some(0));
}

#[test]
fn all_channels_are_clips_of_their_own_and_a_mix_is_one() {
    let file = two_channels(1000);
    let all = clips(&file, None, None, None, &config(ChannelPolicy::All)).unwrap();
    assert_eq!(all.iter().map(|clip| clip.channel).collect::<Vec<_>>(), [Some(0), Some(1)]);
    let mix = clips(&file, None, None, None, &config(ChannelPolicy::Mix)).unwrap();
    assert_eq!((mix.len(), mix[0].channel, mix[0].samples[0]), (1, None, 0.25));
}

#[test]
fn a_window_is_the_same_clip_whatever_else_the_file_holds() {
    let mut file = two_channels(400_000);
    file.rate_hz = 44_100;
    let noise = |i: u64| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5;
    file.channels[0] = (0..400_000).map(noise).collect();
    let mut louder = file.clone();
    louder.channels[0][300_000..].iter_mut().for_each(|sample| *sample *= 3.0);
    louder.channels.iter_mut().for_each(|samples| samples.truncate(350_000));
    for (placement, row) in [
        (Placement::First, (None, None)),
        (Placement::First, (Some(1.2345), Some(6.0))),
        (Placement::Loudest, (Some(0.3), Some(4.9))),
        (Placement::Center, (Some(0.5), Some(5.5))),
    ] {
        let window = Windowing { placement, seconds: 2.0, padding: Padding::Silence };
        let config = ClipConfig { window, ..ClipConfig::default() };
        let clip = clips(&file, row.0, row.1, None, &config).unwrap();
        assert_eq!(clips(&louder, row.0, row.1, None, &config).unwrap(), clip);
        assert!((crate::level::peak(&clip[0].samples) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn clips_are_those_of_resampling_everything_and_cutting() {
    let mut file = two_channels(300_000);
    file.channels[0] = (0..300_000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
    for (rate_hz, row) in [(44_100, (Some(2.0), Some(5.0))), (48_000, (None, None)), (11_025, (Some(7.5), None))] {
        file.rate_hz = rate_hz;
        let whole = crate::resample(&file.channels[0], rate_hz, 22_050).unwrap();
        for placement in [Placement::First, Placement::Center, Placement::Whole] {
            let window = Windowing { placement, seconds: 1.0, padding: Padding::Silence };
            let config = ClipConfig { level: Level::None, window, ..ClipConfig::default() };
            let clip = clips(&file, row.0, row.1, Some(0), &config).unwrap().remove(0);
            let start = (clip.start_s * 22_050.0).round() as usize;
            assert!(clip.samples == whole[start..start + clip.n_real], "{rate_hz} {placement:?}");
        }
    }
}

#[test]
fn equalizing_is_off_by_default_and_one_window_is_one_clip() {
    assert!(!serde_json::to_string(&ClipConfig::default()).unwrap().contains("equalize"));
    let mut file = two_channels(3000);
    file.rate_hz = 16_000;
    let equalize = Equalize { band_hz: Some([100.0, 3000.0]), floor_db: Some([40.0, 40.0]) };
    let window = Windowing { placement: Placement::Loudest, seconds: 1.0, padding: Padding::Silence };
    let config = ClipConfig { window, equalize, ..ClipConfig::default() };
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<ClipConfig>(&text).unwrap(), config);
    let clip = clips(&file, None, None, None, &config).unwrap().remove(0);
    let floor = crate::level::rms(&clip.samples[clip.n_real..]);
    assert!((floor - 0.01).abs() < 5e-4, "padding holds the floor: {floor}");
    assert_eq!(clips(&file, None, None, None, &config).unwrap()[0], clip);
}

#[test]
fn a_row_says_how_much_of_the_file_it_needs() {
    let first = ClipConfig::default();
    let seconds = |config: &ClipConfig, start, end| config.seconds_needed(start, end).map(|until| until.seconds);
    assert_eq!(seconds(&first, None, None), Some(5.0));
    assert_eq!(seconds(&first, Some(2.0), Some(9.0)), Some(7.0));
    assert_eq!(seconds(&first, Some(2.0), Some(3.0)), Some(3.0));
    assert_eq!(seconds(&first, Some(f64::NAN), None), None);
    let all = config(ChannelPolicy::Mix);
    assert_eq!((seconds(&all, Some(2.0), None), seconds(&all, None, Some(3.0))), (None, Some(3.0)));
}

#[test]
fn a_window_without_sound_is_marked_whatever_rings_into_it() {
    let mut file = two_channels(12_000);
    file.channels[0] = (0..12_000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
    file.channels[0][4000..8000].fill(0.25);
    file.channels.truncate(1);
    for sample_rate_hz in [1000, 2000, 700] {
        let config = ClipConfig { sample_rate_hz, level: Level::Peak, ..config(ChannelPolicy::Mix) };
        let clips = clips(&file, None, None, None, &config).unwrap();
        let silent: Vec<f64> = clips.iter().filter(|clip| clip.is_silent()).map(|clip| clip.start_s).collect();
        assert_eq!(silent, [4.0, 5.0, 6.0, 7.0], "{sample_rate_hz} Hz");
        assert_eq!(clips[5].silence, Some(Silence::Constant));
        assert_eq!(crate::audible(clips).unwrap().len(), 8);
    }
    file.channels.push(file.channels[0].iter().map(|sample| -sample).collect());
    let mixed = clips(&file, None, None, None, &config(ChannelPolicy::Mix)).unwrap();
    assert!(mixed.iter().enumerate().all(|(i, clip)| {
        let expected = if (4..8).contains(&i) { Silence::Constant } else { Silence::Cancelled };
        clip.silence == Some(expected)
    }));
    assert!(crate::audible(mixed).unwrap_err().to_string().contains("cancel each other"));
    let one = clips(&file, None, None, Some(1), &config(ChannelPolicy::Mix)).unwrap();
    assert_eq!(one.iter().filter(|clip| clip.is_silent()).count(), 4);
}

#[test]
fn rows_outside_the_file_are_errors_that_say_so() {
    let file = two_channels(4000);
    let cut = |start, end| clips(&file, start, end, None, &config(ChannelPolicy::Mix));
    let error = cut(Some(1.0), Some(5.0)).unwrap_err().to_string();
    assert_eq!(error, "the row asks for 1 s to 5 s, the file has 4 s");
    assert!(cut(Some(4.0), None).is_err());
    assert!(cut(Some(f64::NAN), None).is_err());
    assert!(cut(Some(2.0), Some(1.0)).is_err());
    assert_eq!(cut(Some(3.0), Some(4.009)).unwrap()[0].n_real, 1000);
    assert!(matches!(clips(&two_channels(0), None, None, None, &ClipConfig::default()), Err(Error::NoSound)));
}

#[test]
fn the_rate_changes_and_the_padding_is_counted() {
    let window = Windowing { placement: Placement::First, seconds: 5.0, padding: Padding::Repeat };
    let config = ClipConfig { sample_rate_hz: 2000, window, ..ClipConfig::default() };
    let clip = clips(&two_channels(1500), None, None, None, &config).unwrap().remove(0);
    assert_eq!((clip.samples.len(), clip.n_real, clip.seconds), (10_000, 3000, 1.5));
}

#[test]
fn the_configuration_reads_like_the_struct() {
    let text = r#"{"sample_rate_hz":16000,"channels":"all","level":"rms",
        "window":{"placement":{"sliding":{"overlap_s":1.0}},"seconds":2.0,"padding":"silence"}}"#;
    let config: ClipConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.window.placement, Placement::Sliding { overlap_s: 1.0 });
    let back = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<ClipConfig>(&back).unwrap(), config);
    assert!(serde_json::from_str::<ClipConfig>(r#"{"sample_rate":16000}"#).is_err());
    assert_eq!(serde_json::from_str::<ClipConfig>("{}").unwrap(), ClipConfig::default());
}
