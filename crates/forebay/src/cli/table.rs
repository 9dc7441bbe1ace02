//! Tables for people: columns aligned by what they hold, two spaces apart, nothing drawn.

use std::fmt;

/// Rows under a head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns of numbers, aligned to the right.
    right: Vec<bool>,
}

impl Table {
    /// A table with these column heads.
    pub(crate) fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self {
            rows: vec![heads.map(str::to_owned).to_vec()],
            right: vec![false; N],
        }
    }

    /// Aligns a column to the right, as numbers are read.
    pub(crate) fn right_aligned(mut self, columns: &[usize]) -> Self {
        for column in columns {
            self.right[*column] = true;
        }
        self
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        assert_eq!(N, self.right.len(), "a row has a cell for every head");
        // A line break or an escape sequence in a name must not forge rows or colours.
        let clean = |cell: &str| {
            cell.chars()
                .map(|c| if c.is_control() { '?' } else { c })
                .collect()
        };
        self.rows.push(cells.map(clean).to_vec());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let gap = " ".repeat(width - cell.chars().count());
                let (before, after) = if *right {
                    (gap.as_str(), "")
                } else {
                    ("", gap.as_str())
                };
                line.push_str(before);
                line.push_str(cell);
                line.push_str(after);
                line.push_str("  ");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let mut table = Table::new(["TOPIC", "PARTITIONS"]).right_aligned(&[1]);
        table.row(["orders", "12"]);
        table.row(["é", "3"]);
        assert_eq!(
            table.to_string(),
            "TOPIC   PARTITIONS\norders          12\né                3\n"
        );
    }

    #[test]
    fn control_characters_cannot_forge_rows() {
        let mut table = Table::new(["NAME"]);
        table.row(["a\nb\x1b[31m"]);
        assert_eq!(table.to_string(), "NAME\na?b?[31m\n");
    }
}
