//! The ecosystems that clients come from, and their dependencies in `.cache/`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::process;
use crate::rabbitmq::{self, Version};

/// Downloads from a cold registry cache are slow at times.
const LIMIT: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Toolchain {
    Python,
    /// Sources of Python packages, which their tests come with.
    Sdists,
    Java,
    Go,
    Node,
    Rdkafka,
    Lapin,
    AwsSdkRust,
    /// Amazon's own command line.
    AwsCli,
    Kcat,
    /// Where tasks leave their results.
    Redis,
    /// Has system calls fail, and traces them.
    Strace,
    /// A block device that fails when it is told to.
    Nbdkit,
    Valgrind,
    /// Network namespaces, and the wires between them.
    Iproute,
    /// Lets a process see another time than the system's.
    Faketime,
    /// The broker itself, to prove suites on and to be measured beside.
    Rabbitmq(Version),
    /// RabbitMQ's command line before version 4.1: a Python program.
    RabbitmqadminV1,
    /// RabbitMQ's own load generator.
    PerfTest,
    /// A server of SQS, to be measured beside.
    Elasticmq,
    /// Another.
    Moto,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python (python3 with venv)",
            Self::Sdists => "source distributions of Python packages",
            Self::Java => "Java (a JDK of 17 or newer, and mvn)",
            Self::Go => "Go",
            Self::Node => "Node.js (node and npm)",
            Self::Rdkafka => "rdkafka (a C compiler and make)",
            Self::Lapin => "lapin (cargo)",
            Self::AwsSdkRust => "aws-sdk-rust (cargo)",
            Self::AwsCli => "AWS CLI (python3 with venv)",
            Self::Kcat => "kcat",
            Self::Redis => "Redis",
            Self::Strace => "strace (and a C compiler)",
            Self::Nbdkit => "nbdkit and nbdfuse",
            Self::Valgrind => "valgrind",
            Self::Iproute => "ip (iproute2)",
            Self::Faketime => "faketime",
            Self::Rabbitmq(version) => {
                let number = version.number();
                return write!(f, "RabbitMQ {number} (root, unshare, and apt of a Debian)");
            }
            Self::RabbitmqadminV1 => "rabbitmqadmin 1 (apt of a Debian, and dpkg-deb)",
            Self::PerfTest => "RabbitMQ PerfTest (a JRE of 17 or newer, and mvn)",
            Self::Elasticmq => "ElasticMQ (a JRE of 17 or newer, and mvn)",
            Self::Moto => "moto (python3 with venv)",
        })
    }
}

impl Toolchain {
    /// Finds the tools and installs what the suites need, once for each state of the manifests.
    pub(crate) fn prepare(self, layout: &Layout) -> Result<()> {
        match self {
            Self::Python => python(layout),
            Self::Sdists => sdists(layout),
            Self::Java => java(layout),
            Self::Go => go(layout),
            Self::Node => node(layout),
            Self::Rdkafka => rdkafka(layout),
            Self::Lapin => rust(layout, "rabbit", "lapin"),
            Self::AwsSdkRust => rust(layout, "aws", "aws-sdk-rust"),
            Self::AwsCli => aws_cli(layout),
            Self::Kcat => packaged(layout, "kcat", &["kcat"], &["kcat"]),
            Self::Redis => packaged(layout, "redis", &["redis-server"], &["redis-server"]),
            Self::Strace => {
                require(&["cc"])?;
                packaged(layout, "strace", &["strace"], &["strace"])
            }
            Self::Nbdkit => {
                let programs = ["nbdkit", "nbdfuse", "fusermount3", "mkfs.ext4"];
                let packages = ["nbdkit", "libnbd-bin", "fuse3", "e2fsprogs"];
                packaged(layout, "nbdkit", &programs, &packages)
            }
            Self::Valgrind => require(&["valgrind"]),
            Self::Iproute => packaged(layout, "iproute2", &["ip"], &["iproute2"]),
            Self::Faketime => packaged(layout, "faketime", &["faketime"], &["faketime"]),
            Self::Rabbitmq(version) => rabbitmq(layout, version),
            Self::RabbitmqadminV1 => rabbitmqadmin_v1(layout),
            Self::PerfTest => maven(layout, "perf-test"),
            Self::Elasticmq => maven(layout, "elasticmq"),
            Self::Moto => moto(layout),
        }
    }
}

fn python(layout: &Layout) -> Result<()> {
    let requirements = layout.conformance.join("python/requirements.txt");
    require(&["python3"])?;
    once(layout, "python", &[&requirements], |log| {
        environment(&layout.cache.join("venv"), &requirements, log)
    })
}

/// A virtual environment with these packages.
fn environment(venv: &Path, requirements: &Path, log: &Path) -> Result<()> {
    let mut create = Command::new("python3");
    process::must(create.args(["-m", "venv"]).arg(venv), log, LIMIT)?;
    let mut install = pip_of(venv);
    install.args(["install", "--quiet", "--requirement"]);
    process::must(install.arg(requirements), log, LIMIT)
}

