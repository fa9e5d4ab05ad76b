//! The figures as tables.

use super::curve::{Curve, Point};
use super::options::By;
use super::outcome::{Outcome, counted};
use crate::table::{Table, number, with_interval};

impl Outcome {
    /// Balanced accuracies by size; then the power laws, where clips are counted and one could be fitted, or many groups against
    /// few.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = vec![accuracies(self)];
        match self.by {
            By::Clips if self.curves.iter().all(|curve| curve.fit.is_none()) => (),
            By::Clips => tables.push(fits(self)),
            By::Groups => tables.push(spread(self)),
        }
        tables
    }
}

fn accuracies(outcome: &Outcome) -> Table {
    let sizes = outcome.curves.iter().find(|curve| !curve.spread).map_or(&[][..], |curve| &curve.points);
    let header = sizes.iter().map(|point| counted(outcome.by, &point.size_requested, point.n_clips));
    let header =
        ["model", "set"].map(str::to_owned).into_iter().chain(header).chain(["s to train the last".to_owned()]);
    let row = |curve: &Curve| {
        let model = if curve.spread { format!("{}, of all groups", curve.model) } else { curve.model.clone() };
        let cell = |point: &Point| with_interval((point.balanced_accuracy, point.interval));
        let at = |of: &Point| curve.points.iter().find(|point| point.size_requested == of.size_requested);
        let mut cells = vec![model, curve.set.clone()];
        cells.extend(sizes.iter().map(|of| at(of).map_or_else(|| "-".to_owned(), cell)));
        cells.push(number(curve.points.last().map(|point| point.train_seconds), 0));
        cells
    };
    Table::new(header, outcome.curves.iter().map(row).collect())
}

fn fits(outcome: &Outcome) -> Table {
    let row = |curve: &Curve| {
        let mut cells = vec![curve.model.clone(), curve.set.clone()];
        match &curve.fit {
            Some(fit) => cells.extend(
                [fit.b, fit.c, fit.now, fit.at_twice, fit.gain].map(|of| with_interval((of.value, of.interval))),
            ),
            None => cells.extend((0..5).map(|_| "-".to_owned())),
        }
        cells
    };
    let header = ["model", "set", "exponent b", "floor c", "error now", "error at twice", "gain"];
    Table::new(header, outcome.curves.iter().map(row).collect())
}

fn spread(outcome: &Outcome) -> Table {
    let rows = outcome.spread.iter().flat_map(|of| {
        of.by_size.iter().map(|(size, n_clips, [few, many], better)| {
            let (value, groups) = (with_interval((better.value, better.interval)), format!("{few:.0}, {many:.0}"));
            vec![of.model.clone(), of.set.clone(), size.clone(), format!("{n_clips:.0}"), groups, value]
        })
    });
    Table::new(["model", "set", "size", "clips", "groups: few, many", "many are better by"], rows.collect())
}
