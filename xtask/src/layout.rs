//! Where things lie: the repository, its cache folder, the built binary.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that the test runner works in.
pub(crate) struct Layout {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Git-ignored: dependencies, logs and data of test brokers.
    pub(crate) cache: PathBuf,
    /// `conformance/`.
    pub(crate) conformance: PathBuf,
    /// Cargo's target folder, wherever the environment put it.
    target: PathBuf,
}

impl Layout {
    pub(crate) fn find() -> Result<Self> {
        // Asked at run time: work trees that share a target folder share the built xtask too.
        let root = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
            .parent()
            .context("xtask lies inside the repository")?
            .to_owned();
        let cache = root.join(".cache");
        fs::create_dir_all(cache.join("logs"))?;
        fs::create_dir_all(cache.join("stamps"))?;
        fs::create_dir_all(cache.join("brokers"))?;
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self {
            conformance: root.join("conformance"),
            cache,
            root,
            target,
        })
    }

    /// The release binary under test.
    pub(crate) fn forebay(&self) -> PathBuf {
        self.released("forebay")
    }

    /// A program of the workspace, built as it is released.
    pub(crate) fn released(&self, program: &str) -> PathBuf {
        self.target.join("release").join(program)
    }

    /// The command that judges histories.
    pub(crate) fn check_history(&self) -> PathBuf {
        self.released("check-history")
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The log file of a suite, a broker or a preparation step.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.cache.join("logs").join(format!("{name}.log"))
    }
}
