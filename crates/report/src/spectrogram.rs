//! A spectrogram as a picture with axes.

use crate::canvas::{Align, Canvas, Ink};
use crate::color::N_COLORS;
use crate::error::{Error, Result};
use crate::text::{LINE, shortened};
use crate::ticks;

/// What is written at the axes of a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axes {
    /// Length of the time axis, in seconds.
    pub seconds: f64,
    /// Center frequency of each band, rising, `[n_bands]`; empty to number the bands instead.
    pub band_hz: Vec<f32>,
    /// What the picture shows, on top of it.
    pub title: String,
    /// Unit of the vertical axis.
    pub unit: String,
}

/// Pixels from the edges of the picture to the plot.
const LEFT: usize = 76;
const RIGHT: usize = 20;
const TOP: usize = LINE + LINE / 2 + 6;
const BOTTOM: usize = LINE + 16;
/// Pixels from the left edge to the title.
const MARGIN: usize = 10;
/// Length of the marks on an axis.
const MARK: usize = 6;
/// Pixels between a mark and its label.
const GAP: usize = 4;
/// The plot is about this wide and high, ...
const WIDTH: usize = 520;
const HEIGHT: usize = 256;
/// ... and at most this many times that, so that a frame or band is a whole number of pixels.
const MOST: usize = 2;
/// This share of the values, the lowest, is drawn in the color of the quietest.
const FLOOR_SHARE: f64 = 0.02;

/// Draws `mel`, `[n_bands, n_frames]` row-major from low to high band and early to late frame, as a PNG file.
///
/// Colors span the values from the 2nd percentile to the largest; a value that is not finite is drawn as the quietest.
/// Where there are more frames or bands than pixels, neighbors are averaged.
///
/// The text of `axes` is drawn in a font that covers Latin, Greek and Cyrillic; other characters are shown by their code
/// points.
///
/// # Errors
/// [`Error::Picture`] when `mel` is not `[n_bands, n_frames]` or `axes.band_hz` is neither empty nor `[n_bands]`.
pub fn spectrogram_png(mel: &[f32], n_bands: usize, n_frames: usize, axes: &Axes) -> Result<Vec<u8>> {
    draw(mel, n_bands, n_frames, axes)?.encode()
}

/// One of several spectrograms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// `[n_bands, n_frames]`, as for [`spectrogram_png`].
    pub mel: Vec<f32>,
    /// Bands.
    pub n_bands: usize,
    /// Frames.
    pub n_frames: usize,
    /// What is written at its axes.
    pub axes: Axes,
}

/// Draws several spectrograms in a grid with `n_columns` columns, as one PNG file. Each has its own color scale.
///
/// # Errors
/// [`Error::Picture`] without a panel or a column, or when a panel does not have the size that it claims.
pub fn spectrogram_sheet(panels: &[Panel], n_columns: usize) -> Result<Vec<u8>> {
    if panels.is_empty() || n_columns == 0 {
        let got = format!("{} panels in {n_columns} columns", panels.len());
        return Err(Error::Picture { part: "sheet", expected: "at least one of each".into(), got });
    }
    let drawn: Vec<Canvas> = panels
        .iter()
        .map(|panel| draw(&panel.mel, panel.n_bands, panel.n_frames, &panel.axes))
        .collect::<Result<_>>()?;
    let most = |size: fn(&Canvas) -> usize| drawn.iter().map(size).max().unwrap_or_default();
    let (width, height) = (most(|canvas| canvas.width), most(|canvas| canvas.height));
    let n_columns = n_columns.min(drawn.len());
    let mut sheet = Canvas::new(n_columns * width, drawn.len().div_ceil(n_columns) * height);
    for (i, canvas) in drawn.iter().enumerate() {
        let (left, top) = (i % n_columns * width, i / n_columns * height);
        sheet.place(canvas, left, top);
    }
    sheet.encode()
}

fn draw(mel: &[f32], n_bands: usize, n_frames: usize, axes: &Axes) -> Result<Canvas> {
    let (mut canvas, plot) = frame(mel, n_bands, n_frames, axes)?;
    plot.paint(&mut canvas, &plot.levels(mel, N_COLORS, range(mel)));
    Ok(canvas)
}

/// A picture of a spectrogram without its values.
pub(crate) fn frame(mel: &[f32], n_bands: usize, n_frames: usize, axes: &Axes) -> Result<(Canvas, Plot)> {
    if n_bands == 0 || n_frames == 0 || n_bands.checked_mul(n_frames) != Some(mel.len()) {
        let (expected, got) = (format!("[{n_bands}, {n_frames}], not empty"), format!("{} values", mel.len()));
        return Err(Error::Picture { part: "mel", expected, got });
    }
    if !(axes.band_hz.is_empty() || axes.band_hz.len() == n_bands) {
        let (expected, got) = (format!("{n_bands} frequencies or none"), axes.band_hz.len().to_string());
        return Err(Error::Picture { part: "band_hz", expected, got });
    }
    let (width, height) = (extent(n_frames, WIDTH), extent(n_bands, HEIGHT));
    let mut canvas = Canvas::new(LEFT + width + RIGHT, TOP + height + BOTTOM);
    draw_time(&mut canvas, axes, width, height);
    draw_bands(&mut canvas, axes, n_bands, height);
    let title = shortened(&axes.title, canvas.width - 2 * MARGIN);
    canvas.text(MARGIN, 4, Align::Left, &title, Ink::Bright);
    Ok((canvas, Plot { n_bands, n_frames, width, height }))
}

