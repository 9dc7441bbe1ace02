//! lapin's view of the broker: a test's name is the promise.

mod connections;
mod consuming;
mod errors;
mod publishing;
mod queue_arguments;
mod topology;
