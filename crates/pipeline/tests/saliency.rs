//! What a trained model looked at, and the picture of it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "trained/mod.rs"]
mod trained;

use inference::{Input, Model, SaliencyMethod, Window, Windows};

#[test]
fn every_window_has_a_map_over_its_spectrogram() {
    let folder = trained::trained();
    let model = Model::open(folder.path().join("run")).unwrap();
    let of_windows = Windows::as_trained(&model, None).unwrap();
    let manifest = audio_io::Manifest::open(&folder.path().join("manifest.csv")).unwrap();
    let input = |nth: usize| Input::file(&manifest.file(&manifest.rows[nth]));
    let windows: Vec<Window> = (0..4).flat_map(|nth| of_windows.of(nth, &input(nth)).unwrap().windows).collect();
    let windows: Vec<&Window> = windows.iter().collect();
    assert_eq!(windows.len(), 4);
    let explained = of_windows.saliency(&model, &windows, &[0, 1, 0, 1], None).unwrap();
    for (explanation, window) in explained.iter().zip(&windows) {
        let [map] = &explanation.maps[..] else { panic!("{explanation:?}") };
        assert!(explanation.without.is_empty() && map.member.is_none() && map.method == SaliencyMethod::GradCam);
        assert_eq!((&map.mel, map.n_frames, map.cell), (&window.clip.mel, window.clip.n_frames, [8, 8]));
        assert_eq!((map.values.len(), map.band_hz.len()), (map.n_bands * map.n_frames, map.n_bands));
        assert!((map.seconds - 5.0).abs() < 0.1, "{}", map.seconds);
        let largest = map.values.iter().copied().fold(0.0, f32::max);
        assert!(map.values.iter().all(|value| (0.0..=1.0).contains(value)) && (largest == 0.0 || largest == 1.0));
        let axes = report::Axes { seconds: map.seconds, band_hz: map.band_hz.clone(), ..report::Axes::default() };
        let png = report::attention_png(&map.mel, &map.values, map.n_bands, map.n_frames, &axes).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() < 60_000, "{} bytes", png.len());
    }
    assert!(explained.iter().any(|explanation| explanation.maps[0].values.contains(&1.0)));
    // The same in any batch; another class is another map.
    let alone = of_windows.saliency(&model, &windows[1..2], &[1], None).unwrap();
    assert_eq!(alone, explained[1..2]);
    assert_ne!(of_windows.saliency(&model, &windows[1..2], &[0], None).unwrap(), alone);

    let none = of_windows.saliency(&model, &windows[..1], &[0], Some(SaliencyMethod::Rollout)).unwrap();
    assert_eq!((none[0].maps.len(), &none[0].without[0][..]), (0, "cnn: no such map for a network of this kind"));
    let error = inference::one_line(&of_windows.saliency(&model, &windows[..1], &[2], None).unwrap_err());
    assert_eq!(error, "cnn: what it looked at: classes of the clips: expected [1], each below 2, got [2]");
    assert!(of_windows.saliency(&model, &windows[..1], &[], None).is_err());
}