/// The part of a picture that shows values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plot {
    n_bands: usize,
    n_frames: usize,
    width: usize,
    height: usize,
}

impl Plot {
    /// Which of `n_levels` levels each pixel has, `[height, width]` from the low bands on: 0 for `low` and below, the last for
    /// `high`. The mean where a pixel shows several values; what is not finite counts as `low`.
    pub(crate) fn levels(&self, values: &[f32], n_levels: usize, (low, high): (f32, f32)) -> Vec<u8> {
        let scale = (n_levels - 1) as f32 / (high - low).max(f32::MIN_POSITIVE);
        let columns: Vec<_> = (0..self.width).map(|x| cells(x, self.width, self.n_frames)).collect();
        let mut levels = Vec::with_capacity(self.width * self.height);
        for bands in (0..self.height).map(|y| cells(y, self.height, self.n_bands)) {
            for frames in &columns {
                let (mut sum, mut n) = (0.0, 0.0);
                for band in bands.clone() {
                    for value in &values[band * self.n_frames..][frames.clone()] {
                        sum += if value.is_finite() { *value } else { low };
                        n += 1.0;
                    }
                }
                levels.push(((sum / n - low) * scale).round().clamp(0.0, (n_levels - 1) as f32) as u8);
            }
        }
        levels
    }

    /// Sets the pixels to palette indices, `[height, width]` from the low bands on, which are at the bottom.
    pub(crate) fn paint(&self, canvas: &mut Canvas, indices: &[u8]) {
        for (y, row) in indices.chunks_exact(self.width).enumerate() {
            row.iter().enumerate().for_each(|(x, index)| canvas.set(LEFT + x, TOP + self.height - 1 - y, *index));
        }
    }
}

/// Pixels for `n` values: a whole number each if they are few, else one each up to the most that a picture may have.
fn extent(n: usize, about: usize) -> usize {
    if n >= about { n.min(MOST * about) } else { n * (about / n) }
}

/// The values that pixel `i` of `pixels` shows, of `n`.
fn cells(i: usize, pixels: usize, n: usize) -> std::ops::Range<usize> {
    let from = i * n / pixels;
    from..((i + 1) * n / pixels).max(from + 1)
}

/// The values of the first and the last color.
pub(crate) fn range(mel: &[f32]) -> (f32, f32) {
    let mut values: Vec<f32> = mel.iter().copied().filter(|x| x.is_finite()).collect();
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let at = ((values.len() - 1) as f64 * FLOOR_SHARE) as usize;
    let (_, low, rest) = values.select_nth_unstable_by(at, f32::total_cmp);
    let high = rest.iter().copied().fold(*low, f32::max);
    (*low, high)
}

fn draw_time(canvas: &mut Canvas, axes: &Axes, width: usize, height: usize) {
    let bottom = TOP + height;
    for (time, label) in ticks::times(axes.seconds, 6) {
        let share = if axes.seconds > 0.0 { time / axes.seconds } else { 0.0 };
        let x = LEFT + ((width - 1) as f64 * share).round() as usize;
        canvas.vertical(x, bottom, bottom + MARK, Ink::Bright);
        canvas.text(x, bottom + MARK + GAP, Align::Center, &label, Ink::Bright);
    }
    canvas.text(LEFT / 2, bottom + MARK + GAP, Align::Right, "s", Ink::Faint);
}

fn draw_bands(canvas: &mut Canvas, axes: &Axes, n_bands: usize, height: usize) {
    let marks = if axes.band_hz.is_empty() { numbers(n_bands) } else { frequencies(&axes.band_hz) };
    let unit = shortened(&axes.unit, LEFT - MARK - GAP);
    canvas.text(LEFT - MARK - GAP, TOP - LINE / 2, Align::Right, &unit, Ink::Faint);
    // The unit takes the place of the topmost label.
    let mut free = TOP + height - LINE / 4;
    for (band, label) in marks {
        let y = TOP + height - 1 - ((band + 0.5) * height as f64 / n_bands as f64).min((height - 1) as f64) as usize;
        if y > free || y < TOP + LINE {
            continue;
        }
        free = y.saturating_sub(LINE + LINE / 4);
        canvas.horizontal(LEFT - MARK, LEFT, y, Ink::Bright);
        canvas.text(LEFT - MARK - GAP, y.saturating_sub(LINE / 2), Align::Right, &label, Ink::Bright);
    }
}

