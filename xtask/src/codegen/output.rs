//! The files: formatted, compared, written.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use anyhow::{Context, Result, ensure};

use super::{GENERATED_FOLDER, GENERATED_TESTS};

/// A file and the text that belongs into it.
pub(crate) struct File {
    path: String,
    text: String,
}

impl File {
    /// A file at a path from the root of the workspace.
    pub(crate) fn new(path: String, text: String) -> Self {
        Self { path, text }
    }
}

/// The folder with the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(root
        .context("xtask is a member of the workspace")?
        .to_owned())
}

/// Formats every file as `cargo fmt` would.
pub(crate) fn format(root: &Path, files: &mut [File]) -> Result<()> {
    for file in files {
        file.text =
            rustfmt(root, &file.text).with_context(|| format!("formatting {}", file.path))?;
    }
    Ok(())
}

fn rustfmt(root: &Path, text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running rustfmt")?;
    let mut stdin = child.stdin.take().context("rustfmt has an input")?;
    // rustfmt reads all before it writes, so neither side waits for the other.
    stdin.write_all(text.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refused the text:\n{text}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Paths of the files that are missing, differ, or should not be there.
pub(crate) fn differing(root: &Path, files: &[File]) -> Result<Vec<String>> {
    let mut differing = BTreeSet::new();
    for file in files {
        match fs::read_to_string(root.join(&file.path)) {
            Ok(text) if text == file.text => {}
            Ok(_) => drop(differing.insert(file.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differing.insert(file.path.clone());
            }
            Err(error) => return Err(error).context(file.path.clone()),
        }
    }
    differing.extend(leftovers(root, files)?);
    Ok(differing.into_iter().collect())
}

/// Writes every file, and removes those of messages that are no longer served.
pub(crate) fn write(root: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::write(&path, &file.text).with_context(|| path.display().to_string())?;
    }
    for leftover in leftovers(root, files)? {
        fs::remove_file(root.join(&leftover)).context(leftover)?;
    }
    Ok(())
}

/// Files in the generated folders that are not among `files`.
fn leftovers(root: &Path, files: &[File]) -> Result<Vec<String>> {
    let mut leftovers = Vec::new();
    for generated in [GENERATED_FOLDER, GENERATED_TESTS] {
        let folder = root.join(generated);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| folder.display().to_string()),
        };
        for entry in entries {
            let path = format!("{generated}/{}", entry?.file_name().to_string_lossy());
            if !files.iter().any(|file| file.path == path) {
                leftovers.push(path);
            }
        }
    }
    Ok(leftovers)
}
