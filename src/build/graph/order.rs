//! The one order in which packages are installed: it depends on the graph alone, never on what was built first.
//!
//! Pure. Refused: a cycle, which is named.

/// Each node's number in the order of installation: by the longest chain below it, so that what can be built at once stands
/// together, then as the caller sorted them. `Err` is a cycle: its nodes, each needing the next, the last the first.
pub(super) fn order(edges: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut level: Vec<Option<usize>> = vec![None; edges.len()];
    // Each round settles at least one node, or there is a cycle.
    for _ in 0..edges.len() {
        for at in 0..edges.len() {
            if level[at].is_none() {
                let below: Option<Vec<usize>> = edges[at].iter().map(|edge| level[*edge]).collect();
                level[at] = below.map(|below| below.iter().max().map_or(0, |deepest| deepest + 1));
            }
        }
        if level.iter().all(Option::is_some) {
            break;
        }
    }
    if let Some(stuck) = level.iter().position(Option::is_none) {
        return Err(cycle(edges, &level, stuck));
    }
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by_key(|at| level[*at]);
    Ok(order)
}

/// Follows needs that never settle until one comes again.
fn cycle(edges: &[Vec<usize>], level: &[Option<usize>], start: usize) -> Vec<usize> {
    let mut path = vec![start];
    loop {
        let last = path[path.len() - 1];
        let Some(next) = edges[last].iter().copied().find(|edge| level[*edge].is_none()) else { return path };
        if let Some(at) = path.iter().position(|known| *known == next) {
            return path.split_off(at);
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_needs_the_shorter_chain_comes_first() {
        // 0 needs 1, 1 needs 3; 2 and 3 need nothing.
        assert_eq!(order(&[vec![1], vec![3], vec![], vec![]]), Ok(vec![2, 3, 1, 0]));
        assert_eq!(order(&[]), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_named() {
        assert_eq!(order(&[vec![1], vec![2], vec![1]]), Err(vec![1, 2]));
        assert_eq!(order(&[vec![0]]), Err(vec![0]));
    }

    proptest! {
        #[test]
        fn each_comes_after_all_it_needs(lists in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..20)) {
            let edges: Vec<Vec<usize>> = lists.iter().map(|list| list.iter().map(|at| at.index(lists.len())).collect()).collect();
            match order(&edges) {
                Ok(order) => {
                    let place = |node: usize| order.iter().position(|at| *at == node).unwrap();
                    for (node, needs) in edges.iter().enumerate() {
                        prop_assert!(needs.iter().all(|need| place(*need) < place(node)));
                    }
                }
                Err(cycle) => {
                    for (at, node) in cycle.iter().enumerate() {
                        prop_assert!(edges[*node].contains(&cycle[(at + 1) % cycle.len()]));
                    }
                }
            }
        }
    }
}
