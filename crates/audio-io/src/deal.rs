//! Which split each set of rows goes to: greedy by size, then covered, then improved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::groups::{Set, given, is_class};
use crate::manifest::Row;
use crate::shares::Shares;
use crate::split_names::{SPLITS, split_index};

/// A set's rows of each class, in the order of the classes.
type Counts = Vec<(u32, f64)>;

/// No split: of a set that is not dealt.
const NOWHERE: u8 = u8::MAX;

/// The split of each set.
pub(crate) struct Dealt {
    /// Names of splits, those of [`SPLITS`] first.
    names: Vec<String>,
    /// For each set the index of a name, where it has a split.
    of_set: Vec<Option<u32>>,
}

impl Dealt {
    /// The split of the `nth` set, `None` where it holds no class that needs one.
    pub(crate) fn of(&self, nth: usize) -> Option<&str> {
        self.of_set[nth].map(|name| self.names[name as usize].as_str())
    }

    fn number(&mut self, name: &str) -> u32 {
        let found = self.names.iter().position(|known| known == name);
        found.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }) as u32
    }
}

/// How far each class is from its shares, and how many sets of it each split has.
struct Ledger {
    /// `[C][3]`, rows.
    target: Vec<[f64; 3]>,
    /// `[C][3]`, rows.
    count: Vec<[f64; 3]>,
    /// `[C][3]`, sets.
    n_sets: Vec<[usize; 3]>,
    /// `[C][3]`: the class must be in the split.
    needed: Vec<[bool; 3]>,
}

impl Ledger {
    fn put(&mut self, counts: &Counts, split: usize, sign: f64) {
        for &(class, n) in counts {
            let class = class as usize;
            self.count[class][split] += sign * n;
            self.n_sets[class][split] = self.n_sets[class][split].wrapping_add_signed(sign as isize);
        }
    }

    /// How much worse the shares get by adding (or, with -1, taking away) a set.
    fn cost(&self, counts: &Counts, split: usize, sign: f64) -> f64 {
        counts
            .iter()
            .map(|&(class, n)| {
                let class = class as usize;
                let target = self.target[class][split];
                let off = self.count[class][split] - target;
                ((off + sign * n).powi(2) - off.powi(2)) / target.max(0.5)
            })
            .sum()
    }

    /// Whether every class of the set is still where it must be after the set leaves.
    fn can_leave(&self, counts: &Counts, split: usize) -> bool {
        let may = |class: usize| !self.needed[class][split] || self.n_sets[class][split] > 1;
        counts.iter().all(|&(class, _)| may(class as usize))
    }
}

