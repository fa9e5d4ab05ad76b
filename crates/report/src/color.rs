//! The color map of a spectrogram: dark violet for quiet, through red, to pale yellow for loud.
//!
//! Lightness rises evenly from end to end, so the picture reads the same in gray and with any kind of color vision.

/// Control points, evenly spaced from quiet to loud.
const POINTS: [[u8; 3]; 7] =
    [[10, 8, 24], [48, 20, 92], [112, 30, 122], [176, 48, 112], [226, 88, 78], [248, 156, 78], [252, 236, 176]];

/// Colors in a [`map`].
pub(crate) const N_COLORS: usize = 236;

/// The colors from quiet to loud.
pub(crate) fn map() -> [[u8; 3]; N_COLORS] {
    let mut colors = [[0; 3]; N_COLORS];
    for (i, color) in colors.iter_mut().enumerate() {
        let position = i as f32 / (N_COLORS - 1) as f32 * (POINTS.len() - 1) as f32;
        let low = (position as usize).min(POINTS.len() - 2);
        *color = mixed(POINTS[low], POINTS[low + 1], position - low as f32);
    }
    colors
}

/// The color at `share` (0 to 1) of the line between two colors.
pub(crate) fn mixed(from: [u8; 3], to: [u8; 3], share: f32) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let [from, to] = [from[channel], to[channel]].map(f32::from);
        (from + share * (to - from)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn louder_is_lighter() {
        let luminance = |[r, g, b]: [u8; 3]| 0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b);
        assert!(map().windows(2).all(|pair| luminance(pair[1]) >= luminance(pair[0]) - 0.5));
        assert_eq!((map()[0], map()[N_COLORS - 1]), (POINTS[0], POINTS[6]));
    }

    #[test]
    fn colors_mix_evenly() {
        assert_eq!(mixed([0, 0, 0], [10, 20, 255], 0.5), [5, 10, 128]);
    }
}
