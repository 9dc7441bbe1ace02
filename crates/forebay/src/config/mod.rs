//! Configuration: one table of options (`schema`), layered from defaults, a TOML file, the
//! environment and flags (`sources`), every value remembered with its origin (`origin`).

pub(crate) mod address;
mod edit_distance;
mod injected_env;
pub(crate) mod log_filter;
pub(crate) mod origin;
pub(crate) mod print;
mod problem;
mod product;
pub(crate) mod reference;
pub(crate) mod schema;
pub(crate) mod setting;
pub(crate) mod sources;
pub(crate) mod units;

pub(crate) use problem::Problems;
pub(crate) use schema::Settings;
pub(crate) use sources::Sources;
