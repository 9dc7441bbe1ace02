//! Where the schemas come from: the `kafka-clients` jar, which carries the JSON that its own
//! classes were generated from.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

/// The release whose messages are spoken.
pub(crate) const KAFKA_VERSION: &str = "4.3.0";

/// Where the schemas are inside of the jar.
const SCHEMA_FOLDER: &str = "common/message/";
/// Where a downloaded jar is kept, from the root of the workspace; git ignores it.
const CACHE_FOLDER: &str = ".cache/codegen";

/// The text of every schema, by the name of its message.
pub(crate) fn schemas(root: &Path, jar: Option<&Path>) -> Result<HashMap<String, String>> {
    let path = match jar {
        Some(path) => path.to_owned(),
        None => find_or_download(&root.join(CACHE_FOLDER))?,
    };
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut archive = ZipArchive::new(file).with_context(|| path.display().to_string())?;
    let mut schemas = HashMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let message = name.strip_prefix(SCHEMA_FOLDER);
        let Some(message) = message.and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let mut text = String::new();
        entry
            .read_to_string(&mut text)
            .with_context(|| name.clone())?;
        schemas.insert(message.to_owned(), text);
    }
    ensure!(!schemas.is_empty(), "{} has no schemas", path.display());
    Ok(schemas)
}

/// The pinned jar: one that is here already, else downloaded by Maven, which checks it.
fn find_or_download(cache: &Path) -> Result<PathBuf> {
    let name = format!("kafka-clients-{KAFKA_VERSION}.jar");
    let maven_folder = format!(".m2/repository/org/apache/kafka/kafka-clients/{KAFKA_VERSION}");
    let maven = env::home_dir().map(|home| home.join(maven_folder));
    let here = maven
        .into_iter()
        .chain([cache.to_owned()])
        .map(|folder| folder.join(&name));
    if let Some(path) = here.into_iter().find(|path| path.is_file()) {
        return Ok(path);
    }
    fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
    let status = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "dependency:copy"])
        .arg(format!(
            "-Dartifact=org.apache.kafka:kafka-clients:{KAFKA_VERSION}"
        ))
        .arg(format!("-DoutputDirectory={}", cache.display()))
        .stdout(Stdio::null())
        .status()
        .context("running mvn to download the schemas")?;
    ensure!(
        status.success(),
        "mvn could not download kafka-clients {KAFKA_VERSION}"
    );
    Ok(cache.join(name))
}
