//! The matrix in factors: what a reader works out from them is what the matrix lists, flow for flow.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use podreach::cluster::{PodId, WorkloadId};
use podreach::compile::{ClassId, Layout, Program, compile, compile_as};
use podreach::load::Sources;
use podreach::net::{ByFamily, Direction, Family, PortSet};
use podreach::query::ExternalId;
use podreach::query::factors::{Factors, SideFactor};
use podreach::query::{Carried, Endpoint, Matrix, View};
use podreach::render::explain::Context;
use podreach::render::page::{self, Report};
use podreach::solve::{Connectivity, solve};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::Value;

use crate::properties::cluster_of;
use crate::support::config;
use crate::support::generate;

/// The other end of a connection.
#[derive(Clone, Copy)]
enum Peer {
    Class(ClassId),
    External(ExternalId),
}

/// A reader of factors, who does what [`Factors`] says and knows nothing else.
struct Reader<'a> {
    program: &'a Program,
    factors: &'a Factors,
}

impl Reader<'_> {
    fn side(&self, direction: Direction, class: ClassId, peer: Peer) -> &SideFactor {
        let signature = self.program.classes[class].signature[direction];
        let factor = &self.factors.signatures[direction][signature];
        let id = match peer {
            Peer::Class(id) => factor.classes.iter().find(|(class, _)| *class == id).map(|(_, side)| *side),
            Peer::External(id) => factor.externals.iter().find(|(one, _)| *one == id).map(|(_, side)| *side),
        };
        &self.factors.sides[id.unwrap_or(factor.usual)]
    }

    fn between(&self, from: ClassId, to: ClassId) -> Connectivity {
        joined(
            self.side(Direction::Egress, from, Peer::Class(to)),
            self.side(Direction::Ingress, to, Peer::Class(from)),
        )
    }

    fn outside(
        &self,
        direction: Direction,
        class: ClassId,
        external: ExternalId,
        family: Family,
    ) -> Connectivity {
        let mut everything = ByFamily { v4: Connectivity::closed(), v6: Connectivity::closed() };
        everything[family] = Connectivity::open();
        joined(self.side(direction, class, Peer::External(external)), &everything)
    }

    /// Number of pods of each class in a workload.
    fn classes(&self, id: WorkloadId) -> BTreeMap<ClassId, u32> {
        let mut classes = BTreeMap::new();
        let cluster = &self.program.cluster;
        for pod in cluster.pods.ids().filter(|pod: &PodId| cluster.pods[*pod].workload == id) {
            *classes.entry(self.program.class_of[pod]).or_default() += cluster.pods[pod].count;
        }
        classes
    }

    fn workloads(&self, from: WorkloadId, to: WorkloadId) -> Carried {
        if let Some(known) = self.factors.exempt.iter().find(|exempt| (exempt.0, exempt.1) == (from, to)) {
            return known.2.clone();
        }
        let mut cells = Vec::new();
        for (&a, &pods) in &self.classes(from) {
            for &b in self.classes(to).keys() {
                // A pod and itself is no pair.
                if !(from == to && a == b && pods == 1) {
                    cells.push(self.between(a, b));
                }
            }
        }
        blended(&cells)
    }
}

fn joined(egress: &SideFactor, ingress: &SideFactor) -> Connectivity {
    let both = |family| egress[family].both(&ingress[family]);
    both(Family::V4).either(&both(Family::V6))
}

