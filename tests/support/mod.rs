//! What several test modules, and the fuzz targets, share.

pub(crate) mod fuzz;
pub(crate) mod generate;
pub(crate) mod judge;
