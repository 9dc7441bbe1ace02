//! The ready file: tells scripts that the broker is ready, and where its listeners are.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::cli::failure::{Cause, Failure};

/// A written ready file; removed when dropped, because then the broker is no longer ready.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

/// Removes what an earlier broker left, so that nobody takes it for the one that is starting.
pub(crate) fn remove_stale(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_write(path, &error)),
        _ => Ok(()),
    }
}

impl ReadyFile {
    /// Writes the file in one step: a reader sees all of it or none.
    pub(crate) fn write(path: &Path, listeners: &[(&str, SocketAddr)]) -> Result<Self, Failure> {
        let entry = |(name, address): &(&str, SocketAddr)| {
            ((*name).to_owned(), Value::String(address.to_string()))
        };
        let listeners: Map<String, Value> = listeners.iter().map(entry).collect();
        let text = format!("{}\n", Value::Object(listeners));
        replace(path, text.as_bytes()).map_err(|error| cannot_write(path, &error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the ready file");
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // In the same folder, so that the rename stays within one file system.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&temporary, path).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Cause::Failed,
        format!("cannot write the ready file {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_bound_addresses_and_goes_with_the_broker() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        fs::write(&path, "stale").unwrap();
        remove_stale(&path).unwrap();
        assert!(!path.exists());

        let listeners = [("kafka", "127.0.0.1:9092".parse().unwrap())];
        let ready = ReadyFile::write(&path, &listeners).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"kafka\":\"127.0.0.1:9092\"}\n"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing temporary is left"
        );
        drop(ready);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let failure = ReadyFile::write(Path::new("/nonexistent/ready.json"), &[]).unwrap_err();
        assert!(
            failure
                .message
                .starts_with("cannot write the ready file /nonexistent/ready.json")
        );
        remove_stale(Path::new("/nonexistent/ready.json")).unwrap();
    }
}
