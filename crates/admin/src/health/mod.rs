//! Health, for orchestrators and for people.

pub(crate) mod healthz;
pub(crate) mod livez;
mod probe;
pub(crate) mod readyz;
