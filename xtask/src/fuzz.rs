//! `cargo xtask fuzz`: looks for bytes that break a promise.
//!
//! What is fuzzed lies in `fuzz/targets`. What was learnt is kept beside it, and `cargo test` goes
//! through it: `fuzz/corpus` has, for each target, inputs that together reach what was ever reached,
//! and `fuzz/regressions` has those that once broke something.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::layout::Layout;

/// What libFuzzer needs of the compiler is in no stable one yet.
const TOOLCHAIN: &str = "nightly";
/// Long enough for a frame with several batches, or for a disk with a few files.
const INPUT_BYTES_MAX: u32 = 4096;
/// Memory of the process beyond which an input is out of proportion, whoever took it.
const RSS_MIB_MAX: u32 = 1024;
/// Seconds after which an input counts as one that hangs.
const TIMEOUT_S: u32 = 10;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The target; all of them, one after another, if it is left out.
    target: Option<String>,
    /// How long to look, for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Keep what was learnt: put a minimal corpus in the place of the one in the repository.
    #[arg(long)]
    keep: bool,
    /// Run this input alone.
    #[arg(
        long,
        value_name = "FILE",
        requires = "target",
        conflicts_with = "keep"
    )]
    input: Option<PathBuf>,
}

/// Looks for inputs that break a promise; finding one is an error.
pub(crate) fn run(args: &Args) -> Result<()> {
    let fuzz = Fuzz {
        layout: Layout::find()?,
    };
    let targets = fuzz.targets(args.target.as_deref())?;
    fuzz.get_ready()?;
    for target in &targets {
        if let Some(input) = &args.input {
            let input = input.canonicalize().context("the input is not there")?;
            return fuzz.cargo_fuzz("run", target, &[&input], &[]);
        }
        println!("== {target}");
        fuzz.gather(target)?;
        fuzz.campaign(target, args.seconds)?;
        if args.keep {
            fuzz.keep(target)?;
        }
    }
    Ok(())
}

struct Fuzz {
    layout: Layout,
}

impl Fuzz {
    /// The targets, each of which has a binary of its name.
    fn targets(&self, wanted: Option<&str>) -> Result<Vec<String>> {
        let mut targets = Vec::new();
        for entry in fs::read_dir(self.folder().join("fuzz_targets"))? {
            let name = entry?.path().file_stem().map(|name| name.to_owned());
            targets.extend(name.and_then(|name| name.into_string().ok()));
        }
        targets.sort();
        let Some(wanted) = wanted else {
            return Ok(targets);
        };
        let is_known = targets.iter().any(|target| target == wanted);
        let known = targets.join(", ");
        ensure!(
            is_known,
            "no target is called {wanted:?}; there are {known}"
        );
        Ok(vec![wanted.to_owned()])
    }

    /// Installs what is needed and makes the seeds.
    fn get_ready(&self) -> Result<()> {
        let mut compiler = Command::new("rustup");
        compiler.args(["run", TOOLCHAIN, "rustc", "--version"]);
        if !succeeds(compiler.stdout(Stdio::null()).stderr(Stdio::null()))? {
            let mut install = Command::new("rustup");
            install.args(["toolchain", "install", TOOLCHAIN, "--profile", "minimal"]);
            must(&mut install)?;
        }
        if !self.tool().exists() {
            let mut install = Command::new("cargo");
            install.args(["install", "cargo-fuzz", "--locked", "--quiet", "--root"]);
            must(install.arg(self.layout.cache.join("tools")))?;
        }
        // What is fuzzed is what ships, to the version of every dependency.
        let lock = self.layout.root.join("Cargo.lock");
        fs::copy(lock, self.folder().join("Cargo.lock"))?;
        let mut seeds = Command::new("cargo");
        seeds.args(["run", "--quiet", "--package", "forebay-fuzz-targets"]);
        seeds.args(["--bin", "fuzz-seeds", "--"]);
        must(
            seeds
                .arg(self.cache("seeds"))
                .current_dir(&self.layout.root),
        )
    }

