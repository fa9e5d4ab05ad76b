//! The colours of a spectrogram: dark violet for the faintest through red to pale yellow for the loudest.
//!
//! Lightness rises evenly along the way, so the picture reads the same in grey and to colour-blind eyes.

/// Control points, evenly spaced from faint to loud.
const POINTS: [[u8; 3]; 7] =
    [[10, 8, 24], [48, 20, 92], [112, 30, 122], [176, 48, 112], [226, 88, 78], [248, 156, 78], [252, 236, 176]];

/// Colours in a [`map`].
pub(crate) const N_COLOURS: usize = 248;

/// The colours from faint to loud.
pub(crate) fn map() -> [[u8; 3]; N_COLOURS] {
    let mut colours = [[0; 3]; N_COLOURS];
    for (i, colour) in colours.iter_mut().enumerate() {
        let at = i as f32 / (N_COLOURS - 1) as f32 * (POINTS.len() - 1) as f32;
        let low = (at as usize).min(POINTS.len() - 2);
        let share = at - low as f32;
        for (channel, value) in colour.iter_mut().enumerate() {
            let [from, to] = [POINTS[low][channel], POINTS[low + 1][channel]].map(f32::from);
            *value = (from + share * (to - from)).round() as u8;
        }
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn louder_is_lighter() {
        let luminance = |[r, g, b]: [u8; 3]| 0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b);
        assert!(map().windows(2).all(|pair| luminance(pair[1]) >= luminance(pair[0]) - 0.5));
        assert_eq!((map()[0], map()[N_COLOURS - 1]), (POINTS[0], POINTS[6]));
    }
}
