//! Behavior of front ends through the public interface: any sound gives finite values, wrong settings are named.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

use features::{
    EmptyBands, Error, Framing, FrontEnd, FrontEndConfig, Kind, LogMelConfig, MelConfig, MfccConfig, Output,
    PcenConfig, Precision, Preset, Quietest, Reference, StftConfig, Window,
};
use proptest::prelude::*;

fn log_mel(mel: MelConfig) -> FrontEndConfig {
    FrontEndConfig { kind: Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() }), ..small() }
}

/// A front end of few bands and short frames, so that properties run quickly.
fn small() -> FrontEndConfig {
    let mel = MelConfig { n_mels: 16, ..MelConfig::default() };
    let kind = Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() });
    FrontEndConfig { sample_rate_hz: 8000, n_fft: 256, hop: 64, kind, ..FrontEndConfig::default() }
}

fn small_of(preset: Preset) -> FrontEndConfig {
    let mel = MelConfig { n_mels: 16, ..MelConfig::default() };
    let kind = match preset {
        Preset::LogMel => Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() }),
        Preset::Pcen => Kind::Pcen(PcenConfig { mel, ..PcenConfig::default() }),
        Preset::Stft => Kind::Stft(StftConfig::default()),
        Preset::Mfcc => Kind::Mfcc(MfccConfig { mel, n_mfcc: 13, ..MfccConfig::default() }),
        Preset::Yamnet | Preset::Ast => return preset.config(),
    };
    FrontEndConfig { kind, ..small() }
}

/// Samples at very different scales, silence among them.
fn samples() -> impl Strategy<Value = Vec<f32>> {
    let scale = prop::sample::select(vec![0.0_f32, 1e-38, 1e-20, 1e-6, 1.0, 32_768.0, 1e9]);
    (scale, prop::collection::vec(-1.0_f32..=1.0, 0..2000))
        .prop_map(|(scale, unit)| unit.into_iter().map(|x| x * scale).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_accepted_sound_gives_finite_values(samples in samples(), kind in 0..Preset::ALL.len(), f32_transform: bool) {
        let precision = if f32_transform { Precision::F32 } else { Precision::F64 };
        let config = FrontEndConfig { precision, ..small_of(Preset::ALL[kind]) };
        let values = FrontEnd::new(&config).unwrap().compute_one(&samples).unwrap();
        prop_assert!(values.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn any_sample_that_is_no_number_or_far_too_large_is_named(
        mut samples in prop::collection::vec(-1.0_f32..=1.0, 1..3000),
        place: prop::sample::Index,
        bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e9, -f32::MAX]),
    ) {
        let place = place.index(samples.len());
        samples[place] = bad;
        let error = FrontEnd::new(&small()).unwrap().compute_one(&samples).unwrap_err();
        prop_assert!(matches!(error, Error::Sample { index, .. } if index == place), "{}", error);
    }

    #[test]
    fn frames_never_become_fewer(n in 0_usize..100_000, more in 0_usize..5000, hop in 1_usize..3000, inside: bool) {
        let framing = if inside { Framing::Inside } else { Framing::Centered };
        let front_end = FrontEnd::new(&FrontEndConfig { hop, framing, ..small() }).unwrap();
        prop_assert!(front_end.n_frames(n) <= front_end.n_frames(n + more));
        prop_assert!(front_end.real_frames(n) <= front_end.real_frames(n + more));
        prop_assert!(front_end.real_frames(n) <= front_end.n_frames(n + more));
    }

    #[test]
    fn padding_changes_no_frame_inside_the_sound(
        samples in prop::collection::vec(-1.0_f32..=1.0, 1..2000),
        more in 0_usize..1000,
    ) {
        for preset in [Preset::Yamnet, Preset::Ast] {
            let front_end = FrontEnd::new(&preset.config()).unwrap();
            let padded = [samples.clone(), vec![0.0; more]].concat();
            let (n, m) = (front_end.real_frames(samples.len()), front_end.n_frames(padded.len()));
            let (a, b) = (front_end.compute_one(&samples).unwrap(), front_end.compute_one(&padded).unwrap());
            for (a, b) in a.chunks_exact(n).zip(b.chunks_exact(m)) {
                for (a, b) in a.iter().zip(&b[..n]) {
                    prop_assert!((a - b).abs() < 1e-5, "{} {}", a, b);
                }
            }
        }
    }

    #[test]
    fn a_constant_is_silence_where_the_mean_is_taken_off(level in -1.0_f32..=1.0, n in 400_usize..2000) {
        let values = FrontEnd::new(&Preset::Ast.config()).unwrap().compute_one(&vec![level; n]).unwrap();
        prop_assert!(values.iter().all(|value| (value - f32::EPSILON.ln()).abs() < 1e-5));
    }

    #[test]
    fn twice_as_loud_is_six_decibels_more(samples in prop::collection::vec(-1.0_f32..=1.0, 300..2000)) {
        let output = Output::Db { reference: Reference::One, top_db: None };
        let kind = Kind::LogMel(LogMelConfig {
            mel: MelConfig { n_mels: 16, ..MelConfig::default() },
            output,
            ..LogMelConfig::default()
        });
        let front_end = FrontEnd::new(&FrontEndConfig { kind, ..small() }).unwrap();
        let louder: Vec<f32> = samples.iter().map(|x| 2.0 * x).collect();
        let (once, twice) = (front_end.compute_one(&samples).unwrap(), front_end.compute_one(&louder).unwrap());
        for (a, b) in once.iter().zip(&twice).filter(|(a, _)| **a > -99.0) {
            prop_assert!((b - a - 6.020_6).abs() < 1e-4, "{} {}", a, b);
        }
    }

    #[test]
    fn a_delay_by_one_hop_moves_frames_by_one(samples in prop::collection::vec(-1.0_f32..=1.0, 600..2000)) {
        let front_end = FrontEnd::new(&small()).unwrap();
        let delayed = [vec![0.0; 64], samples.clone()].concat();
        let (n, m) = (front_end.n_frames(samples.len()), front_end.n_frames(delayed.len()));
        let (a, b) = (front_end.compute_one(&samples).unwrap(), front_end.compute_one(&delayed).unwrap());
        for band in 0..front_end.n_bands() {
            for frame in 0..n {
                let (a, b) = (a[band * n + frame], b[band * m + frame + 1]);
                // The floor under the maximum may differ by the frame that was added.
                prop_assert!((a - b).abs() < 1e-3, "band {} frame {}: {} {}", band, frame, a, b);
            }
        }
    }
}

#[test]
fn every_configuration_survives_json_and_toml() {
    let all = Preset::ALL.map(small_of).into_iter().chain(Preset::ALL.map(Preset::config));
    for config in all {
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<FrontEndConfig>(&json).unwrap(), config, "{json}");
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<FrontEndConfig>(&text).unwrap(), config, "{text}");
    }
}

