//! Charts as SVG, readable on light and on dark pages.

mod bars;
mod lines;
mod svg;

pub(crate) use bars::{Bar, bars};
pub(crate) use lines::{Axis, Chart, Series, lines};
