//! Made-up histories: every anomaly is caught under its own name, and nothing else is.

mod bad;
mod good;
mod mutations;
mod script;
