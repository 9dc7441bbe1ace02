//! `cargo xtask codegen`: the Kafka messages as Rust, from the schemas that Kafka itself is
//! generated from.
//!
//! served (which messages) -> jar (their schemas) -> schema (as JSON says) -> model (as Rust needs)
//! -> emit (the text) -> rustfmt -> files, or a comparison with the files.

mod comments;
mod emit;
mod jar;
mod model;
mod names;
mod output;
mod schema;
mod served;
mod versions;

pub(crate) use jar::KAFKA_VERSION;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::model::Message;
use self::output::File;

/// Where the messages go, from the root of the workspace.
const GENERATED_FOLDER: &str = "crates/kafka/src/protocol/generated";
/// Where their test support goes, from the root of the workspace.
const GENERATED_TESTS: &str = "crates/kafka/tests/protocol/generated";

/// Options of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the files that are checked in differ from what would be written.
    #[arg(long)]
    check: bool,
    /// A kafka-clients jar to read, instead of the pinned one from Maven Central.
    #[arg(long)]
    jar: Option<PathBuf>,
}

/// Fails if the files that are checked in are not what would be written.
pub(crate) fn check() -> Result<()> {
    run(&Args {
        check: true,
        jar: None,
    })
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = output::workspace_root()?;
    let schemas = match jar::schemas(&root, args.jar.as_deref()) {
        Ok(schemas) => schemas,
        // Without network a contributor's check is moot, but the one that guards the project
        // must not pass for lack of trying.
        Err(error) if args.check && !is_ci() => {
            eprintln!("codegen: not checked, the schemas are not to be had: {error:#}");
            return Ok(());
        }
        Err(error) => return Err(error.context("the schemas are not to be had")),
    };

    let messages = model::served(&schemas)?;
    let mut expected = files(&messages)?;
    output::format(&root, &mut expected)?;

    if args.check {
        let differing = output::differing(&root, &expected)?;
        if !differing.is_empty() {
            bail!(
                "not up to date, run `cargo xtask codegen`: {}",
                differing.join(", ")
            );
        }
    } else {
        output::write(&root, &expected)?;
        eprintln!("codegen: {} files written", expected.len());
    }
    Ok(())
}

/// Every file, with its path from the root of the workspace.
fn files(messages: &[Message]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for message in messages {
        let text = emit::message(message, messages);
        let text = text.with_context(|| format!("writing {}", message.name))?;
        files.push(File::new(
            format!("{GENERATED_FOLDER}/{}.rs", message.module),
            text,
        ));
        files.push(File::new(
            format!("{GENERATED_TESTS}/{}.rs", message.module),
            emit::fill(message),
        ));
    }
    files.push(File::new(
        format!("{GENERATED_FOLDER}/api_key.rs"),
        emit::api_key(messages),
    ));
    files.push(File::new(
        format!("{GENERATED_FOLDER}/mod.rs"),
        emit::module(messages),
    ));
    files.push(File::new(
        format!("{GENERATED_TESTS}/mod.rs"),
        emit::fill_module(messages),
    ));
    Ok(files)
}

fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}
