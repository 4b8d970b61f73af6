//! Shapes A and B: a company's cluster.
//!
//! Teams own namespaces of very different sizes, each with applications in tiers; DNS, monitoring, logging and an
//! ingress controller are shared. Most namespaces deny by default and then allow what they need: DNS, themselves, the
//! monitoring, and for each workload what its tier talks to.

use super::Recipe;
use super::cluster_wide;
use super::nodes::Nodes;
use super::objects::{ContainerPort, Kind, Labels, Workload, labels, write_namespace};
use super::policies::{Peer, Policy, Port, Rule, Selector};
use super::rng::Rng;
use super::text::Text;

const TEAMS: [&str; 24] = [
    "payments", "checkout", "catalog", "search", "identity", "billing", "shipping", "fraud", "media",
    "pricing", "loyalty", "inbox", "ledger", "reports", "maps", "rides", "orders", "returns", "supply",
    "ads", "growth", "data", "risk", "partners",
];
const APPLICATIONS: [&str; 16] = [
    "cart", "gateway", "profile", "session", "invoice", "quote", "feed", "stock", "review", "coupon",
    "address", "notify", "audit", "rating", "basket", "export",
];
/// The tiers of an application, with the ports that pods of the tier may declare.
const TIERS: [(&str, &[&[ContainerPort]]); 5] = [
    (
        "frontend",
        &[
            &[("http", 8080, "TCP"), ("metrics", 9090, "TCP")],
            &[("http", 3000, "TCP"), ("metrics", 9102, "TCP")],
        ],
    ),
    (
        "api",
        &[
            &[("http", 8080, "TCP"), ("metrics", 9090, "TCP")],
            &[("http", 8000, "TCP"), ("grpc", 9000, "TCP"), ("metrics", 9102, "TCP")],
        ],
    ),
    ("db", &[&[("postgres", 5432, "TCP"), ("metrics", 9187, "TCP")]]),
    ("cache", &[&[("redis", 6379, "TCP")], &[("redis", 6380, "TCP"), ("metrics", 9121, "TCP")]]),
    ("worker", &[&[("metrics", 9090, "TCP")]]),
];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "development"];
/// Numbers of replicas that workloads have, before all are scaled to the number of pods asked for.
const REPLICAS: [usize; 12] = [0, 0, 1, 1, 1, 2, 2, 3, 5, 8, 20, 60];

