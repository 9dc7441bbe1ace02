//! Breaking the broker on purpose: a simulation that finds nothing wrong with a broken broker proves
//! nothing about a whole one. The product's own sources know nothing of this.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{CLIENT, build, patient};
use crate::layout::Layout;
use crate::test::report::Report;

/// A mutant that survives this many histories got away.
const SEEDS: &str = "3000";
/// What a simulator is made of.
const PARTS: [&str; 5] = [
    "crates/record",
    "crates/storage",
    "crates/broker",
    "sim/checkers",
    "sim/simulator",
];
/// The crates that have mutants, and what each gets for it.
const MUTATED: [&str; 2] = ["crates/storage", "crates/broker"];
const SWITCH: &str = r#"
/// Whether this mutant was chosen.
pub(crate) fn mutant(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("MUTANT").ok());
    chosen.as_deref() == Some(name)
}
"#;

#[derive(Deserialize)]
struct Table {
    mutant: Vec<Mutant>,
}

/// One change of the sources.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    about: String,
    /// The first seed it is looked for in.
    #[serde(default)]
    first: u64,
    file: PathBuf,
    find: String,
    replace: String,
    also_find: Option<String>,
    also_replace: Option<String>,
}

/// Has the simulation find every mutant.
pub(super) fn run(layout: &Layout, report: &mut Report) -> Result<()> {
    let table = fs::read_to_string(layout.root.join("sim/mutants.toml"))?;
    let table: Table = toml::from_str(&table)?;
    let sources = layout.cache.join("mutants");
    copy_workspace(&layout.root, &sources)?;
    for mutant in &table.mutant {
        mutant.apply(&sources)?;
    }
    let simulator = build(layout, &sources)?;
    for mutant in &table.mutant {
        let output = patient(&simulator)
            .env("MUTANT", &mutant.name)
            .args(["--first", &mutant.first.to_string()])
            .args(["--seeds", SEEDS, "--first-failure"])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.lines().find(|line| line.starts_with("FAILED"));
        let case = format!("finds_mutant_{}", mutant.name);
        match found {
            Some(found) => {
                let found: String = found.chars().take(160).collect();
                println!("{:<22} {found}", mutant.name);
                report.pass(CLIENT, &case);
            }
            None => {
                println!("{:<22} GOT AWAY: {}", mutant.name, mutant.about);
                report.fail(CLIENT, &case, &mutant.about);
            }
        }
    }
    Ok(())
}

/// The part of the workspace that a simulator needs, in a folder of its own.
fn copy_workspace(root: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    for part in PARTS {
        copy_folder(&root.join(part), &to.join(part))?;
    }
    let members = "members = [\"crates/*\", \"sim/*\"]";
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let lines = manifest.lines().map(|line| match line.split(' ').next() {
        Some("members") => members,
        Some("exclude" | "default-members") => "",
        _ => line,
    });
    let manifest: Vec<_> = lines.collect();
    write(&to.join("Cargo.toml"), &manifest.join("\n"))?;
    let lock = fs::read_to_string(root.join("Cargo.lock"))?;
    write(&to.join("Cargo.lock"), &lock)?;
    for part in MUTATED {
        let library = to.join(part).join("src/lib.rs");
        let text = fs::read_to_string(&library)?;
        fs::write(&library, text + SWITCH)?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else if let Ok(text) = fs::read_to_string(&from) {
            write(&to, &text)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}

impl Mutant {
    /// Makes the change, which must fit in exactly one place.
    fn apply(&self, sources: &Path) -> Result<()> {
        let path = sources.join(&self.file);
        let mut text = fs::read_to_string(&path)?;
        let also = self.also_find.as_ref().zip(self.also_replace.as_ref());
        let changes = [Some((&self.find, &self.replace)), also];
        for (find, replace) in changes.into_iter().flatten() {
            ensure!(
                text.matches(find.as_str()).count() == 1,
                "{}: the place to change is not in {}, or not once",
                self.name,
                self.file.display()
            );
            text = text.replace(find.as_str(), replace);
        }
        fs::write(&path, text)?;
        Ok(())
    }
}
