//! p-values for a place, from a few known clips of it and the calibration that a detector has.
//!
//! Known sounds of a new place may score higher than those that a detector was calibrated on, so that too many are rejected, or
//! lower, so that unknown sounds are missed. Ten groups of the place alone allow no alpha below 1/11. So both are taken together:
//! each group of the place counts as one, and the groups that the detector was calibrated on count for less the more the place has,
//! after their scores were moved toward the place by a share of the difference of the medians. With n groups of the place, that
//! share is n / (n + [`PLACE_GROUPS`]), and what is left of the other groups is the rest, but no less than [`HOME_GROUPS`] together.
//!
//! The guarantee of [`Conformal`] does not carry over: scores of two sources are not exchangeable. What is left is measured
//! by leaving out each group of the place in turn, see [`Conformal::place_p_values`].

use crate::conformal::{Conformal, Form};
use crate::error::{Result, at_least};
use crate::metrics::{check_scores, members};

/// What the groups of the former calibration count as together at least, where there are as many: an alpha of 0.05 needs 19.
pub const HOME_GROUPS: usize = 19;

/// Groups of the place that weigh as much as the former calibration.
pub const PLACE_GROUPS: f64 = 10.0;

impl Conformal {
    /// Calibration for a place: `scores` `[N]` of its known clips, and the group of each.
    ///
    /// # Errors
    /// No scores, one that is not finite, or groups of another number.
    pub fn for_place<G: Ord>(&self, scores: &[f64], groups: &[G]) -> Result<Self> {
        check_scores("scores of the place", scores)?;
        let groups = members("groups of the scores", scores.len(), groups)?;
        at_least("groups of the place", 1, groups.len())?;
        let mut by_group: Vec<f64> =
            groups.iter().filter_map(|rows| median(rows.iter().map(|&row| scores[row]))).collect();
        by_group.sort_by(f64::total_cmp);
        let of_place = stats::quantile_sorted(&by_group, 0.5).unwrap_or(0.0);
        let share = groups.len() as f64 / (groups.len() as f64 + PLACE_GROUPS);
        let shift = share * (of_place - self.median());
        // A clip of the place has weight 1 / n of its group; one of home shares the weight of its group by so many more.
        let n_home = ((1.0 - share) * self.n_groups() as f64).round() as usize;
        let n_home = n_home.max(HOME_GROUPS.min(self.n_groups()));
        let thinner = self.n_groups() as f64 / n_home as f64;
        let home = self.sorted().map(|(score, n_sharing)| (score + shift, n_sharing * thinner));
        let place = groups.iter().flat_map(|rows| rows.iter().map(|&row| (scores[row], rows.len() as f64)));
        let mut all: Vec<(f64, f64)> = home.chain(place).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (scores, n_sharing): (Vec<f64>, Vec<f32>) = all.into_iter().map(|(score, n)| (score, n as f32)).unzip();
        Ok(Self::of_sorted(Form::Weighted, n_home + groups.len(), &scores, n_sharing))
    }

    /// The p-value of each clip of the place, `[N]`, by the other groups of the place and this calibration.
    ///
    /// # Errors
    /// As for [`for_place`](Self::for_place), or fewer than two groups.
    pub fn place_p_values<G: Ord + Clone>(&self, scores: &[f64], groups: &[G]) -> Result<Vec<f64>> {
        check_scores("scores of the place", scores)?;
        let of_groups = members("groups of the scores", scores.len(), groups)?;
        at_least("groups of the place", 2, of_groups.len())?;
        let mut p_values = vec![1.0; scores.len()];
        for held in &of_groups {
            let rest = (0..scores.len()).filter(|row| !held.contains(row));
            let (others, names): (Vec<f64>, Vec<G>) = rest.map(|row| (scores[row], groups[row].clone())).unzip();
            let calibrated = self.for_place(&others, &names)?;
            held.iter().for_each(|&row| p_values[row] = calibrated.p_value(scores[row]));
        }
        Ok(p_values)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    stats::quantile_sorted(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Conformal {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i) / 10.0).collect();
        let groups: Vec<usize> = (0..60).map(|i| i / 2).collect();
        Conformal::fit(&scores, &groups, Form::Weighted).unwrap()
    }

    #[test]
    fn a_place_whose_known_sounds_score_higher_rejects_fewer_of_them() {
        let home = home();
        let (scores, groups): (Vec<f64>, Vec<usize>) = (0..12).map(|i| (5.0 + i as f64 * 0.3, i)).unzip();
        let before = scores.iter().filter(|score| home.p_value(**score) <= 0.05).count();
        let of_place = home.for_place(&scores, &groups).unwrap();
        let after = home.place_p_values(&scores, &groups).unwrap().iter().filter(|p| **p <= 0.05).count();
        assert!(before >= 8 && after <= 1, "{before} {after}");
        assert!(of_place.p_value(20.0) <= 0.05);
        assert_eq!(of_place.n_groups(), 31);
        assert_eq!(Conformal::from_tensors(&of_place.to_tensors()).unwrap().p_value(7.0), of_place.p_value(7.0));
    }

    #[test]
    fn many_groups_of_the_place_outweigh_home() {
        let (scores, groups): (Vec<f64>, Vec<usize>) = (0..400).map(|i| (100.0 + (i % 100) as f64, i)).unzip();
        let of_place = home().for_place(&scores, &groups).unwrap();
        let own = Conformal::fit(&scores, &groups, Form::Weighted).unwrap();
        for score in [120.0, 150.0, 190.0] {
            assert!((of_place.p_value(score) - own.p_value(score)).abs() < 0.05);
        }
        assert!(home().for_place::<usize>(&[], &[]).is_err());
        assert!(home().place_p_values(&[1.0], &[0]).is_err());
    }
}
