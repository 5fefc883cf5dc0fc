//! A dashboard as it is on the page: rows and panels with keys, so that each keeps its place in the document and its focus
//! while others come, go and move.

use crate::model::{Dashboard, Panel, PanelRow, RowHeight, Variable};

/// A dashboard on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Its title.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The next key.
    next: u32,
}

/// A row on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its key.
    pub key: u32,
    /// Its heading.
    pub title: String,
    /// How high it is.
    pub height: RowHeight,
    /// Its panels with their keys.
    pub panels: Vec<(u32, Panel)>,
}

/// Where something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the one before it: to the left, or up.
    Back,
    /// To the one after it: to the right, or down.
    On,
}

impl Layout {
    /// On the page; the same dashboard always gets the same keys, and others get others.
    pub fn of(id: &str, dashboard: &Dashboard) -> Self {
        let hash = id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        // Room for ten thousand keys each.
        let mut next = (hash % 100_000) * 10_000;
        let mut key = || {
            next += 1;
            next
        };
        let rows = dashboard.rows.iter().map(|row| Row {
            key: key(),
            title: row.title.clone(),
            height: row.height,
            panels: row.panels.iter().map(|panel| (key(), panel.clone())).collect(),
        });
        let rows = rows.collect();
        Self {
            title: dashboard.title.clone(),
            description: dashboard.description.clone(),
            variables: dashboard.variables.clone(),
            rows,
            next: next + 1,
        }
    }

    /// As it is stored.
    pub fn dashboard(&self) -> Dashboard {
        let row = |row: &Row| PanelRow {
            title: row.title.trim().to_owned(),
            height: row.height,
            panels: row.panels.iter().map(|(_, panel)| panel.clone()).collect(),
        };
        Dashboard {
            version: Dashboard::VERSION,
            title: self.title.trim().to_owned(),
            description: self.description.trim().to_owned(),
            variables: self.variables.clone(),
            rows: self.rows.iter().map(row).collect(),
        }
    }

    fn key(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// The row with this key.
    pub fn row(&self, key: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// The same, to change it.
    pub fn row_mut(&mut self, key: u32) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.key == key)
    }

    /// The panel with this key.
    pub fn panel(&self, key: u32) -> Option<&Panel> {
        self.rows.iter().flat_map(|row| &row.panels).find(|(other, _)| *other == key).map(|(_, panel)| panel)
    }

    /// The same, to change it.
    pub fn panel_mut(&mut self, key: u32) -> Option<&mut Panel> {
        let mut panels = self.rows.iter_mut().flat_map(|row| &mut row.panels);
        panels.find(|(other, _)| *other == key).map(|(_, panel)| panel)
    }

    fn place(&self, key: u32) -> Option<(usize, usize)> {
        self.rows.iter().enumerate().find_map(|(at, row)| {
            let panel = row.panels.iter().position(|(other, _)| *other == key)?;
            Some((at, panel))
        })
    }

    /// How many panels there are.
    pub fn panel_count(&self) -> usize {
        self.rows.iter().map(|row| row.panels.len()).sum()
    }

    /// Adds a row at the end; its key.
    pub fn add_row(&mut self) -> u32 {
        let key = self.key();
        self.rows.push(Row { key, title: String::new(), height: RowHeight::Medium, panels: Vec::new() });
        key
    }

    /// Takes a row away with its panels.
    pub fn remove_row(&mut self, key: u32) {
        self.rows.retain(|row| row.key != key);
    }

    /// Moves a row past its neighbour.
    pub fn move_row(&mut self, key: u32, step: Step) {
        let Some(at) = self.rows.iter().position(|row| row.key == key) else { return };
        match step {
            Step::Back if at > 0 => self.rows.swap(at - 1, at),
            Step::On if at + 1 < self.rows.len() => self.rows.swap(at, at + 1),
            Step::Back | Step::On => {}
        }
    }