    /// Everything that is known about a target, in the folder that the fuzzer works in.
    fn gather(&self, target: &str) -> Result<()> {
        let corpus = self.cache("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(self.cache("artifacts").join(target))?;
        for (name, input) in read_zip(&self.zip(target))? {
            fs::write(corpus.join(name), input)?;
        }
        let regressions = self.folder().join("regressions").join(target);
        for folder in [self.cache("seeds").join(target), regressions] {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let entry = entry?;
                fs::copy(entry.path(), corpus.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    fn campaign(&self, target: &str, seconds: u32) -> Result<()> {
        let artifacts = self.cache("artifacts").join(target).join("");
        let flags = [
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}", artifacts.display()),
            "-print_final_stats=1".to_owned(),
        ];
        let corpus = self.cache("corpus").join(target);
        let found = format!(
            "{target}: a promise was broken. The input is in {}; run it with \
             `cargo xtask fuzz {target} --input FILE`, and when it is fixed keep it in \
             fuzz/regressions/{target} under a name that says what it was",
            artifacts.display()
        );
        self.cargo_fuzz("run", target, &[&corpus], &flags)
            .context(found)
    }

    /// Puts what still reaches everything in the place of the corpus in the repository. Counting how
    /// often something is reached would keep many times as many inputs.
    fn keep(&self, target: &str) -> Result<()> {
        let corpus = self.cache("corpus").join(target);
        let flags = ["-use_counters=0".to_owned()];
        self.cargo_fuzz("cmin", target, &[&corpus], &flags)?;
        let mut inputs = BTreeMap::new();
        for entry in fs::read_dir(&corpus)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            inputs.insert(name.to_string_lossy().into_owned(), fs::read(&path)?);
        }
        let bytes = write_zip(&self.zip(target), &inputs)?;
        println!("{target}: {} inputs in {bytes} bytes", inputs.len());
        Ok(())
    }

    fn cargo_fuzz(&self, verb: &str, target: &str, args: &[&Path], flags: &[String]) -> Result<()> {
        let mut command = Command::new(self.tool());
        command.args([verb, target]).args(args);
        // There is no unsafe code for a sanitizer to look at, and half the speed is a high price.
        command.args(["--sanitizer", "none", "--fuzz-dir", ".", "--target-dir"]);
        command.arg(self.layout.target().join("fuzz"));
        command.arg("--").args(flags);
        command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.arg(format!("-rss_limit_mb={RSS_MIB_MAX}"));
        command.arg(format!("-timeout={TIMEOUT_S}"));
        command.env("RUSTUP_TOOLCHAIN", TOOLCHAIN);
        must(command.current_dir(self.folder()))
    }

    fn tool(&self) -> PathBuf {
        self.layout.cache.join("tools/bin/cargo-fuzz")
    }

    /// `fuzz/`.
    fn folder(&self) -> PathBuf {
        self.layout.root.join("fuzz")
    }

    fn zip(&self, target: &str) -> PathBuf {
        self.folder().join(format!("corpus/{target}.zip"))
    }

    /// Where campaigns work, outside of what is checked in.
    fn cache(&self, name: &str) -> PathBuf {
        self.layout.cache.join("fuzz").join(name)
    }
}

/// The inputs in a corpus, by name; none if there is no corpus yet.
fn read_zip(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut inputs = BTreeMap::new();
    if !path.exists() {
        return Ok(inputs);
    }
    let mut archive = ZipArchive::new(File::open(path)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let mut input = Vec::new();
        entry.read_to_end(&mut input)?;
        inputs.insert(entry.name()?.into_owned(), input);
    }
    Ok(inputs)
}

/// Writes a corpus, the same for the same inputs; answers its size.
fn write_zip(path: &Path, inputs: &BTreeMap<String, Vec<u8>>) -> Result<u64> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut archive = ZipWriter::new(File::create(path)?);
    // Their own names, digests, would take more room than they do.
    for (number, input) in inputs.values().enumerate() {
        archive.start_file(number.to_string(), SimpleFileOptions::default())?;
        archive.write_all(input)?;
    }
    Ok(archive.finish()?.metadata()?.len())
}

fn succeeds(command: &mut Command) -> Result<bool> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status();
    Ok(status.with_context(|| format!("start {name}"))?.success())
}

fn must(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    ensure!(succeeds(command)?, "{name} failed");
    Ok(())
}
