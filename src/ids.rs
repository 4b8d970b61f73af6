//! Ids of the parts of a cluster.
//!
//! The ids stand below both the rule language, which names namespaces, and the cluster, which hands them out.

crate::define_id! {
    /// A namespace, in order of name.
    NamespaceId,
    /// A workload, in order of namespace, name and kind.
    WorkloadId,
    /// A group of pods alike in every fact, in order of namespace and name. A namespace is a range of these ids. Names
    /// are compared as text, the numbers of unnamed pods as numbers: `web-1`, `web[2]`, `web[10]`.
    PodId,
    /// A node, in order of name.
    NodeId,
}
