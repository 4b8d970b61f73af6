//! A flow and an endpoint as machine formats write them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::query::{EndpointFacts, Flow, Isolation};
use crate::render::carried::CarriedJson;
use crate::render::endpoint::Names;

/// `{"from":{...},"to":{...},"ports":{...}}`.
pub(super) struct Row<'a, 'c> {
    pub(super) names: &'a Names<'c>,
    pub(super) flow: &'a Flow,
}

impl Serialize for Row<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &self.names.json(self.flow.from))?;
        map.serialize_entry("to", &self.names.json(self.flow.to))?;
        CarriedJson(&self.flow.carried).serialize_fields(&mut map)?;
        map.end()
    }
}

/// An endpoint with what is known of it.
pub(super) struct EndpointRow<'a, 'c> {
    pub(super) names: &'a Names<'c>,
    pub(super) facts: &'a EndpointFacts,
}

impl Serialize for EndpointRow<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.names.json(self.facts.endpoint).serialize_fields(&mut map)?;
        if self.facts.pods > 0 {
            map.serialize_entry("labels", &self.names.labels(self.facts.endpoint))?;
            map.serialize_entry("pods", &self.facts.pods)?;
            map.serialize_entry("isolation", &IsolationJson::of(self.facts))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct IsolationJson {
    ingress: &'static str,
    egress: &'static str,
}

impl IsolationJson {
    fn of(facts: &EndpointFacts) -> Self {
        Self { ingress: isolation(facts.isolation.ingress), egress: isolation(facts.isolation.egress) }
    }
}

/// The word for how pods are isolated.
pub(super) const fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Open => "open",
        Isolation::Mixed => "mixed",
        Isolation::Isolated => "isolated",
        Isolation::Unknown => "unknown",
        Isolation::Exempt => "exempt",
        Isolation::Ruled => "ruled",
    }
}
