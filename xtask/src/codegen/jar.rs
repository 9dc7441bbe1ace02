//! Where the schemas come from: the `kafka-clients` jar, which carries the JSON that its own
//! classes were generated from.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

/// The release whose messages are spoken.
pub(crate) const KAFKA_VERSION: &str = "4.3.0";

const SCHEMA_FOLDER: &str = "common/message/";

/// The text of every schema, by the name of its message.
pub(crate) fn schemas(jar: Option<&Path>) -> Result<HashMap<String, String>> {
    let path = match jar {
        Some(path) => path.to_owned(),
        None => find_or_download()?,
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

/// The pinned jar: Maven's own copy if there is one, else downloaded by Maven, which checks it.
fn find_or_download() -> Result<PathBuf> {
    let name = format!("kafka-clients-{KAFKA_VERSION}.jar");
    if let Some(home) = env::home_dir() {
        let folder = format!(".m2/repository/org/apache/kafka/kafka-clients/{KAFKA_VERSION}");
        let cached = home.join(folder).join(&name);
        if cached.is_file() {
            return Ok(cached);
        }
    }
    let folder = env::temp_dir().join("forebay-codegen");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let status = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "dependency:copy"])
        .arg(format!(
            "-Dartifact=org.apache.kafka:kafka-clients:{KAFKA_VERSION}"
        ))
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .status()
        .context("running mvn")?;
    ensure!(
        status.success(),
        "mvn found no kafka-clients {KAFKA_VERSION}"
    );
    Ok(folder.join(name))
}
