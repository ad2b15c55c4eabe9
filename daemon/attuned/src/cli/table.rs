//! Aligned text.

/// Rows of cells in columns that are as wide as their widest cell, two spaces apart. A row may
/// have fewer cells; the last cell of a row is not padded.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The rows as lines without a line break at the end.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                if column == widths.len() {
                    widths.push(0);
                }
                // The last cell of a row has nothing to its right to be aligned.
                if column + 1 < row.len() {
                    widths[column] = widths[column].max(width(cell));
                }
            }
        }
        let lines = self.rows.iter().map(|row| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if column + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', widths[column] - width(cell) + 2));
                }
            }
            line.truncate(line.trim_end().len());
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Columns of a terminal that the text takes: two for the wide characters of East Asia and for
/// emoji, none for combining marks (the main ranges of Unicode's EastAsianWidth.txt).
pub fn width(text: &str) -> usize {
    let columns = |character: char| match character as u32 {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F => 2,
        0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD => 2,
        _ => 1,
    };
    text.chars().map(columns).sum()
}

/// The text in at most `columns_max` columns, with `…` where it was cut. Control characters, which
/// could steer the terminal, are shown as `�`.
pub fn fit(text: &str, columns_max: usize) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if width(&shown) <= columns_max {
        return shown;
    }
    let mut cut = String::new();
    for character in shown.chars() {
        if width(&cut) + width(character.encode_utf8(&mut [0; 4])) + 1 > columns_max {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_script() {
        let mut table = Table::default();
        table.row(["1".into(), "The Third Man".into(), "film".into()]);
        table.row(["10".into(), "第三人".into(), "film".into()]);
        table.row(["a row of one cell, which may be long".into()]);
        table.row(["".into(), "".into()]);
        expect_test::expect![[r#"
            1   The Third Man  film
            10  第三人         film
            a row of one cell, which may be long
        "#]]
        .assert_eq(&table.render());
    }

    #[test]
    fn long_text_is_cut_and_control_characters_are_shown() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("longer", 5), "long…");
        assert_eq!(fit("第三人", 5), "第三…");
        assert_eq!(fit("a\x1b[31mb\n", 20), "a\u{FFFD}[31mb\u{FFFD}");
    }
}
