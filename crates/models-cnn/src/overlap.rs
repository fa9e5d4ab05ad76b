//! Maps of YAMNet's windows, put together to one of the clip.

use crate::yamnet::{N_BANDS, PATCH_FRAMES};
use classifier::Grid;

/// Frames and bands from one cell of a window's last map to the next: five layers with stride 2.
pub(crate) const CELL: usize = 32;

/// Rows and columns of a window's last map, as bands and frames.
const CELLS: [usize; 2] = [N_BANDS / CELL, PATCH_FRAMES / CELL];

/// Maps of clips, `[B, M, T]`, from those of their windows' cells, `[B, P, 3, 2]`, frames first, the windows `hop_frames` apart.
/// The mean where windows overlap, 0 behind the last one.
///
/// A layer with stride 2 looks at places 2i, 2i + 1 and 2i + 2 of an even number (what is missing is padded at the end), so
/// the center of cell i is place 32i + 31.
pub(crate) fn joined(cells: &[f32], n_clips: usize, n_frames: usize, hop_frames: usize) -> Vec<f32> {
    let center = (CELL - 1) as f32;
    let grid = Grid { n: CELLS, first: [center; 2], step: [CELL as f32; 2] };
    let n_cells = CELLS[0] * CELLS[1];
    let of_clip = |cells: &[f32]| {
        let mut values = vec![0.0f32; N_BANDS * n_frames];
        let mut n_windows = vec![0.0f32; n_frames];
        for (nth, cells) in cells.chunks_exact(n_cells).enumerate() {
            let by_band: Vec<f32> = (0..n_cells).map(|i| cells[i % CELLS[1] * CELLS[0] + i / CELLS[1]]).collect();
            let first = nth * hop_frames;
            let window = grid.upsample(&by_band, [N_BANDS, PATCH_FRAMES]);
            for (row, of_window) in values.chunks_exact_mut(n_frames).zip(window.chunks_exact(PATCH_FRAMES)) {
                row[first..first + PATCH_FRAMES].iter_mut().zip(of_window).for_each(|(sum, value)| *sum += value);
            }
            n_windows[first..first + PATCH_FRAMES].iter_mut().for_each(|n| *n += 1.0);
        }
        for row in values.chunks_exact_mut(n_frames) {
            row.iter_mut().zip(&n_windows).for_each(|(value, n)| *value /= n.max(1.0));
        }
        values
    };
    cells.chunks_exact(cells.len() / n_clips.max(1)).flat_map(of_clip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_averaged_where_they_overlap() {
        // Two windows, 48 frames apart: in the first the late high cell, in the second everything.
        let mut cells = [0.0; 12];
        cells[5] = 1.0;
        cells[6..].fill(2.0);
        let map = joined(&cells, 1, 160, 48);
        let at = |band: usize, frame: usize| map[band * 160 + frame];
        assert_eq!([at(0, 0), at(0, 47), at(0, 95), at(0, 96), at(0, 144)], [0.0, 0.0, 1.0, 2.0, 0.0]);
        assert_eq!([at(63, 63), at(63, 79), at(63, 95), at(63, 143), at(63, 159)], [1.0, 1.25, 1.5, 2.0, 0.0]);
        assert!(at(31, 95) == 1.0 && at(47, 95) == 1.25, "{} {}", at(31, 95), at(47, 95));
    }
}
