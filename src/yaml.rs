//! YAML of podreach's own making: the project file and the `yaml` output.
//!
//! The one place that names the YAML crate behind serde. Manifests do not come this way: [`crate::load`] reads them
//! with positions and with kubectl's scalar rules.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a text is not the YAML that was expected; says the line and the column.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] serde_yaml::Error);

/// Reads one document.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    Ok(serde_yaml::from_str(text)?)
}

/// One document as text, without the `---` before it.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    Ok(serde_yaml::to_string(value)?)
}

/// Writes one document, without the `---` before it.
pub fn to_writer<T: Serialize + ?Sized>(out: &mut dyn io::Write, value: &T) -> io::Result<()> {
    let text = to_string(value).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
