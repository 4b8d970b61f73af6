//! The difference as a matrix, on random pairs of clusters: it has every change, and says of every pair what the two
//! listings say.

use podreach::query::difference::{Party, Table, table};

use super::*;

fn name_of(difference: &Difference, programs: [&Program; 2], party: Party) -> Name {
    let external = |i: usize| {
        let external = &difference.externals.as_slice()[i];
        (external.family, external.addresses.clone())
    };
    let input = usize::from(party.presence != Presence::Vanished);
    name(&programs[input].cluster, external, party.endpoint)
}

/// The ports that a listing gives two ends, their addresses taken one by one and the answers joined.
fn listed(flows: &Flows, from: &Name, to: &Name, edges: &BTreeSet<(Family, u128)>) -> Carried {
    let meets = |end: &Name, point: &Point| match (end, point) {
        (Name::Inside(name), (Some(other), None)) => name == other,
        (Name::Outside(family, set), (None, Some((of, number)))) => of == family && set.contains(*number),
        _ => false,
    };
    let mut all: Option<Carried> = None;
    for from in cut(from, edges) {
        for to in cut(to, edges) {
            let found = flows.iter().find(|((a, b), _)| meets(a, &from) && meets(b, &to));
            let one = found.map(|(_, carried)| carried.clone()).unwrap_or_default();
            let Some(known) = &mut all else {
                all = Some(one);
                continue;
            };
            let allowed = known.allowed().union(&one.allowed());
            known.ports = known.ports.intersection(&one.ports);
            known.some = allowed.difference(&known.ports);
            known.unknown = known.unknown.union(&one.unknown).difference(&allowed);
            known.restricted = known.restricted.union(&one.restricted);
        }
    }
    all.unwrap_or_default()
}

fn says_what_listings_say(programs: [&Program; 2], by: By, most: usize) -> TestCaseResult {
    let scope = Scope { by, ..Scope::default() };
    let (was, is) = (solve(programs[0]), solve(programs[1]));
    let found = difference(&was, &is, &between_workloads(&was, &is), &scope);
    let table = table([&was, &is], &found, &scope, most);
    let Table { by: shown, rows, columns, cells, left_out } = &table;
    prop_assert!(rows.len() <= most && columns.len() <= most);
    let names = |parties: &[Party]| -> Vec<Name> {
        parties.iter().map(|&party| name_of(&found, programs, party)).collect()
    };
    let (rows, columns) = (names(rows), names(columns));
    let flows = programs.map(|program| flows(program, *shown));
    let edges = {
        let ends = flows.iter().flat_map(|flows| flows.keys().flat_map(|(from, to)| [from, to]));
        edges(ends.chain(rows.iter().chain(&columns)))
    };
    for (&(i, j), pair) in cells {
        for (flows, said) in flows.iter().zip(&pair.flows) {
            let expected = listed(flows, &rows[i], &columns[j], &edges);
            prop_assert_eq!(said.clone().unwrap_or_default(), expected, "{:?} -> {:?}", rows[i], columns[j]);
        }
    }
    if *shown == by && *left_out == [0, 0] {
        let changed: BTreeSet<(Name, Name)> = cells
            .iter()
            .filter(|(_, pair)| pair.change.is_some())
            .map(|((i, j), _)| (rows[*i].clone(), columns[*j].clone()))
            .collect();
        let name = |id| party(&found, programs[0], programs[1], id);
        let expected = found.changes().map(|change| (name(change.from), name(change.to))).collect();
        prop_assert_eq!(changed, expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn tables_say_what_two_listings_say((before, after) in two()) {
        let (before, after) = (compiled(&before)?, compiled(&after)?);
        for by in [By::Pod, By::Workload, By::Namespace] {
            says_what_listings_say([&before, &after], by, usize::MAX)?;
        }
        says_what_listings_say([&before, &after], By::Workload, 3)?;
    }
}
