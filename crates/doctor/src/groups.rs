//! From pairs to groups: connected components.

/// Connected components with two or more of `n` items, where `pairs` are connected. Items are in rising order, components
/// in the order of their first items.
///
/// ```
/// assert_eq!(doctor::groups::groups(6, [(4, 1), (2, 5), (1, 0)]), [vec![0, 1, 4], vec![2, 5]]);
/// ```
pub fn groups(n: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut parents: Vec<usize> = (0..n).collect();
    for (a, b) in pairs {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents[a.max(b)] = a.min(b);
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n];
    for i in 0..n {
        members[root(&mut parents, i)].push(i);
    }
    members.into_iter().filter(|members| members.len() > 1).collect()
}

fn root(parents: &mut [usize], mut i: usize) -> usize {
    while parents[i] != i {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    i
}
