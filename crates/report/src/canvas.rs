//! A picture of palette indices: colors of a spectrogram, and two inks with anti-aliased edges for lines and text.

use ::png as encoder;

use crate::color::{N_COLORS, map, mixed};
use crate::error::Result;
use crate::text;

/// Shades from the background to an ink.
const N_SHADES: u8 = 8;
/// Palette index of the background.
pub(crate) const BACKGROUND: u8 = N_COLORS as u8;
pub(crate) const BACKGROUND_RGB: [u8; 3] = [17, 17, 20];

/// What lines and text are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Bright,
    Faint,
}

impl Ink {
    const ALL: [Self; 2] = [Self::Bright, Self::Faint];

    fn rgb(self) -> [u8; 3] {
        match self {
            Self::Bright => [236, 236, 236],
            Self::Faint => [150, 150, 158],
        }
    }

    /// Palette index of the full ink; its paler shades are just below.
    fn index(self) -> u8 {
        BACKGROUND + N_SHADES * (1 + self as u8)
    }
}

/// Which point of a line of text is at the given x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// A picture of palette indices.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Canvas {
    /// A picture that is all background.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![BACKGROUND; width * height] }
    }

    /// Sets a pixel to a palette index; a place outside of the picture is ignored.
    pub(crate) fn set(&mut self, x: usize, y: usize, index: u8) {
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = index;
        }
    }

    /// A line one pixel wide, `to` left out.
    pub(crate) fn vertical(&mut self, x: usize, from: usize, to: usize, ink: Ink) {
        (from..to).for_each(|y| self.set(x, y, ink.index()));
    }

    /// A line one pixel high, `to` left out.
    pub(crate) fn horizontal(&mut self, from: usize, to: usize, y: usize, ink: Ink) {
        (from..to).for_each(|x| self.set(x, y, ink.index()));
    }

    /// A line of text whose top is at `y`. It is moved to the right where it would begin outside of the picture.
    pub(crate) fn text(&mut self, x: usize, y: usize, align: Align, line: &str, ink: Ink) {
        let width = text::width(line);
        let left = match align {
            Align::Left => x,
            Align::Center => x.saturating_sub(width / 2),
            Align::Right => x.saturating_sub(width),
        };
        text::rasterize(line, |dx, dy, coverage| {
            let shade = (coverage.clamp(0.0, 1.0) * f32::from(N_SHADES)).round() as u8;
            let place = (left.checked_add_signed(dx as isize), y.checked_add_signed(dy as isize));
            let (Some(x), Some(y)) = place else { return };
            if shade > 0 && x < self.width && y < self.height {
                let index = ink.index() - N_SHADES + shade;
                let pixel = &mut self.pixels[y * self.width + x];
                // Where glyphs meet, the fuller shade stays.
                let is_shade = *pixel > ink.index() - N_SHADES && *pixel <= ink.index();
                *pixel = if is_shade { index.max(*pixel) } else { index };
            }
        });
    }

    /// Copies `other` so that its upper left corner is at `left`, `top`. It has to fit.
    pub(crate) fn place(&mut self, other: &Canvas, left: usize, top: usize) {
        for (y, row) in other.pixels.chunks_exact(other.width).enumerate() {
            self.pixels[(top + y) * self.width + left..][..row.len()].copy_from_slice(row);
        }
    }

    /// The picture as a PNG file.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        self.encode_with(&map())
    }

    /// The same with other colors.
    pub(crate) fn encode_with(&self, colors: &[[u8; 3]; N_COLORS]) -> Result<Vec<u8>> {
        let mut palette = colors.concat();
        palette.extend(BACKGROUND_RGB);
        for ink in Ink::ALL {
            let shade = |n: u8| mixed(BACKGROUND_RGB, ink.rgb(), f32::from(n) / f32::from(N_SHADES));
            palette.extend((1..=N_SHADES).flat_map(shade));
        }
        let mut file = Vec::new();
        let mut image = encoder::Encoder::new(&mut file, self.width as u32, self.height as u32);
        image.set_color(encoder::ColorType::Indexed);
        image.set_depth(encoder::BitDepth::Eight);
        image.set_palette(palette);
        let mut writer = image.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_inside_and_uses_the_shades_of_its_ink() {
        for align in [Align::Left, Align::Center, Align::Right] {
            for (x, y) in [(0, 0), (30, 5), (59, 25), (1000, 1000)] {
                let mut canvas = Canvas::new(60, 30);
                canvas.text(x, y, align, "Ünï", Ink::Faint);
                let faint = Ink::Faint.index();
                assert!(canvas.pixels.iter().all(|p| *p == BACKGROUND || (faint - N_SHADES + 1..=faint).contains(p)));
            }
        }
        let mut canvas = Canvas::new(60, 30);
        canvas.text(30, 0, Align::Center, "I", Ink::Bright);
        let inked = |range: std::ops::Range<usize>| {
            canvas.pixels.chunks(60).flat_map(|row| &row[range.clone()]).filter(|p| **p != BACKGROUND).count()
        };
        assert!(inked(0..25) == 0 && inked(25..35) > 10 && inked(35..60) == 0);
    }

    #[test]
    fn the_palette_holds_every_index() {
        assert!(Ink::ALL.iter().all(|ink| ink.index() > BACKGROUND));
        let file = Canvas::new(2, 2).encode().unwrap();
        let reader = encoder::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let palette = reader.info().palette.as_ref().unwrap();
        assert_eq!(palette.len(), 3 * (usize::from(Ink::Faint.index()) + 1));
    }
}