/// Round frequencies and the (fractional) bands they fall on.
fn frequencies(band_hz: &[f32]) -> Vec<(f64, String)> {
    let hz = |band: usize| f64::from(band_hz[band]);
    let band_of = |at: f64| {
        let above = band_hz.partition_point(|x| f64::from(*x) < at).min(band_hz.len() - 1);
        let below = above.saturating_sub(1);
        let span = hz(above) - hz(below);
        below as f64 + if span > 0.0 { (at - hz(below)) / span } else { 0.0 }
    };
    let ticks = ticks::frequencies(hz(0), hz(band_hz.len() - 1));
    ticks.into_iter().map(|(at, label)| (band_of(at), label)).collect()
}

/// Numbers of evenly spaced bands.
fn numbers(n_bands: usize) -> Vec<(f64, String)> {
    let step = ticks::round_step(n_bands as f64, 6).max(1.0);
    (0..).map(|i| f64::from(i) * step).take_while(|band| *band < n_bands as f64).map(|b| (b, b.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::BACKGROUND;
    use ::png as encoder;

    /// Width, height and palette indices of a PNG file.
    fn decode(file: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = encoder::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.color_type, encoder::ColorType::Indexed);
        (info.width as usize, info.height as usize, pixels)
    }

    fn axes(n_bands: usize) -> Axes {
        let band_hz = (0..n_bands).map(|i| 100.0 * (i + 1) as f32).collect();
        Axes { seconds: 5.0, band_hz, title: "dog/a.wav".into(), unit: "Hz".into() }
    }

    #[test]
    fn the_size_follows_from_bands_and_frames() {
        for (n_bands, n_frames, width, height) in
            [(128, 431, 431, 256), (128, 100, 500, 256), (20, 10, 520, 240), (1025, 5000, 1040, 512), (1, 1, 520, 256)]
        {
            let png = spectrogram_png(&vec![0.0; n_bands * n_frames], n_bands, n_frames, &axes(n_bands)).unwrap();
            let (w, h, _) = decode(&png);
            assert_eq!((w, h), (LEFT + width + RIGHT, TOP + height + BOTTOM), "{n_bands} {n_frames}");
        }
    }

    #[test]
    fn low_bands_are_below_and_late_frames_right() {
        // Two bands, two frames: only the low band of the late frame sounds.
        let (width, _, pixels) = decode(&spectrogram_png(&[-80.0, 0.0, -80.0, -80.0], 2, 2, &axes(2)).unwrap());
        let at = |x: usize, y: usize| pixels[(TOP + y) * width + LEFT + x];
        assert_eq!(at(519, 255), N_COLORS as u8 - 1);
        assert_eq!([at(0, 0), at(519, 0), at(0, 255)], [0, 0, 0]);
    }

    #[test]
    fn panels_are_placed_in_a_grid() {
        let panel = |mel: [f32; 4]| Panel { mel: mel.to_vec(), n_bands: 2, n_frames: 2, axes: axes(2) };
        let panels = [panel([-80.0, 0.0, -80.0, -80.0]), panel([-80.0; 4]), panel([0.0, -80.0, -80.0, -80.0])];
        let (width, height, pixels) = decode(&spectrogram_sheet(&panels, 2).unwrap());
        let (one_width, one_height, one) = decode(&spectrogram_png(&panels[2].mel, 2, 2, &axes(2)).unwrap());
        assert_eq!((width, height), (2 * one_width, 2 * one_height));
        for y in 0..one_height {
            let from = (one_height + y) * width;
            assert_eq!(pixels[from..from + one_width], one[y * one_width..(y + 1) * one_width]);
            assert!(pixels[from + one_width..from + width].iter().all(|pixel| *pixel == BACKGROUND));
        }
        assert!(spectrogram_sheet(&[], 2).is_err() && spectrogram_sheet(&panels, 0).is_err());
        assert!(spectrogram_sheet(&[Panel::default()], 1).is_err());
    }

    #[test]
    fn values_that_are_not_finite_and_silence_are_drawn() {
        for values in [[f32::NAN, f32::INFINITY, -1.0, 2.0], [f32::NAN; 4], [0.0; 4]] {
            assert!(spectrogram_png(&values, 2, 2, &axes(2)).is_ok());
        }
        let odd = Axes { seconds: f64::NAN, title: "Wei\u{df}er J\u{e4}ger \u{1F415}".into(), ..axes(2) };
        assert!(spectrogram_png(&[0.0; 4], 2, 2, &odd).is_ok());
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        let error = spectrogram_png(&[0.0; 5], 2, 3, &axes(2)).unwrap_err().to_string();
        assert_eq!(error, "spectrogram picture: mel: expected [2, 3], not empty, got 5 values");
        let error = spectrogram_png(&[0.0; 6], 2, 3, &axes(3)).unwrap_err().to_string();
        assert_eq!(error, "spectrogram picture: band_hz: expected 2 frequencies or none, got 3");
        assert!(spectrogram_png(&[], usize::MAX, 2, &axes(0)).is_err());
    }
}
