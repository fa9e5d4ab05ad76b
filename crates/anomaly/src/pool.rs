//! Combines windows to the clip or file that they belong to.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::metrics::{check_scores, members};
use crate::rows::Rows;

/// How windows are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The mean.
    #[default]
    Mean,
    /// The maximum: a file is as unlike known sounds as its most unusual window.
    Max,
}

/// Scores of files from those of their windows: each file with its score, in the order of the files.
///
/// # Errors
/// No windows, a score that is not finite, or files of another number.
pub fn pool<F: Ord + Clone>(scores: &[f64], files: &[F], pool: Pool) -> Result<Vec<(F, f64)>> {
    check_scores("scores of windows", scores)?;
    let of_file = |windows: Vec<usize>| {
        let values = windows.iter().map(|&window| scores[window]);
        let score = match pool {
            Pool::Mean => values.sum::<f64>() / windows.len() as f64,
            Pool::Max => values.fold(f64::NEG_INFINITY, f64::max),
        };
        (files[windows[0]].clone(), score)
    };
    Ok(members("files of the windows", scores.len(), files)?.into_iter().map(of_file).collect())
}

/// Rows of clips from those of their windows, `[windows, D]` to `[clips, D]`, column by column, in the order of the
/// clips.
///
/// # Errors
/// Clips of another number than the windows.
pub fn pool_rows<F: Ord + Clone>(rows: Rows<'_>, clips: &[F], pool: Pool) -> Result<(Vec<F>, Vec<f32>)> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for windows in members("clips of the windows", rows.n_rows(), clips)? {
        let column = |column: usize| {
            let of_windows = windows.iter().map(|&window| f64::from(rows.row(window)[column]));
            let pooled = match pool {
                Pool::Mean => of_windows.sum::<f64>() / windows.len() as f64,
                Pool::Max => of_windows.fold(f64::NEG_INFINITY, f64::max),
            };
            pooled as f32
        };
        values.extend((0..rows.n_columns()).map(column));
        names.push(clips[windows[0]].clone());
    }
    Ok((names, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_combined_to_files() {
        let windows = [1.0, 3.0, 2.0];
        assert_eq!(pool(&windows, &["b", "b", "a"], Pool::Mean).unwrap(), [("a", 2.0), ("b", 2.0)]);
        assert_eq!(pool(&windows, &["b", "b", "a"], Pool::Max).unwrap(), [("a", 2.0), ("b", 3.0)]);
        assert!(pool(&windows, &["a"], Pool::Max).is_err());
        let rows = Rows::new(&[1.0, 0.0, 3.0, -2.0, 5.0, 5.0], 2).unwrap();
        let (clips, pooled) = pool_rows(rows, &[7, 7, 9], Pool::Mean).unwrap();
        assert_eq!((clips, pooled), (vec![7, 9], vec![2.0, -1.0, 5.0, 5.0]));
        assert_eq!(pool_rows(rows, &[7, 7, 9], Pool::Max).unwrap().1, [3.0, 0.0, 5.0, 5.0]);
    }
}
