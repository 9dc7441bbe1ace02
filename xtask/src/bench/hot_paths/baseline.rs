//! `bench/instructions.toml`: what each hot path cost when somebody last looked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::HotPath;
use crate::bench::machine;
use crate::layout::Layout;

/// The file.
#[derive(Debug, Deserialize)]
pub(crate) struct Baseline {
    /// The processor architecture and the valgrind that counted.
    pub(crate) architecture: String,
    pub(crate) valgrind: String,
    /// Of one turn.
    pub(crate) instructions: BTreeMap<String, f64>,
}

impl Baseline {
    pub(crate) fn read(layout: &Layout) -> Result<Self> {
        let path = path(layout);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes what was counted here.
    pub(crate) fn write(layout: &Layout, counted: &[(HotPath, f64)]) -> Result<()> {
        let mut text = format!(
            "# Instructions of one turn of each hot path (bench/src/hot_path), made by\n\
             #   cargo xtask bench instructions --update\n\
             # and held by the suite `instructions` of `cargo xtask test`.\n\
             architecture = \"{}\"\n\
             valgrind = \"{}\"\n\n\
             [instructions]\n",
            std::env::consts::ARCH,
            valgrind_version()
        );
        for (hot_path, count) in counted {
            writeln!(
                text,
                "# {}\n{} = {count:.0}.0",
                hot_path.about, hot_path.name
            )
            .expect("a string takes everything");
        }
        let path = path(layout);
        fs::write(&path, text).with_context(|| path.display().to_string())
    }
}

/// As valgrind says it.
pub(crate) fn valgrind_version() -> String {
    machine::output("valgrind", &["--version"])
}

fn path(layout: &Layout) -> PathBuf {
    layout.root.join("bench/instructions.toml")
}