fn pip(layout: &Layout) -> Command {
    pip_of(&layout.cache.join("venv"))
}

/// As a module: its own script knows where the environment was when it was made.
fn pip_of(venv: &Path) -> Command {
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip"]);
    pip
}

/// Each is unpacked below its name. It wants the environment that [`python`] makes.
fn sdists(layout: &Layout) -> Result<()> {
    let upstream = layout.conformance.join("python/upstream");
    let (manifest, wheels) = (upstream.join("sdists.txt"), upstream.join("wheels.txt"));
    require(&["tar"])?;
    once(layout, "sdists", &[&manifest, &wheels], |log| {
        let folder = layout.cache.join("sdists");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut install = pip(layout);
        install.args(["install", "--quiet", "--require-hashes", "--requirement"]);
        process::must(install.arg(&wheels), log, LIMIT)?;
        let archives = folder.join("archives");
        let mut download = pip(layout);
        download
            .args(["download", "--quiet", "--no-binary=:all:", "--no-deps"])
            .args(["--require-hashes", "--requirement"])
            .arg(&manifest)
            .arg("--dest")
            .arg(&archives);
        process::must(&mut download, log, LIMIT)?;
        for archive in files_under(&archives, "gz")? {
            let name = archive.file_name().unwrap_or_default().to_string_lossy();
            let (package, _version) = name.rsplit_once('-').context("a name and a version")?;
            let unpacked = folder.join(package);
            fs::create_dir_all(&unpacked)?;
            let mut unpack = Command::new("tar");
            unpack.args(["--strip-components=1", "-xzf"]).arg(&archive);
            process::must(unpack.arg("-C").arg(&unpacked), log, LIMIT)?;
        }
        Ok(())
    })
}

fn java(layout: &Layout) -> Result<()> {
    let project = layout.conformance.join("java");
    require(&["java", "javac", "mvn"])?;
    once(layout, "java-lib", &[&project.join("pom.xml")], |log| {
        copy_dependencies(&project, &layout.cache.join("java/lib"), log)
    })?;
    let sources = files_under(&project.join("src"), "java")?;
    let inputs: Vec<_> = sources.iter().map(PathBuf::as_path).collect();
    once(layout, "java-classes", &inputs, |log| {
        let mut compile = Command::new("javac");
        compile
            .args(["--release", "17", "-Xlint:all,-serial,-path", "-cp"])
            .arg(layout.cache.join("java/lib/*"))
            .arg("-d")
            .arg(layout.cache.join("java/classes"))
            .args(&sources);
        process::must(&mut compile, log, LIMIT)
    })
}

/// What the project `bench/NAME` depends on.
fn maven(layout: &Layout, name: &str) -> Result<()> {
    let project = layout.root.join("bench").join(name);
    require(&["java", "mvn"])?;
    once(layout, name, &[&project.join("pom.xml")], |log| {
        copy_dependencies(&project, &layout.cache.join(name), log)
    })
}

/// In an environment of its own: each of its versions wants one version of botocore, seldom boto3's.
fn aws_cli(layout: &Layout) -> Result<()> {
    let requirements = layout.conformance.join("python/aws_cli/requirements.txt");
    require(&["python3"])?;
    once(layout, "aws-cli", &[&requirements], |log| {
        environment(&layout.cache.join("aws-cli"), &requirements, log)
    })
}

fn moto(layout: &Layout) -> Result<()> {
    let requirements = layout.root.join("bench/moto.txt");
    require(&["python3"])?;
    once(layout, "moto", &[&requirements], |log| {
        environment(&layout.cache.join("moto"), &requirements, log)
    })
}

/// Fills `lib` with the jars that the Maven project needs.
fn copy_dependencies(project: &Path, lib: &Path, log: &Path) -> Result<()> {
    if lib.exists() {
        fs::remove_dir_all(lib)?;
    }
    let mut copy = Command::new("mvn");
    copy.args([
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
    ])
    .arg(format!("-DoutputDirectory={}", lib.display()))
    .current_dir(project);
    process::must(&mut copy, log, LIMIT)
}

fn go(layout: &Layout) -> Result<()> {
    require(&["go"])?;
    let modules = ["go", "go/rabbit", "go/sqs"].map(|folder| layout.conformance.join(folder));
    let sums = modules.each_ref().map(|module| module.join("go.sum"));
    let sums = sums.each_ref().map(PathBuf::as_path);
    once(layout, "go", &sums, |log| {
        for module in &modules {
            let mut download = Command::new("go");
            download.args(["mod", "download"]).current_dir(module);
            process::must(&mut download, log, LIMIT)?;
        }
        Ok(())
    })
}

fn node(layout: &Layout) -> Result<()> {
    let manifest = layout.conformance.join("node/package.json");
    let lock = layout.conformance.join("node/package-lock.json");
    require(&["node", "npm"])?;
    once(layout, "node", &[&manifest, &lock], |log| {
        let modules = layout.cache.join("node");
        fs::create_dir_all(&modules)?;
        fs::copy(&manifest, modules.join("package.json"))?;
        fs::copy(&lock, modules.join("package-lock.json"))?;
        let mut install = Command::new("npm");
        install
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&modules);
        process::must(&mut install, log, LIMIT)
    })
}