/// A workload that the teams share: namespace, name, kind, replicas, true if on the node's network, ports.
type Shared = (&'static str, &'static str, Kind, usize, bool, &'static [ContainerPort]);
const SHARED: [Shared; 9] = [
    (
        "ingress-nginx",
        "ingress-controller",
        Kind::Deployment,
        3,
        false,
        &[("http", 8080, "TCP"), ("https", 8443, "TCP")],
    ),
    ("kube-system", "cni-agent", Kind::DaemonSet, 0, true, &[]),
    ("kube-system", "kube-dns", Kind::Deployment, 2, false, &[("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")]),
    ("kube-system", "kube-proxy", Kind::DaemonSet, 0, true, &[]),
    ("logging", "log-agent", Kind::DaemonSet, 0, false, &[]),
    ("logging", "log-store", Kind::StatefulSet, 3, false, &[("ingest", 9200, "TCP")]),
    ("monitoring", "grafana", Kind::Deployment, 1, false, &[("http", 3000, "TCP")]),
    ("monitoring", "node-exporter", Kind::DaemonSet, 0, true, &[("metrics", 9100, "TCP")]),
    ("monitoring", "prometheus", Kind::StatefulSet, 2, false, &[("http", 9090, "TCP")]),
];
const SHARED_NAMESPACES: [&str; 4] = ["ingress-nginx", "kube-system", "logging", "monitoring"];

/// The contents of a dump, but for pods and policies, which are made while they are written.
#[derive(Debug)]
pub(crate) struct Plan {
    recipe: Recipe,
    shared: Vec<Workload>,
    teams: Vec<Team>,
}

/// A team's namespace.
#[derive(Debug)]
struct Team {
    namespace: String,
    labels: Labels,
    workloads: Vec<Workload>,
    policies: usize,
}

impl Plan {
    /// Plans a cluster with exactly the sizes of the recipe.
    pub(crate) fn new(recipe: &Recipe) -> Result<Self, String> {
        let sizes = recipe.sizes;
        if sizes.nodes == 0 || sizes.namespaces <= SHARED_NAMESPACES.len() {
            return Err(format!(
                "at least one node and {} namespaces are needed",
                SHARED_NAMESPACES.len() + 1
            ));
        }
        let mut rng = Rng::new(recipe.seed);
        let shared: Vec<Workload> =
            SHARED.iter().map(|one| shared_workload(one, sizes.nodes, &mut rng)).collect();
        let teams = sizes.namespaces - SHARED_NAMESPACES.len();
        let workloads = (sizes.workloads.checked_sub(shared.len() + teams))
            .ok_or_else(|| format!("{} namespaces need more workloads", sizes.namespaces))?;
        let shared_pods: usize = shared.iter().map(|workload| workload.replicas).sum();
        let pods = (sizes.pods + shared.len())
            .checked_sub(shared_pods + sizes.workloads)
            .ok_or_else(|| format!("{} workloads need more pods", sizes.workloads))?;

        let of_teams = shares(workloads, &(0..teams).map(|team| 1_000_000 / (team + 3)).collect::<Vec<_>>());
        let policies = shares(sizes.policies, &of_teams.iter().map(|count| count + 30).collect::<Vec<_>>());
        let mut teams: Vec<Team> = of_teams
            .iter()
            .zip(policies)
            .enumerate()
            .map(|(number, (&more, policies))| team(number, 1 + more, policies, &mut rng))
            .collect();

        let owned = || teams.iter().flat_map(|team| &team.workloads);
        let weights: Vec<usize> = owned().map(|_| rng.pick(&REPLICAS)).collect();
        let replicas = shares(pods, &weights);
        for (workload, more) in teams.iter_mut().flat_map(|team| &mut team.workloads).zip(replicas) {
            workload.replicas += more;
        }
        Ok(Self { recipe: *recipe, shared, teams })
    }

    fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.shared.iter().chain(self.teams.iter().flat_map(|team| &team.workloads))
    }

    /// Writes every object as `kubectl get` with a list of kinds does: kind by kind, by namespace and name.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        let Recipe { sizes, with_pods, with_replica_sets, .. } = self.recipe;
        let mut teams: Vec<(usize, &Team)> = self.teams.iter().enumerate().collect();
        teams.sort_by_key(|(_, team)| &team.namespace);
        let mut workloads: Vec<(usize, &Workload)> = self.workloads().enumerate().collect();
        workloads.sort_by_key(|(_, workload)| (&workload.namespace, &workload.name));

        let platform = labels(&[("team", "platform")]);
        let mut namespaces: Vec<(&str, &Labels)> =
            SHARED_NAMESPACES.into_iter().map(|name| (name, &platform)).collect();
        namespaces.extend(teams.iter().map(|(_, team)| (&*team.namespace, &team.labels)));
        namespaces.sort_by_key(|(name, _)| *name);
        for (name, labels) in namespaces {
            write_namespace(text, name, labels);
        }
        let mut nodes = Nodes::new(sizes.nodes, sizes.pods);
        nodes.write(text);
        if with_pods {
            for workloads in workloads.chunk_by(|a, b| a.1.namespace == b.1.namespace) {
                self.write_pods(workloads, &mut nodes, text);
            }
        }
        for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
            for (_, workload) in workloads.iter().filter(|(_, workload)| workload.kind == kind) {
                workload.write(text);
            }
        }
        if with_replica_sets {
            for (_, workload) in &workloads {
                workload.write_replica_set(text);
            }
        }
        for (number, workload) in &workloads {
            let number = u32::try_from(*number).expect("fewer Services than addresses");
            workload.write_service(text, &std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string());
        }
        cluster_wide::write_wide(sizes.wide_policies, &TEAMS, &ENVIRONMENTS, text);
        let namespaces: Vec<&str> = teams.iter().map(|(_, team)| &*team.namespace).collect();
        cluster_wide::write_of_tenants(sizes.tenant_policies, &namespaces, text);
        for (number, team) in teams {
            let mut rng = Rng::of_item(!self.recipe.seed, number);
            let mut policies: Vec<Policy> = team.policies(&self.teams, &mut rng).collect();
            policies.sort_by(|a, b| a.name.cmp(&b.name));
            for policy in policies {
                policy.write(text);
            }
        }
    }

    /// The pods of one namespace.
    fn write_pods(&self, workloads: &[(usize, &Workload)], nodes: &mut Nodes, text: &mut Text<'_>) {
        let mut pods = Vec::new();
        for (number, workload) in workloads {
            let on_nodes = workload.kind == Kind::DaemonSet;
            workload.pods(
                &mut Rng::of_item(self.recipe.seed, *number),
                |rng, pod| {
                    if on_nodes { nodes.place_on(pod, workload.host_network) } else { nodes.place(rng) }
                },
                |pod, rng| pods.push((pod, Rng::new(rng.next()))),
            );
        }
        pods.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        for (pod, rng) in &mut pods {
            pod.write(text, rng);
        }
    }
}

