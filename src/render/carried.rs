//! The ports between two endpoints, in words and as machine formats write them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::endpoint::PortsJson;
use crate::net::PortSet;
use crate::query::Carried;

/// `8080/TCP; 53/UDP between some of the pods; 9090/TCP unknown; 8080/TCP restricted`, each list of ports as `text` writes
/// it; `nothing` if there are none.
pub(super) fn words(carried: &Carried, text: impl Fn(&PortSet) -> String) -> String {
    let parts = [
        (&carried.ports, ""),
        (&carried.some, " between some of the pods"),
        (&carried.unknown, " unknown"),
        (&carried.restricted, " restricted"),
    ];
    let parts = parts.into_iter().filter(|(ports, _)| !ports.is_empty());
    let parts: Vec<String> = parts.map(|(ports, how)| format!("{}{how}", text(ports))).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

/// `{"ports":{...},"some":{...},"unknown":{...},"restricted":{...}}`; all but the first are left out when empty.
#[derive(Debug)]
pub(super) struct CarriedJson<'a>(pub(super) &'a Carried);

impl CarriedJson<'_> {
    pub(super) fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Carried { ports, some, unknown, restricted } = self.0;
        map.serialize_entry("ports", &PortsJson(ports))?;
        for (key, ports) in [("some", some), ("unknown", unknown), ("restricted", restricted)] {
            if !ports.is_empty() {
                map.serialize_entry(key, &PortsJson(ports))?;
            }
        }
        Ok(())
    }
}

impl Serialize for CarriedJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}
