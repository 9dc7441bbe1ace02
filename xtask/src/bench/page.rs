//! Pages of results: Markdown and the charts next to it.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::layout::Layout;

/// A page in `bench/results/`.
pub(crate) struct Page {
    name: &'static str,
    text: String,
    folder: PathBuf,
}

impl Page {
    pub(crate) fn new(layout: &Layout, name: &'static str, title: &str) -> Result<Self> {
        let folder = layout.root.join("bench/results");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            name,
            text: format!("# {title}\n"),
            folder,
        })
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.paragraph(&format!("## {text}"));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        writeln!(self.text, "\n{text}").expect("a string takes everything");
    }

    /// A table; cells are written as they are.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
        let rule = format!("|{}", "---|".repeat(head.len()));
        let lines = [line(&head), rule];
        let lines: Vec<_> = lines
            .into_iter()
            .chain(rows.iter().map(|row| line(row)))
            .collect();
        self.paragraph(&lines.join("\n"));
    }

    /// Facts, one a line.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) {
        let lines: Vec<_> = facts
            .iter()
            .map(|(name, value)| format!("* {name}: {value}"))
            .collect();
        self.paragraph(&lines.join("\n"));
    }

    /// A chart beside the page, and its place in it.
    pub(crate) fn chart(&mut self, suffix: &str, about: &str, svg: &str) -> Result<()> {
        let name = format!("{}{suffix}.svg", self.name);
        let path = self.folder.join(&name);
        fs::write(&path, svg).with_context(|| path.display().to_string())?;
        self.paragraph(&format!("![{about}]({name})"));
        Ok(())
    }

    /// Writes the page and says where it is.
    pub(crate) fn write(self) -> Result<()> {
        let path = self.folder.join(format!("{}.md", self.name));
        fs::write(&path, &self.text).with_context(|| path.display().to_string())?;
        println!("\n{}\nwritten to {}", self.text, path.display());
        Ok(())
    }
}