/// `total` in proportion to `weights`, which are not all 0: rounded, and exact in sum.
fn shares(total: usize, weights: &[usize]) -> Vec<usize> {
    let sum = weights.iter().sum::<usize>().max(1);
    let mut before = 0;
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|weight| {
            let start = total * before / sum;
            before += weight;
            total * before / sum - start
        })
        .collect();
    // Weights of nothing but 0 leave everything to the last.
    if let Some(last) = shares.last_mut() {
        *last += total - total * before / sum;
    }
    shares
}

fn shared_workload(
    &(namespace, name, kind, replicas, host_network, ports): &Shared,
    nodes: usize,
    rng: &mut Rng,
) -> Workload {
    Workload {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        labels: labels(&[("app", name), ("component", "platform"), ("k8s-app", name), ("team", "platform")]),
        ports,
        replicas: if kind == Kind::DaemonSet { nodes } else { replicas },
        host_network,
        has_sidecar: false,
        has_config: true,
        uid: rng.uid(),
        hash: rng.suffix(9),
    }
}

fn team(number: usize, workloads: usize, policies: usize, rng: &mut Rng) -> Team {
    let team = TEAMS[number % TEAMS.len()];
    let environment = ENVIRONMENTS[(number / TEAMS.len()) % ENVIRONMENTS.len()];
    let namespace = format!("{team}-{environment}-{}", number / (TEAMS.len() * ENVIRONMENTS.len()));
    let labels = labels(&[
        ("environment", environment),
        ("pod-security.kubernetes.io/enforce", rng.pick(&["baseline", "restricted"])),
        ("team", team),
    ]);
    let workloads = (0..workloads).map(|number| team_workload(&namespace, team, number, rng)).collect();
    Team { namespace, labels, workloads, policies }
}

fn team_workload(namespace: &str, team: &str, number: usize, rng: &mut Rng) -> Workload {
    let (tier, ports) = TIERS[number % TIERS.len()];
    let application = number / TIERS.len();
    let application = match application / APPLICATIONS.len() {
        0 => APPLICATIONS[application].to_owned(),
        more => format!("{}{more}", APPLICATIONS[application % APPLICATIONS.len()]),
    };
    let name = format!("{application}-{tier}");
    Workload {
        kind: if tier == "db" { Kind::StatefulSet } else { Kind::Deployment },
        namespace: namespace.to_owned(),
        labels: labels(&[
            ("app", &name),
            ("app.kubernetes.io/part-of", &application),
            ("component", tier),
            ("team", team),
            ("version", rng.pick(&["v1", "v2", "v3"])),
        ]),
        name,
        ports: rng.pick(ports),
        replicas: 1,
        host_network: false,
        has_sidecar: rng.chance(10),
        has_config: rng.chance(30),
        uid: rng.uid(),
        hash: rng.suffix(9),
    }
}

fn component(name: &str) -> Selector {
    Selector::label("component", name)
}

