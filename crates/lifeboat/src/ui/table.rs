//! Tables that fit the terminal, and have a line for each row where there is none.

use comfy_table::{ContentArrangement, presets};
use rustix::termios::tcgetwinsize;
use serde_json::Value;

use crate::limits::COLUMNS_DEFAULT;

/// A table with a heading, or none for a sheet of names and values.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = Self::plain(columns());
        table.0.set_header(headings);
        table
    }

    /// A table without headings, at most so wide. Without a limit a row is a line, for `grep`.
    fn plain(columns: Option<u16>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        if let Some(columns) = columns {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        }
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| visible(&cell)));
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.trim_fmt();
        let lines: Vec<&str> =
            text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        f.write_str(lines.join("\n").trim_end())
    }
}

/// Names and values under each other.
pub(crate) fn sheet<const N: usize>(rows: [(&str, String); N]) -> Table {
    let mut table = Table::plain(columns());
    for (name, value) in rows {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    }
    table
}

/// A value of an answer as it stands in a table; nothing for what is absent.
pub(crate) fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// The width of the terminal that the answer is shown on; none where it is no terminal.
fn columns() -> Option<u16> {
    let size = tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(if size.ws_col > 20 { size.ws_col } else { COLUMNS_DEFAULT })
}

/// The text without what would move the cursor or change colours of the reader's terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_keeps_to_its_columns_and_to_its_cells() {
        let mut table = Table::plain(Some(80));
        table.0.set_header(["NAME", "ID"]);
        table.row(["Main\u{1b}[2J Stage ".repeat(12), "wld_1".to_owned()]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("NAME") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn where_there_is_no_terminal_a_row_is_a_line() {
        let mut table = Table::plain(None);
        table.row(["Main\nStage ".repeat(12), "wld_1".to_owned()]);
        assert_eq!(table.to_string().lines().count(), 1, "{table}");
    }

    #[test]
    fn cells_are_read_by_pointer() {
        let value = json!({ "a": { "b": "x", "n": 3, "no": null, "list": ["p", "q"] } });
        for (pointer, text) in
            [("/a/b", "x"), ("/a/n", "3"), ("/a/no", ""), ("/z", ""), ("/a/list", "p, q")]
        {
            assert_eq!(cell(&value, pointer), text);
        }
    }
}