#[test]
fn a_configuration_of_earlier_versions_is_the_same_text() {
    let earlier = r#"{"sample_rate_hz":22050,"n_fft":2048,"n_window":null,"hop":1024,"precision":"f64","kind":{"name":"log-mel","mel":{"n_mels":64,"f_min_hz":50.0,"f_max_hz":null,"scale":"slaney","norm":"slaney","empty_bands":"refuse"},"spectrum":"power","output":{"db":{"reference":"one","top_db":80.0}}}}"#;
    assert_eq!(serde_json::from_str::<FrontEndConfig>(earlier).unwrap(), FrontEndConfig::default());
    assert_eq!(serde_json::to_string(&FrontEndConfig::default()).unwrap(), earlier);
}

#[test]
fn a_file_says_only_what_differs() {
    let config: FrontEndConfig = toml::from_str("hop = 256\n[kind]\nname = \"log-mel\"\nmel.n_mels = 64\n").unwrap();
    let mel = MelConfig { n_mels: 64, ..MelConfig::default() };
    let kind = Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() });
    assert_eq!(config, FrontEndConfig { hop: 256, kind, ..FrontEndConfig::default() });
}

#[test]
fn a_misspelled_field_is_named() {
    for (text, field) in [
        ("hopp = 256", "hopp"),
        ("[kind]\nname = \"log-mel\"\nbands = 3", "bands"),
        ("[kind]\nname = \"log-mel\"\nmel.n_mel = 3", "n_mel"),
        ("[kind]\nname = \"log-mel\"\noutput = { db = { top = 3 } }", "top"),
        ("[kind]\nname = \"log-mel\"\noutput = { ln = { ofset = 0.1 } }", "`offset` or `floor`"),
        ("framing = \"outside\"", "`inside`"),
        ("[kind]\nname = \"mel\"", "mel"),
    ] {
        let error = toml::from_str::<FrontEndConfig>(text).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_logarithm_has_an_offset_or_a_floor() {
    for ln in ["{}", "{ offset = 0.1, floor = 0.1 }", "0.1"] {
        let text = format!("[kind]\nname = \"log-mel\"\noutput = {{ ln = {ln} }}");
        assert!(toml::from_str::<FrontEndConfig>(&text).is_err(), "{text}");
    }
}

#[test]
fn wrong_settings_are_named_with_what_was_expected() {
    let mel = || MelConfig { n_mels: 16, ..MelConfig::default() };
    let pcen = |pcen: PcenConfig| FrontEndConfig { kind: Kind::Pcen(PcenConfig { mel: mel(), ..pcen }), ..small() };
    let with_top_db = |top_db| {
        let output = Output::Db { reference: Reference::One, top_db: Some(top_db) };
        FrontEndConfig { kind: Kind::Stft(StftConfig { output, ..StftConfig::default() }), ..small() }
    };
    let ln = |quietest| {
        let output = Output::Ln(quietest);
        FrontEndConfig { kind: Kind::Stft(StftConfig { output, ..StftConfig::default() }), ..small() }
    };
    let wrong = [
        (FrontEndConfig { sample_rate_hz: 0, ..small() }, "sample_rate_hz", "at least 1"),
        (FrontEndConfig { hop: 0, ..small() }, "hop", "at least 1"),
        (FrontEndConfig { n_fft: 0, ..small() }, "n_fft", "even"),
        (FrontEndConfig { n_fft: 255, ..small() }, "n_fft", "even"),
        (FrontEndConfig { n_fft: 1 << 24, ..small() }, "n_fft", "1048576"),
        (FrontEndConfig { n_window: Some(257), ..small() }, "n_window", "2 to n_fft = 256"),
        (FrontEndConfig { n_window: Some(1), ..small() }, "n_window", "2 to n_fft = 256"),
        (
            FrontEndConfig { n_window: Some(2), window: Window::SymmetricHann, ..small() },
            "n_window",
            "3 to n_fft = 256",
        ),
        (FrontEndConfig { pre_emphasis: 1.1, ..small() }, "pre_emphasis", "0 to 1"),
        (FrontEndConfig { pre_emphasis: f64::NAN, ..small() }, "pre_emphasis", "0 to 1"),
        (ln(Quietest::Offset(0.0)), "output.ln.offset", "at least 1.2e-38"),
        (ln(Quietest::Floor(1e-40)), "output.ln.floor", "at least 1.2e-38"),
        (ln(Quietest::Floor(f32::INFINITY)), "output.ln.floor", "at least 1.2e-38"),
        (log_mel(MelConfig { n_mels: 0, ..mel() }), "mel.n_mels", "1 to the 129 bins"),
        (log_mel(MelConfig { n_mels: 130, ..mel() }), "mel.n_mels", "1 to the 129 bins"),
        (log_mel(MelConfig { n_mels: 128, f_max_hz: Some(2000.0), ..mel() }), "mel.n_mels", "or n_fft = 512"),
        (log_mel(MelConfig { f_min_hz: -1.0, ..mel() }), "mel.f_min_hz", "at least 0"),
        (log_mel(MelConfig { f_min_hz: f64::NAN, ..mel() }), "mel.f_min_hz", "at least 0"),
        (log_mel(MelConfig { f_max_hz: Some(4001.0), ..mel() }), "mel.f_max_hz", "at most 4000 Hz"),
        (log_mel(MelConfig { f_max_hz: Some(f64::NAN), ..mel() }), "mel.f_max_hz", "at most 4000 Hz"),
        (log_mel(MelConfig { f_min_hz: 4000.0, ..mel() }), "mel.f_max_hz", "more than mel.f_min_hz = 4000"),
        (pcen(PcenConfig { gain: -1.0, ..PcenConfig::default() }), "pcen.gain", "at least 0"),
        (pcen(PcenConfig { eps: 0.0, ..PcenConfig::default() }), "pcen.eps", "above 0"),
        (pcen(PcenConfig { time_constant_s: 0.0, ..PcenConfig::default() }), "pcen.time_constant_s", "above 0"),
        (with_top_db(-1.0), "output.top_db", "at least 0"),
        (with_top_db(f32::NAN), "output.top_db", "at least 0"),
        (
            FrontEndConfig {
                kind: Kind::Mfcc(MfccConfig { mel: mel(), n_mfcc: 17, ..MfccConfig::default() }),
                ..small()
            },
            "n_mfcc",
            "1 to mel.n_mels = 16",
        ),
    ];
    for (config, wanted_field, wanted) in wrong {
        match FrontEnd::new(&config) {
            Err(Error::Config { field, expected, .. }) => {
                assert_eq!(field, wanted_field);
                assert!(expected.contains(wanted), "{field}: {expected}");
            }
            other => panic!("{wanted_field}: {other:?}"),
        }
    }
}

#[test]
fn bands_without_a_bin_can_be_allowed_and_are_silent() {
    let mel = MelConfig { n_mels: 128, f_max_hz: Some(2000.0), empty_bands: EmptyBands::Allow, ..MelConfig::default() };
    let kind = Kind::LogMel(LogMelConfig { mel, output: Output::Linear, ..LogMelConfig::default() });
    let front_end = FrontEnd::new(&FrontEndConfig { kind, ..small() }).unwrap();
    let mut click = vec![0.0; 64];
    click[0] = 1.0;
    let values = front_end.compute_one(&click).unwrap();
    let n_silent = values.chunks_exact(2).filter(|band| band[0] == 0.0).count();
    assert!((1..128).contains(&n_silent), "{n_silent}");
}

#[test]
fn rows_have_names_and_places() {
    for preset in Preset::ALL {
        let front_end = FrontEnd::new(&preset.config()).unwrap();
        let axis = front_end.axis();
        assert_eq!(axis.centers.len(), front_end.n_bands(), "{preset}");
        assert!(axis.centers.is_sorted(), "{preset}");
        let frequencies = front_end.band_hz();
        if preset == Preset::Mfcc {
            assert!(frequencies.is_empty());
        } else {
            assert_eq!((axis.unit, axis.name), ("Hz", "frequency"));
            assert_eq!(frequencies, axis.centers);
        }
    }
}