impl Team {
    /// As many policies as planned: first those of the whole namespace, then round after round one for each workload.
    fn policies<'t>(&'t self, teams: &'t [Self], rng: &'t mut Rng) -> impl Iterator<Item = Policy> + 't {
        let of_namespace = self.namespace_policies(rng);
        let of_workloads =
            (0..).flat_map(|round| self.workloads.iter().map(move |workload| (round, workload)));
        of_namespace
            .into_iter()
            .chain(of_workloads.map(move |(round, workload)| match round {
                0 => self.tier_policy(workload, rng),
                _ => self.partner_policy(workload, round, &teams[rng.below(teams.len())], rng),
            }))
            .take(self.policies)
    }

    fn namespace_policies(&self, rng: &mut Rng) -> Vec<Policy> {
        let all = |name: &str| Policy::new(&self.namespace, name, Selector::all());
        let mut policies = Vec::new();
        if rng.chance(85) {
            let deny = all("default-deny").ingress(Vec::new());
            policies.push(if rng.chance(60) { deny.egress(Vec::new()) } else { deny });
        }
        let dns = Peer::PodsOf(Selector::namespace("kube-system"), Selector::label("k8s-app", "kube-dns"));
        policies
            .push(all("allow-dns").egress(vec![Rule::new(vec![dns], vec![Port::Udp(53), Port::Tcp(53)])]));
        let own = || vec![Rule::new(vec![Peer::Pods(Selector::all())], vec![])];
        policies.push(if rng.chance(50) {
            all("allow-same-namespace").ingress(own()).egress(own())
        } else {
            all("allow-same-namespace").ingress(own())
        });
        let prometheus =
            Peer::PodsOf(Selector::namespace("monitoring"), Selector::label("app", "prometheus"));
        policies.push(
            all("allow-monitoring").ingress(vec![Rule::new(vec![prometheus], vec![Port::Named("metrics")])]),
        );
        policies
    }

    /// The policy that a tier needs.
    fn tier_policy(&self, workload: &Workload, rng: &mut Rng) -> Policy {
        let policy = Policy::new(
            &self.namespace,
            format!("allow-{}", workload.name),
            Selector::label("app", &workload.labels["app"]),
        );
        let one = |peer, port| Rule::new(vec![peer], vec![port]);
        match &*workload.labels["component"] {
            "frontend" => policy
                .ingress(vec![one(
                    Peer::Namespaces(Selector::namespace("ingress-nginx")),
                    Port::Named("http"),
                )])
                .egress(vec![one(Peer::Pods(component("api")), Port::TcpRange(8000, 8099))]),
            "api" => {
                let callers = Selector::all().and("component", "In", &["frontend".into(), "worker".into()]);
                let environment = self.labels["environment"].clone();
                let team =
                    Selector::label("team", &self.labels["team"]).and("environment", "In", &[environment]);
                policy
                    .ingress(vec![
                        one(Peer::Pods(callers), Port::Named("http")),
                        Rule::new(
                            vec![Peer::PodsOf(team, component("api"))],
                            vec![Port::Tcp(8080), Port::Tcp(9000)],
                        ),
                    ])
                    .egress(vec![
                        one(Peer::Pods(component("db")), Port::Tcp(5432)),
                        one(Peer::Pods(component("cache")), Port::Named("redis")),
                    ])
            }
            "db" => policy.ingress(vec![
                one(Peer::Pods(component("api")), Port::Tcp(5432)),
                one(Peer::Pods(component("db")), Port::TcpRange(7000, 7010)),
                one(
                    Peer::Block("10.20.0.0/16".into(), vec![format!("10.20.{}.0/24", rng.below(32))]),
                    Port::Tcp(5432),
                ),
            ]),
            "cache" => {
                let others = Selector::all().and("component", "NotIn", &["db".into(), "frontend".into()]);
                policy.ingress(vec![one(Peer::Pods(others), Port::Named("redis"))])
            }
            _ => {
                let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(str::to_owned).to_vec();
                policy.egress(vec![
                    one(Peer::Block("0.0.0.0/0".into(), private), Port::Tcp(443)),
                    one(Peer::Pods(component("db")), Port::Tcp(5432)),
                ])
            }
        }
    }

    /// The policy that lets another team, or addresses outside, connect to a workload.
    fn partner_policy(&self, workload: &Workload, round: usize, partner: &Self, rng: &mut Rng) -> Policy {
        let policy = Policy::new(
            &self.namespace,
            format!("partner-{round}-{}", workload.name),
            Selector::label("app", &workload.labels["app"]),
        );
        let port =
            rng.pick(&[Port::Tcp(8080), Port::Tcp(8443), Port::Named("http"), Port::TcpRange(9000, 9099)]);
        let peer =
            match rng.below(4) {
                0 => Peer::Namespaces(Selector::namespace(&partner.namespace)),
                1 => Peer::Namespaces(
                    Selector::all()
                        .and("team", "In", &[partner.labels["team"].clone(), "platform".into()])
                        .and("environment", "NotIn", &["development".into()]),
                ),
                2 => Peer::PodsOf(Selector::namespace(&partner.namespace), component("worker")),
                _ => Peer::Block(format!("203.0.113.{}/28", 16 * rng.below(16)), vec![]),
            };
        policy.ingress(vec![Rule::new(vec![peer], vec![port])])
    }
}
