//! The promises of the codec, held for every method, and for made-up tables and properties.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod differential;
mod hostile;
mod made_up;
mod methods;
mod round_trip;
mod twin;
