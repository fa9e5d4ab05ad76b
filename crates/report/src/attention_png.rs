//! What a network looked at, as a picture: its spectrogram in gray, the map over it in color.

use crate::canvas::BACKGROUND_RGB;
use crate::color::{N_COLORS, mixed};
use crate::error::{Error, Result};
use crate::spectrogram::{Axes, frame, range};

/// Levels of gray, from quiet to loud.
const N_GRAYS: usize = 32;
/// Levels of the map, from none to the most.
const N_MARKS: usize = 7;
const _: () = assert!(N_GRAYS * N_MARKS <= N_COLORS, "all mixtures fit into the palette");
/// Gray of the quietest and of the loudest; the map is brighter than both.
const GRAYS: [[u8; 3]; 2] = [[14, 14, 18], [214, 214, 218]];
/// Color of the map.
const MARK: [u8; 3] = [255, 112, 16];
/// Share of that color where the map is largest; the rest stays gray.
const MOST: f32 = 0.8;

/// Draws `mel` as [`spectrogram_png`](crate::spectrogram_png) does, of the same size and with the same axes, but in gray, and over
/// it `map`, which is 0 where nothing was looked at and 1 where most was; what is not finite is drawn as 0.
///
/// # Shapes
/// `mel` and `map`: `[n_bands, n_frames]` row-major, from low to high band and early to late frame.
///
/// # Errors
/// As for [`spectrogram_png`](crate::spectrogram_png), and a map of another size.
pub fn attention_png(mel: &[f32], map: &[f32], n_bands: usize, n_frames: usize, axes: &Axes) -> Result<Vec<u8>> {
    if map.len() != mel.len() {
        let (expected, got) = (format!("[{n_bands}, {n_frames}]"), format!("{} values", map.len()));
        return Err(Error::Picture { part: "map", expected, got });
    }
    let (mut canvas, plot) = frame(mel, n_bands, n_frames, axes)?;
    let grays = plot.levels(mel, N_GRAYS, range(mel));
    let marks = plot.levels(map, N_MARKS, (0.0, 1.0));
    let both: Vec<u8> = grays.iter().zip(&marks).map(|(gray, mark)| mark * N_GRAYS as u8 + gray).collect();
    plot.paint(&mut canvas, &both);
    canvas.encode_with(&palette())
}

/// The colors of every gray under every level of the map.
fn palette() -> [[u8; 3]; N_COLORS] {
    let mut colors = [BACKGROUND_RGB; N_COLORS];
    for mark in 0..N_MARKS {
        for gray in 0..N_GRAYS {
            let under = mixed(GRAYS[0], GRAYS[1], gray as f32 / (N_GRAYS - 1) as f32);
            let share = MOST * mark as f32 / (N_MARKS - 1) as f32;
            colors[mark * N_GRAYS + gray] = mixed(under, MARK, share);
        }
    }
    colors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrogram_png;
    use ::png as encoder;

    /// Width, height and colors of a PNG file.
    fn decode(file: &[u8]) -> (usize, usize, Vec<[u8; 3]>) {
        let mut decoder = encoder::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(encoder::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (info.width as usize, info.height as usize, bytes.as_chunks::<3>().0.to_vec())
    }

    #[test]
    fn a_page_can_switch_between_both_pictures() {
        let axes = Axes { seconds: 5.0, band_hz: vec![100.0, 200.0], title: "a.wav".into(), unit: "Hz".into() };
        // The low band of the late frame sounds; the low band of the early frame is marked.
        let mel = [-80.0, 0.0, -80.0, -80.0];
        let (width, height, plain) = decode(&spectrogram_png(&mel, 2, 2, &axes).unwrap());
        let of_map = |map: &[f32]| attention_png(&mel, map, 2, 2, &axes).unwrap();
        let marked = of_map(&[1.0, 0.0, f32::NAN, 0.0]);
        let (w, h, marked) = decode(&marked);
        assert_eq!((w, h), (width, height));
        let differ: Vec<usize> = (0..plain.len()).filter(|i| plain[*i] != marked[*i]).collect();
        let bounds = |of: fn(usize, usize) -> usize| {
            let places = || differ.iter().map(|i| of(*i, width));
            (places().min().unwrap(), places().max().unwrap())
        };
        let ((left, right), (top, bottom)) = (bounds(|i, width| i % width), bounds(|i, width| i / width));
        assert_eq!((right - left + 1, bottom - top + 1), (520, 256), "axes and title are the same");
        let at = |x: usize, y: usize| marked[y * width + x];
        let is_gray = |[r, _, b]: [u8; 3]| r.abs_diff(b) < 8;
        assert!(!is_gray(at(left, bottom)) && at(left, bottom)[0] > 200, "{:?}", at(left, bottom));
        assert!(is_gray(at(right, bottom)) && at(right, bottom)[0] > 200, "{:?}", at(right, bottom));
        assert!(is_gray(at(left, top)) && at(left, top)[0] < 30, "{:?}", at(left, top));
        assert_ne!(of_map(&[0.0; 4]), of_map(&[0.5; 4]));
    }

    #[test]
    fn a_map_of_another_size_is_refused() {
        let axes = Axes::default();
        let error = attention_png(&[0.0; 6], &[0.0; 5], 2, 3, &axes).unwrap_err().to_string();
        assert_eq!(error, "spectrogram picture: map: expected [2, 3], got 5 values");
        assert!(attention_png(&[0.0; 5], &[0.0; 5], 2, 3, &axes).is_err());
    }
}
