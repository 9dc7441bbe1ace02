//! Disks that lie, and what is done with any disk.

mod blobs;
mod forge;
pub(crate) mod hold;
mod input;
mod journal;

pub(crate) use forge::{forge, journal_of, put_blob};
pub(crate) use input::Input;