/// The ports that cells carry together.
fn blended(cells: &[Connectivity]) -> Carried {
    let any = cells.iter().fold(PortSet::empty(), |any, cell| any.union(&cell.must));
    let every = cells.iter().fold(any.clone(), |every, cell| every.intersection(&cell.must));
    let unknown =
        cells.iter().fold(PortSet::empty(), |unknown, cell| unknown.union(&cell.may.difference(&cell.must)));
    let restricted = cells.iter().fold(PortSet::empty(), |all, cell| all.union(&cell.restricted()));
    let (some, unknown) = (any.difference(&every), unknown.difference(&any));
    Carried { ports: every, some, unknown, restricted }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn factors_say_what_the_matrix_says(
        case in generate::case(),
        dense in prop_oneof![Just(usize::MAX), 0_usize..5],
    ) {
        let cluster = cluster_of(&case)?;
        let program = compile_as(&cluster, case.profile, Layout::DenseAbove(dense));
        let reachability = solve(&program);
        let matrix = Matrix::new(&reachability);
        let mut listed: BTreeMap<(Endpoint, Endpoint), Carried> = BTreeMap::new();
        let _ = matrix.for_each_flow(&View::default(), |flow| {
            listed.insert((flow.from, flow.to), flow.carried.clone());
            ControlFlow::<()>::Continue(())
        });

        let factors = matrix.factors();
        let reader = Reader { program: &program, factors: &factors };
        let mut read = BTreeMap::new();
        for from in cluster.workloads.ids() {
            for to in cluster.workloads.ids() {
                read.insert((Endpoint::Workload(from), Endpoint::Workload(to)), reader.workloads(from, to));
            }
            for (id, external) in matrix.externals().enumerate() {
                let cells = |direction| {
                    let classes = reader.classes(from).into_keys();
                    let cells: Vec<Connectivity> =
                        classes.map(|class| reader.outside(direction, class, id, external.family)).collect();
                    blended(&cells)
                };
                let (workload, outside) = (Endpoint::Workload(from), Endpoint::External(id));
                read.insert((workload, outside), cells(Direction::Egress));
                read.insert((outside, workload), cells(Direction::Ingress));
            }
        }
        read.retain(|_, carried| !carried.is_nothing());
        prop_assert_eq!(read, listed);
    }

    /// Everything that the page refers to is in it, whatever the cluster.
    #[test]
    fn pages_refer_to_what_they_hold(case in generate::case()) {
        let cluster = cluster_of(&case)?;
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let matrix = Matrix::new(&reachability);
        let locate = |_: &_, _: &str| None;
        let report = Report {
            matrix: &matrix,
            context: Context { cluster: &cluster, profile: case.profile, locate: &locate },
            internet: ByFamily::default(),
            about: None,
            findings: &[],
            before: None,
            sources: &Sources::default(),
            changes: None,
        };
        let mut page = Vec::new();
        page::write(&report, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let (_, data) = page.split_once("id=\"data\">").unwrap();
        let data: Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
        let size = |list: &str| data[list].as_array().map_or(0, Vec::len) as u64;
        let peers = size("classes") + size("externals");
        let runs = |runs: &Value, below: u64| -> TestCaseResult {
            let runs: Vec<u64> = runs.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
            let mut end = 0;
            for run in runs.chunks(3) {
                prop_assert!(run.len() == 3 && run[1] > 0 && run[2] < below, "{:?}", runs);
                end += run[0] + run[1];
            }
            prop_assert!(end <= peers.max(size("namespaces") + size("externals")), "{:?}", runs);
            Ok(())
        };
        for direction in ["ingress", "egress"] {
            for signature in data[direction].as_array().unwrap() {
                runs(&signature["others"], size("sides"))?;
                prop_assert!(signature["usual"].as_u64().unwrap() < size("sides"));
                for policy in signature["policies"].as_array().unwrap() {
                    prop_assert!(!data["policies"][policy[0].as_u64().unwrap() as usize].is_null());
                }
            }
        }
        for row in data["spaces"]["rows"].as_array().unwrap() {
            runs(row, size("carried"))?;
        }
        for list in data["lists"].as_array().unwrap() {
            runs(list, 4)?;
        }
        for side in data["sides"].as_array().unwrap().iter().chain(data["carried"].as_array().unwrap()) {
            prop_assert!(side.as_array().unwrap().iter().all(|ports| ports.as_u64().unwrap() < size("ports")));
        }
    }
}