    /// Adds a panel at the end of a row; its key.
    pub fn add_panel(&mut self, row: u32, panel: Panel) -> u32 {
        let key = self.key();
        if let Some(row) = self.row_mut(row) {
            row.panels.push((key, panel));
        }
        key
    }

    /// Puts the same panel once more after another one; its key.
    pub fn copy_panel(&mut self, key: u32) -> Option<u32> {
        let (row, at) = self.place(key)?;
        let copy = self.rows[row].panels[at].1.clone();
        let key = self.key();
        self.rows[row].panels.insert(at + 1, (key, copy));
        Some(key)
    }

    /// Takes a panel away.
    pub fn remove_panel(&mut self, key: u32) {
        for row in &mut self.rows {
            row.panels.retain(|(other, _)| *other != key);
        }
    }

    /// Moves a panel past its neighbour; at the edge of its row into the row before or after it.
    pub fn move_panel(&mut self, key: u32, step: Step) {
        let Some((row, at)) = self.place(key) else { return };
        let last = self.rows[row].panels.len() - 1;
        match step {
            Step::Back if at > 0 => self.rows[row].panels.swap(at - 1, at),
            Step::On if at < last => self.rows[row].panels.swap(at, at + 1),
            Step::Back if row > 0 => {
                let panel = self.rows[row].panels.remove(at);
                self.rows[row - 1].panels.push(panel);
            }
            Step::On if row + 1 < self.rows.len() => {
                let panel = self.rows[row].panels.remove(at);
                self.rows[row + 1].panels.insert(0, panel);
            }
            Step::Back | Step::On => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let panel = |title: &str| Panel { title: title.to_owned(), ..Panel::default() };
        let row = |titles: &[&str]| PanelRow {
            panels: titles.iter().map(|title| panel(title)).collect(),
            ..PanelRow::default()
        };
        Layout::of("a", &Dashboard { rows: vec![row(&["a", "b"]), row(&["c"])], ..Dashboard::default() })
    }

    fn told(layout: &Layout) -> String {
        let row = |row: &Row| row.panels.iter().map(|(_, panel)| panel.title.clone()).collect::<String>();
        layout.rows.iter().map(row).collect::<Vec<_>>().join("|")
    }

    fn key(layout: &Layout, title: &str) -> u32 {
        let mut panels = layout.rows.iter().flat_map(|row| &row.panels);
        panels.find(|(_, panel)| panel.title == title).map(|(key, _)| *key).unwrap()
    }

    #[test]
    fn a_dashboard_goes_there_and_back() {
        let layout = layout();
        assert_eq!(Layout::of("a", &layout.dashboard()), layout);
        assert_ne!(Layout::of("b", &layout.dashboard()).rows[0].key, layout.rows[0].key);
        assert_eq!(layout.panel_count(), 3);
    }

    #[test]
    fn panels_move_within_their_row_and_on_to_the_next() {
        let mut layout = layout();
        let a = key(&layout, "a");
        for expected in ["ba|c", "b|ac", "b|ca", "b|ca"] {
            layout.move_panel(a, Step::On);
            assert_eq!(told(&layout), expected);
        }
        for expected in ["b|ac", "ba|c", "ab|c", "ab|c"] {
            layout.move_panel(a, Step::Back);
            assert_eq!(told(&layout), expected);
        }
    }

    #[test]
    fn rows_move_come_and_go() {
        let mut layout = layout();
        let first = layout.rows[0].key;
        layout.move_row(first, Step::On);
        assert_eq!(told(&layout), "c|ab");
        let added = layout.add_row();
        let copy = layout.copy_panel(key(&layout, "a")).unwrap();
        layout.add_panel(added, Panel { title: "x".into(), ..Panel::default() });
        assert_eq!(told(&layout), "c|aab|x");
        assert!(layout.panel(copy).is_some());
        layout.remove_panel(copy);
        layout.remove_row(first);
        assert_eq!(told(&layout), "c|x");
    }
}
