//! Subsets of the training clips. Of one seed, a smaller subset is contained in every larger one.
//!
//! Classes keep their proportions by the method of Webster (one clip of each class first, then always the class that has the
//! fewest for its size), in which no class loses a clip when the subset grows.

use stats::seed;
use std::collections::{BTreeMap, BTreeSet};

/// What the order of a seed's groups and clips is drawn for.
const ORDER: u64 = 0x7369_7a65_732d_3031;

/// A training clip: a row of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrainingClip {
    pub(super) class: usize,
    pub(super) group: String,
}

/// Which clips of a group are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    /// So many clips: whole groups in the seed's order, of the last as many as are still wanted.
    Clips(usize),
    /// So many groups with all their clips.
    WholeGroups(usize),
    /// As many clips of each class as [`Draw::WholeGroups`] takes, of as many groups as there are.
    Spread(usize),
}

/// The training clips by class, in the order of a seed.
pub(super) struct Orders {
    /// By class: its groups, and of each the numbers of its clips.
    by_class: Vec<Vec<Vec<usize>>>,
}

impl Orders {
    pub(super) fn new(clips: &[TrainingClip], seed: u64) -> Self {
        let n_classes = clips.iter().map(|clip| clip.class + 1).max().unwrap_or(0);
        let mut groups: Vec<BTreeMap<&str, Vec<usize>>> = vec![BTreeMap::new(); n_classes];
        for (nth, clip) in clips.iter().enumerate() {
            groups[clip.class].entry(&clip.group).or_default().push(nth);
        }
        let of_class = |(class, groups): (usize, BTreeMap<&str, Vec<usize>>)| {
            let key = |nth: usize, what: u64| seed::derive(seed::derive(seed, ORDER, class as u64), nth as u64, what);
            let mut groups: Vec<(u64, Vec<usize>)> =
                groups.into_values().enumerate().map(|(nth, clips)| (key(nth, 0), clips)).collect();
            groups.sort();
            for (_, clips) in &mut groups {
                clips.sort_by_key(|&clip| key(clip, 1));
            }
            groups.into_iter().map(|(_, clips)| clips).collect()
        };
        Self { by_class: groups.into_iter().enumerate().map(of_class).collect() }
    }

    fn n_clips(&self) -> Vec<usize> {
        self.by_class.iter().map(|groups| groups.iter().map(Vec::len).sum()).collect()
    }

    fn n_groups(&self) -> Vec<usize> {
        self.by_class.iter().map(Vec::len).collect()
    }

    /// Numbers of the clips of a subset.
    pub(super) fn draw(&self, draw: Draw) -> BTreeSet<usize> {
        let whole = |class: usize, n: usize| self.by_class[class].iter().flatten().copied().take(n).collect::<Vec<_>>();
        let of_groups = |class: usize, n: usize| self.by_class[class].iter().take(n).map(Vec::len).sum::<usize>();
        let classes = 0..self.by_class.len();
        match draw {
            Draw::Clips(n) => {
                let counts = shares(&self.n_clips(), n);
                classes.flat_map(|class| whole(class, counts[class])).collect()
            }
            Draw::WholeGroups(n) => {
                let counts = shares(&self.n_groups(), n);
                classes.flat_map(|class| whole(class, of_groups(class, counts[class]))).collect()
            }
            Draw::Spread(n) => {
                let counts = shares(&self.n_groups(), n);
                classes.flat_map(|class| self.spread(class, of_groups(class, counts[class]))).collect()
            }
        }
    }

    /// The first clip of every group, then the second, until there are `n`.
    fn spread(&self, class: usize, n: usize) -> Vec<usize> {
        let groups = &self.by_class[class];
        let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
        (0..longest).flat_map(|nth| groups.iter().filter_map(move |clips| clips.get(nth).copied())).take(n).collect()
    }
}

/// How many of `n` each class gives, of so many that each has: at least one.
fn shares(there: &[usize], n: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = there.iter().map(|n| (*n).min(1)).collect();
    for _ in counts.iter().sum()..n.min(there.iter().sum()) {
        let open = (0..there.len()).filter(|&class| counts[class] < there[class]);
        let rank = |&class: &usize| there[class] as f64 / (2 * counts[class] + 1) as f64;
        // The first of equals.
        let next = open.reduce(|best, class| if rank(&class) > rank(&best) { class } else { best });
        if let Some(class) = next {
            counts[class] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    fn clips(of: &[(usize, u8)]) -> Vec<TrainingClip> {
        of.iter().map(|&(class, group)| TrainingClip { class, group: format!("{class}-{group}") }).collect()
    }

    fn groups(of: &[TrainingClip], chosen: &BTreeSet<usize>) -> usize {
        chosen.iter().map(|&clip| &of[clip].group).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn seeds_draw_other_subsets_and_one_seed_the_same() {
        let of = clips(&(0..60).map(|i| (usize::from(i % 2), i / 4)).collect::<Vec<_>>());
        let draw = |seed| Orders::new(&of, seed).draw(Draw::Clips(12));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (whole, spread) = (Draw::WholeGroups(4), Draw::Spread(4));
        let [whole, spread] = [whole, spread].map(|how| Orders::new(&of, 1).draw(how));
        assert_eq!((whole.len(), groups(&of, &whole)), (spread.len(), 4));
        assert_eq!(groups(&of, &spread), spread.len());
    }

    proptest! {
        /// A smaller subset is part of a larger one, has as many clips as were asked for, and some of every class in proportion.
        #[test]
        fn subsets_are_nested(
            of in prop::collection::vec((0_usize..3, 0_u8..8), 6..80),
            seed in 0_u64..1000,
            n in 3_usize..80,
        ) {
            let mut of = of;
            of.extend([(0, 0), (1, 0), (2, 0)]);
            let of = clips(&of);
            let orders = Orders::new(&of, seed);
            let n = n.min(of.len() - 1);
            for how in [Draw::Clips, Draw::WholeGroups, Draw::Spread] {
                let (small, large) = (orders.draw(how(n)), orders.draw(how(n + 1)));
                prop_assert!(small.is_subset(&large));
            }
            let chosen = orders.draw(Draw::Clips(n));
            prop_assert_eq!(chosen.len(), n);
            for class in 0..3 {
                let count = |of_all: &mut dyn Iterator<Item = &TrainingClip>| of_all.filter(|clip| clip.class == class).count();
                let there = count(&mut of.iter());
                let taken = count(&mut chosen.iter().map(|&clip| &of[clip]));
                let share = n as f64 * there as f64 / of.len() as f64;
                prop_assert!(taken >= 1 && (taken as f64 - share).abs() <= 3.0, "{taken} of {there}: {share}");
            }
            // All groups of a class but the last are whole.
            let cut = |class: usize| {
                let names: BTreeSet<&String> = of.iter().filter(|clip| clip.class == class).map(|clip| &clip.group).collect();
                let of_group = |name: &String| (0..of.len()).filter(|&clip| of[clip].group == *name).collect::<BTreeSet<_>>();
                names.into_iter().filter(|name| {
                    let all = of_group(name);
                    let taken = all.intersection(&chosen).count();
                    taken > 0 && taken < all.len()
                }).count()
            };
            prop_assert!((0..3).all(|class| cut(class) <= 1));
            prop_assert_eq!(orders.draw(Draw::WholeGroups(n)).len(), orders.draw(Draw::Spread(n)).len());
            prop_assert_eq!(orders.draw(Draw::Clips(of.len())).len(), of.len());
        }
    }
}
