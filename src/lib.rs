//! podreach: exact reachability of Kubernetes NetworkPolicies, without a cluster.
//!
//! # The pipeline
//!
//! ```text
//! files, text   Vec<Manifest>      Cluster          Program         Reachability
//! bytes --load--> objects --cluster::build--> --compile--> --solve--> query: can, explain, matrix
//! ```
//!
//! [`load`] reads YAML and JSON; [`cluster::build`] makes of the objects what the API server and the controllers would:
//! defaults, validation, the pods of every workload. Both report what they find as [`diagnostic::Diagnostic`]s instead
//! of failing at the first problem. From there on nothing can fail: [`compile`](mod@compile) finds the classes of pods that no policy
//! tells apart, [`solve`](mod@solve) evaluates them, [`query`] asks, and [`render`] turns answers into text.
//!
//! ```
//! use podreach::cluster::{self, Ranges};
//! use podreach::compile::compile;
//! use podreach::load::{self, Input};
//! use podreach::profile::Profile;
//! use podreach::query::can::{Verdict, can};
//! use podreach::query::{By, Matrix, View, endpoint};
//! use podreach::solve::solve;
//!
//! // From a text here; `Input::Path` reads a file or a directory.
//! let manifests = "
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web, namespace: shop, labels: {app: web}}
//! spec: {containers: [{name: web, image: nginx}]}
//! ---
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: db, namespace: shop, labels: {app: db}}
//! spec: {containers: [{name: db, image: postgres}]}
//! ---
//! apiVersion: networking.k8s.io/v1
//! kind: NetworkPolicy
//! metadata: {name: db, namespace: shop}
//! spec:
//!   podSelector: {matchLabels: {app: db}}
//!   ingress:
//!   - from: [{podSelector: {matchLabels: {app: web}}}]
//!     ports: [{port: 5432}]
//! ";
//! let input = Input::Text { name: "shop.yaml".into(), bytes: manifests.into() };
//! let loaded = load::load(&[input], load::Options::default());
//! let built = cluster::build(&loaded.manifests, &cluster::Options::default());
//! assert!(loaded.diagnostics.is_empty() && built.diagnostics.is_empty());
//! let cluster = built.cluster;
//!
//! let program = compile(&cluster, Profile::Spec);
//! let reachability = solve(&program);
//!
//! // One question, in the words of the command line.
//! let ask = |from, to| {
//!     let from = endpoint::parse_source(from, &cluster, "default", &Ranges::default())?;
//!     let to = endpoint::parse(to, &cluster, "default", &Ranges::default())?;
//!     Ok::<_, endpoint::EndpointError>(can(&reachability, &from, &to).verdict)
//! };
//! assert_eq!(ask("shop/web", "shop/db:5432")?, Verdict::Allow);
//! assert_eq!(ask("shop/web", "shop/db:22")?, Verdict::Deny);
//! assert_eq!(ask("internet", "shop/db:5432")?, Verdict::Deny);
//!
//! // Every connection there is. The matrix is never held in memory: flows are visited as they are found.
//! let matrix = Matrix::new(&reachability);
//! assert_eq!(matrix.summary().pod_pairs.some, 1); // web -> db; db -> web is open
//! let mut flows = Vec::new();
//! let view = View { by: By::Pod, ..View::default() };
//! let _ = matrix.for_each_flow(&view, |flow| {
//!     flows.push(flow.carried.ports.to_string());
//!     std::ops::ControlFlow::<()>::Continue(())
//! });
//! assert!(flows.contains(&"5432/TCP".to_owned()));
//! # Ok::<(), endpoint::EndpointError>(())
//! ```
//!
//! # Three verdicts
//!
//! What the input does not say is unknown, and stays unknown: every answer is `allow`, `deny` or `unknown`, and the
//! first two hold whatever the unknown facts are. Internally each side of a connection has two bounds, the ports it
//! *must* let through and those it *may*.

pub mod cluster;
pub mod compile;
pub mod diagnostic;
pub mod diff;
pub mod expect;
pub mod ids;
pub mod index;
pub mod k8s;
pub mod label;
pub mod load;
pub mod net;
pub mod policy;
pub mod profile;
pub mod project;
pub mod query;
pub mod reference;
pub mod render;
pub mod set;
pub mod snapshot;
pub mod solve;
pub mod what_if;
pub mod yaml;