fn rdkafka(layout: &Layout) -> Result<()> {
    require(&["cargo", "cc", "make"])?;
    for arguments in [
        &["build", "--locked"][..],
        &["test", "--locked", "--no-run"],
    ] {
        let mut build = Command::new("cargo");
        build
            .args(arguments)
            .current_dir(layout.conformance.join("rust"))
            .env("CARGO_TARGET_DIR", layout.cache.join("rdkafka"));
        process::must(&mut build, &layout.log("prepare-rdkafka"), LIMIT)?;
    }
    Ok(())
}

/// Builds the tests of a client of Rust in `folder`, below `conformance/rust/`.
fn rust(layout: &Layout, folder: &str, client: &str) -> Result<()> {
    require(&["cargo"])?;
    let mut build = Command::new("cargo");
    build
        .args(["test", "--locked", "--no-run"])
        .current_dir(layout.conformance.join("rust").join(folder))
        .env("CARGO_TARGET_DIR", layout.cache.join(client));
    let log = layout.log(&format!("prepare-{client}"));
    process::must(&mut build, &log, LIMIT)
}

fn rabbitmq(layout: &Layout, version: Version) -> Result<()> {
    rabbitmq::require_privileges()?;
    require(&["unshare", "chroot", "mount", "apt-get", "dpkg-deb"])?;
    let manifests = version.manifests(layout);
    let inputs = [
        manifests.join("packages.txt"),
        manifests.join("sources.list"),
    ];
    once(layout, version.name(), &[&inputs[0], &inputs[1]], |log| {
        rabbitmq::install(layout, version, log)
    })
}

/// The program alone, out of the package of a RabbitMQ that is older than the one that suites are proved on.
fn rabbitmqadmin_v1(layout: &Layout) -> Result<()> {
    let folder = layout.cache.join("rabbitmqadmin-v1");
    let program = folder.join("usr/bin/rabbitmqadmin");
    if program.exists() {
        return Ok(());
    }
    require(&["python3", "apt-get", "dpkg-deb"])?;
    let log = layout.log("prepare-rabbitmqadmin-v1");
    fs::create_dir_all(&folder)?;
    let mut update = Command::new("apt-get");
    process::must(update.args(["update", "-q"]), &log, LIMIT)?;
    let mut download = Command::new("apt-get");
    download
        .args([
            "download",
            "-q",
            "-o",
            "APT::Sandbox::User=root",
            "rabbitmq-server",
        ])
        .current_dir(&folder);
    process::must(&mut download, &log, LIMIT)?;
    let packages = files_under(&folder, "deb")?;
    let package = packages.first().context("a package of RabbitMQ")?;
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(package).arg(&folder);
    process::must(&mut unpack, &log, LIMIT)?;
    let text = fs::read(&program).with_context(|| format!("read {}", program.display()))?;
    if !text.starts_with(b"#!") {
        fs::remove_file(&program)?;
        bail!("this Debian's rabbitmqadmin is another program already");
    }
    Ok(())
}

/// What only distributions package; it is installed where that is possible.
fn packaged(layout: &Layout, name: &str, programs: &[&str], packages: &[&str]) -> Result<()> {
    if require(programs).is_ok() {
        return Ok(());
    }
    require(&["apt-get"])?;
    let log = layout.log(&format!("prepare-{name}"));
    let mut update = Command::new("apt-get");
    process::must(update.args(["update", "-q"]), &log, LIMIT)?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends"]);
    process::must(install.args(packages), &log, LIMIT)
}

fn require(programs: &[&str]) -> Result<()> {
    for program in programs {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$1\"", "sh", program])
            .stdout(Stdio::null())
            .status()?;
        if !found.success() {
            bail!("{program} is not on the PATH");
        }
    }
    Ok(())
}

/// Runs `step` unless it has succeeded before with the same content of `inputs`.
fn once(
    layout: &Layout,
    name: &str,
    inputs: &[&Path],
    step: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let mut state = String::new();
    for input in inputs {
        let text = fs::read_to_string(input).with_context(|| format!("{}", input.display()))?;
        // As the repository knows it: work trees may share the cache.
        let name = input.strip_prefix(&layout.root).unwrap_or(input);
        state.push_str(&format!("{}\n{text}\n", name.display()));
    }
    let stamp = layout.cache.join("stamps").join(name);
    if fs::read_to_string(&stamp).is_ok_and(|done| done == state) {
        return Ok(());
    }
    println!("preparing {name}");
    step(&layout.log(&format!("prepare-{name}")))?;
    fs::write(&stamp, state)?;
    Ok(())
}

fn files_under(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_under(&path, extension)?);
        } else if path.extension().is_some_and(|ext| ext == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
