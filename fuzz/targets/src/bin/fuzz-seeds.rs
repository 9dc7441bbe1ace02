//! Writes what each target begins with: `fuzz-seeds DIR` makes `DIR/<target>/seed-<n>`.

use std::path::PathBuf;
use std::{env, fs, io};

use forebay_fuzz_targets::TARGETS;

fn main() -> io::Result<()> {
    let usage = || io::Error::other("usage: fuzz-seeds DIR");
    let root = env::args_os().nth(1).map(PathBuf::from).ok_or_else(usage)?;
    for target in TARGETS {
        let folder = root.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