/// Deals the sets to the splits.
pub(crate) fn deal(rows: &[Row], sets: &[Set], shares: &Shares) -> Dealt {
    let shares = shares.normalized();
    let classes: BTreeSet<&str> = rows.iter().filter(|row| is_class(row)).map(|row| row.label.as_str()).collect();
    let class_index: HashMap<&str, u32> = classes.iter().zip(0..).map(|(class, i)| (*class, i)).collect();
    let empty = || vec![[0.0; 3]; classes.len()];
    let n_classes = classes.len();
    let mut ledger = Ledger {
        target: empty(),
        count: empty(),
        n_sets: vec![[0; 3]; n_classes],
        needed: vec![[false; 3]; n_classes],
    };

    // What is there: rows in one of the three splits count, rows in folds and such do not.
    let names = SPLITS.iter().map(|name| (*name).to_owned()).collect();
    let mut dealt = Dealt { names, of_set: Vec::with_capacity(sets.len()) };
    for set in sets {
        let given = given(rows, set).map(|name| dealt.number(name));
        dealt.of_set.push(given);
    }
    let counts: Vec<Counts> = sets
        .iter()
        .map(|set| {
            let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
            for row in set.of(rows).filter(|row| is_class(row)) {
                if row.split.as_deref().is_none_or(|split| split_index(split).is_some()) {
                    *counts.entry(class_index[row.label.as_str()]).or_default() += 1.0;
                }
            }
            counts.into_iter().collect()
        })
        .collect();
    let mut n_sets_of = vec![0usize; n_classes];
    for (nth, counts) in counts.iter().enumerate() {
        let place = dealt.of(nth).map(split_index);
        if place == Some(None) {
            continue;
        }
        for &(class, n) in counts {
            let class = class as usize;
            n_sets_of[class] += 1;
            (0..3).for_each(|split| ledger.target[class][split] += shares[split] * n);
        }
        if let Some(Some(split)) = place {
            ledger.put(counts, split, 1.0);
        }
    }
    let open: Vec<usize> = (0..3).filter(|&split| shares[split] > 0.0).collect();
    for (needed, n_sets) in ledger.needed.iter_mut().zip(n_sets_of) {
        needed[0] = n_sets > 0;
        open.iter().for_each(|&split| needed[split] |= n_sets >= open.len());
    }

    let is_free = |&i: &usize| dealt.of_set[i].is_none() && !counts[i].is_empty();
    let free: Vec<usize> = (0..sets.len()).filter(is_free).collect();
    let mut place = vec![NOWHERE; sets.len()];
    for &i in &free {
        let best = cheapest(open.iter().map(|&split| (ledger.cost(&counts[i], split, 1.0), split)));
        let split = best.map_or(0, |(_, split)| split);
        ledger.put(&counts[i], split, 1.0);
        place[i] = split as u8;
    }
    cover(&mut ledger, &free, &counts, &mut place);
    improve(&mut ledger, &free, &open, &counts, &mut place);
    for (of_set, split) in dealt.of_set.iter_mut().zip(place).filter(|(_, split)| *split != NOWHERE) {
        *of_set = Some(u32::from(split));
    }
    dealt
}

/// The first of the smallest.
fn cheapest<T>(options: impl Iterator<Item = (f64, T)>) -> Option<(f64, T)> {
    options.reduce(|best, option| if option.0 < best.0 { option } else { best })
}

fn from(place: &[u8], set: usize) -> usize {
    usize::from(place[set])
}

/// Brings every class to the splits where it must be.
fn cover(ledger: &mut Ledger, free: &[usize], counts: &[Counts], place: &mut [u8]) {
    for class in 0..ledger.needed.len() {
        for split in 0..3 {
            if !ledger.needed[class][split] || ledger.n_sets[class][split] > 0 {
                continue;
            }
            let candidates = free.iter().filter(|&&i| {
                // Training comes first: a class's only set may go there from anywhere.
                counts[i].iter().any(|(own, _)| *own as usize == class)
                    && (ledger.can_leave(&counts[i], from(place, i)) || (split == 0 && counts[i].len() == 1))
            });
            let cost = |i: usize| ledger.cost(&counts[i], split, 1.0) + ledger.cost(&counts[i], from(place, i), -1.0);
            if let Some((_, i)) = cheapest(candidates.map(|&i| (cost(i), i))) {
                ledger.put(&counts[i], from(place, i), -1.0);
                ledger.put(&counts[i], split, 1.0);
                place[i] = split as u8;
            }
        }
    }
}

/// Moves single sets as long as that brings the shares nearer.
fn improve(ledger: &mut Ledger, free: &[usize], open: &[usize], counts: &[Counts], place: &mut [u8]) {
    for _ in 0..100 {
        let mut moved = false;
        for &i in free {
            let from = from(place, i);
            if !ledger.can_leave(&counts[i], from) {
                continue;
            }
            let leave = ledger.cost(&counts[i], from, -1.0);
            let options = open.iter().filter(|&&split| split != from);
            let best = cheapest(options.map(|&split| (leave + ledger.cost(&counts[i], split, 1.0), split)));
            if let Some((gain, to)) = best
                && gain < -1e-9
            {
                ledger.put(&counts[i], from, -1.0);
                ledger.put(&counts[i], to, 1.0);
                place[i] = to as u8;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}
