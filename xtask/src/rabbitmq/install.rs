//! RabbitMQ and Erlang, unpacked into a folder that is started as the root of a file system.
//!
//! Nothing is installed on this machine, and its own packages do not matter: apt works with a state
//! of its own, and picks what the packages need as if nothing were there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Version;
use crate::layout::Layout;
use crate::process;

/// 80 MB of packages, from mirrors that are slow at times.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Its links (`bin` to `usr/bin`) must be there before a package follows them.
const FIRST: &str = "base-files_";

/// Downloads what `packages.txt` names, with all it depends on, and unpacks it.
pub(crate) fn install(layout: &Layout, version: Version, log: &Path) -> Result<()> {
    let downloads = version.folder(layout).join("apt");
    download(&version.manifests(layout), &downloads, log)?;
    let root = version.root(layout);
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("clear {}", root.display()))?;
    }
    fs::create_dir_all(&root)?;
    for package in packages(&downloads)? {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(&package).arg(&root);
        process::must(&mut unpack, log, LIMIT)?;
    }
    complete(&root)
}

/// A node is started in namespaces of its own, below the folder as its root.
pub(crate) fn require_privileges() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("it is started with unshare and chroot, which need root");
    }
    Ok(())
}

fn download(manifests: &Path, state: &Path, log: &Path) -> Result<()> {
    if state.exists() {
        fs::remove_dir_all(state)?;
    }
    fs::create_dir_all(state.join("lists/partial"))?;
    fs::create_dir_all(state.join("cache/archives/partial"))?;
    fs::write(state.join("status"), "")?;
    let sources = manifests.join("sources.list");
    let apt_get = |arguments: &[&str]| {
        let mut apt_get = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", sources.clone()),
            ("Dir::Etc::SourceParts", "/nonexistent".into()),
            ("Dir::Etc::PreferencesParts", "/nonexistent".into()),
            ("Dir::State::Lists", state.join("lists")),
            ("Dir::State::Status", state.join("status")),
            ("Dir::Cache", state.join("cache")),
            // Another user may not reach this folder.
            ("APT::Sandbox::User", "root".into()),
            ("Debug::NoLocking", "1".into()),
        ] {
            apt_get.arg(format!("-o{option}={}", value.display()));
        }
        apt_get.args(["-q", "-y"]).args(arguments);
        apt_get
    };
    process::must(&mut apt_get(&["update"]), log, LIMIT)?;
    let wanted = fs::read_to_string(manifests.join("packages.txt"))?;
    let wanted = wanted.lines().filter(|line| !line.starts_with('#'));
    let mut install = apt_get(&["install", "--download-only", "--no-install-recommends"]);
    process::must(install.args(wanted), log, LIMIT)
}

fn packages(downloads: &Path) -> Result<Vec<PathBuf>> {
    let mut packages: Vec<_> = fs::read_dir(downloads.join("cache/archives"))?
        .collect::<std::io::Result<Vec<_>>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "deb"))
        .collect();
    let is_first = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(FIRST)
    };
    packages.sort_by_key(|path| (!is_first(path), path.clone()));
    Ok(packages)
}

/// What the packages' own scripts would have made, which are not run.
fn complete(root: &Path) -> Result<()> {
    // Where scripts look for it; in bookworm `bin` is no link to `usr/bin` yet.
    let shell = root.join("bin/sh");
    if !shell.exists() {
        symlink("bash", &shell)?;
    }
    let etc = root.join("etc");
    fs::write(
        etc.join("passwd"),
        "root:x:0:0:root:/root:/bin/bash\nrabbitmq:x:0:0::/var/lib/rabbitmq:/bin/bash\n",
    )?;
    fs::write(etc.join("group"), "root:x:0:\nrabbitmq:x:0:\n")?;
    fs::write(etc.join("hosts"), "127.0.0.1 localhost\n")?;
    Ok(())
}
