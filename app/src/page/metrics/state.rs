//! The page's state, all of it in the address.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    component::{
        chart::ChartStyle,
        choice::use_choice,
        query::{get, get_all, use_query_param, use_query_params, with, with_all},
        range::use_range,
    },
    model::{MetricForm, MetricListQuery, MetricQuery, RangeSpec, overview::Unit},
};

/// Where the page is.
pub const PATH: &str = "/monitoring/metrics";
/// `?q=up&q=…`: the queries; a blank stands for one that is still empty.
pub const QUERY: &str = "q";
/// `?off=b`: queries that are not asked.
pub const OFF: &str = "off";
/// `?unit=a:bytes`: units that were chosen.
pub const UNIT: &str = "unit";
/// `?at=b`: the query that clicks change.
pub const AT: &str = "at";
/// `?view=table`; lines are left out.
pub const VIEW: &str = "view";
/// `?find=http`: metrics that are looked for.
pub const FIND: &str = "find";
/// `?list=100`: how many metrics are listed.
pub const LIST: &str = "list";
/// `?rows=500`: how many rows a table has.
pub const ROWS: &str = "rows";
/// `?label=pod`: the label of which many values are listed.
pub const LABEL: &str = "label";
/// `?live=0`: what is shown stays as it is.
pub const LIVE: &str = "live";

/// Columns of a heatmap, about.
const HEATMAP_POINTS: u32 = 120;

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Drawn over time.
    #[default]
    Line,
    /// Areas on one another.
    Area,
    /// Bars on one another.
    Bar,
    /// Buckets of histograms.
    Heatmap,
    /// Values now.
    Table,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Line, Self::Area, Self::Bar, Self::Heatmap, Self::Table];

    /// As the address has it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
            Self::Heatmap => "heatmap",
            Self::Table => "table",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Line => "Lines",
            Self::Area => "Areas",
            Self::Bar => "Bars",
            Self::Heatmap => "Heatmap",
            Self::Table => "Table",
        }
    }

    /// As a chart draws it.
    pub fn style(self) -> ChartStyle {
        match self {
            Self::Area => ChartStyle::Area,
            Self::Bar => ChartStyle::Bar,
            _ => ChartStyle::Line,
        }
    }
}

/// One query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// In PromQL; may be empty.
    pub text: String,
    /// Whether it is not asked.
    pub is_off: bool,
    /// The unit that was chosen.
    pub unit: Option<Unit>,
}

/// The queries of the page; at least one, if only an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// All of them.
    pub rows: Vec<Row>,
    /// Which of them clicks change.
    pub at: usize,
}

/// `a`, `b`, `c`.
pub fn letter(at: usize) -> char {
    u8::try_from(at).ok().and_then(|at| b'a'.checked_add(at)).map_or('?', char::from)
}

impl Queries {
    /// Of a raw query string.
    pub fn of(search: &str) -> Self {
        let mut rows: Vec<Row> = get_all(search, QUERY)
            .into_iter()
            .take(MetricQuery::MOST)
            .map(|text| Row { text: text.trim().to_owned(), ..Row::default() })
            .collect();
        if rows.is_empty() {
            rows.push(Row::default());
        }
        let place = |name: &str| (0..rows.len()).find(|at| name.chars().eq([letter(*at)]));
        let off: Vec<usize> = get_all(search, OFF).iter().filter_map(|name| place(name)).collect();
        let units: Vec<(usize, Unit)> = get_all(search, UNIT)
            .iter()
            .filter_map(|text| text.split_once(':'))
            .filter_map(|(name, unit)| Some((place(name)?, Unit::from_key(unit)?)))
            .collect();
        let at = get(search, AT).and_then(|name| place(&name)).unwrap_or_default();
        for at in off {
            rows[at].is_off = true;
        }
        for (at, unit) in units {
            rows[at].unit = Some(unit);
        }
        Self { rows, at }
    }

    /// What the parameters say.
    fn values(&self) -> [(&'static str, Vec<String>); 4] {
        let is_blank = self.rows.iter().all(|row| row.text.is_empty()) && self.rows.len() == 1;
        let text = |row: &Row| if row.text.is_empty() { " ".to_owned() } else { row.text.clone() };
        let texts = if is_blank { Vec::new() } else { self.rows.iter().map(text).collect() };
        let named = || self.rows.iter().enumerate();
        let off = named().filter(|(_, row)| row.is_off).map(|(at, _)| letter(at).to_string()).collect();
        let units = named().filter_map(|(at, row)| Some(format!("{}:{}", letter(at), row.unit?.key()))).collect();
        let at = (self.at > 0).then(|| letter(self.at).to_string()).into_iter().collect();
        [(QUERY, texts), (OFF, off), (UNIT, units), (AT, at)]
    }

    /// A raw query string with these queries.
    pub fn write(&self, search: &str) -> String {
        self.values().iter().fold(search.to_owned(), |search, (name, values)| with_all(&search, name, values))
    }

    /// With another text of the query that clicks change; one that was off is asked again.
    #[must_use]
    pub fn with_text(&self, text: String) -> Self {
        let mut queries = self.clone();
        queries.rows[self.at] = Row { text, is_off: false, unit: None };
        queries
    }

    /// Without one of them.
    #[must_use]
    pub fn without(&self, at: usize) -> Self {
        let mut queries = self.clone();
        queries.rows.remove(at);
        if queries.rows.is_empty() {
            queries.rows.push(Row::default());
        }
        queries.at = if self.at > at { self.at - 1 } else { self.at.min(queries.rows.len() - 1) };
        queries
    }

    /// With one more after another one, as it is there; clicks change it.
    #[must_use]
    pub fn with_copy(&self, at: usize) -> Self {
        let mut queries = self.clone();
        queries.rows.insert(at + 1, self.rows[at].clone());
        queries.at = at + 1;
        queries
    }

    /// With an empty one at the end; clicks change it.
    #[must_use]
    pub fn with_new(&self) -> Self {
        let mut queries = self.clone();
        queries.rows.push(Row::default());
        queries.at = queries.rows.len() - 1;
        queries
    }

    /// Whether there is room for another one.
    pub fn has_room(&self) -> bool {
        self.rows.len() < MetricQuery::MOST
    }
}

/// The page's state. Copy it freely.
#[derive(Clone, Copy)]
pub struct Explorer {
    /// The queries.
    pub queries: Memo<Queries>,
    /// How answers are shown.
    pub view: Memo<View>,
    /// Over which range.
    pub range: Memo<RangeSpec>,
    /// Metrics that are looked for.
    pub find: Memo<Option<String>>,
    /// Whether what is shown stays as it is.
    pub paused: Memo<bool>,
    /// What stands in the fields, run or not.
    pub drafts: RwSignal<Vec<String>>,
    /// The label of which many values are listed.
    pub label: Memo<Option<String>>,
    search: Memo<String>,
    list: Memo<Option<String>>,
    rows: Memo<Option<String>>,
    set: StoredValue<Setters>,
}

#[derive(Clone, Copy)]
struct Setters {
    find: SignalSetter<Option<String>>,
    live: SignalSetter<Option<String>>,
    query: SignalSetter<Vec<String>>,
    off: SignalSetter<Vec<String>>,
    unit: SignalSetter<Vec<String>>,
    at: SignalSetter<Vec<String>>,
}

/// The state of the page.
pub fn use_explorer() -> Explorer {
    let location = use_location();
    let search = Memo::new(move |_| location.search.get());
    let queries = Memo::new(move |_| search.with(|search| Queries::of(search)));
    let (view, _) = use_choice(VIEW);
    let view = Memo::new(move |_| {
        view.with(|key| View::ALL.into_iter().find(|view| key.as_deref() == Some(view.key()))).unwrap_or_default()
    });
    let (range, _) = use_range();
    let (find, set_find) = use_query_param(FIND);
    let (live, set_live) = use_query_param(LIVE);
    let set = Setters {
        find: set_find,
        live: set_live,
        query: use_query_params(QUERY).1,
        off: use_query_params(OFF).1,
        unit: use_query_params(UNIT).1,
        at: use_query_params(AT).1,
    };
    let texts = queries.with_untracked(|queries| queries.rows.iter().map(|row| row.text.clone()).collect());
    Explorer {
        queries,
        view,
        range,
        find,
        paused: Memo::new(move |_| live.get().as_deref() == Some("0")),
        drafts: RwSignal::new(texts),
        label: use_query_param(LABEL).0,
        search,
        list: use_query_param(LIST).0,
        rows: use_query_param(ROWS).0,
        set: StoredValue::new(set),
    }
}

impl Explorer {
    /// The page with other queries. Tracks the address.
    pub fn href(self, queries: &Queries) -> String {
        self.search.with(|search| join(&queries.write(search)))
    }

    /// The page with one more parameter changed. Tracks the address.
    pub fn href_with(self, name: &str, value: Option<&str>) -> String {
        self.search.with(|search| join(&with(search, name, value)))
    }

    /// The page with other queries and another view. Tracks the address.
    pub fn href_as(self, queries: &Queries, view: View) -> String {
        let view = (view != View::default()).then(|| view.key());
        self.search.with(|search| join(&with(&queries.write(search), VIEW, view)))
    }

    /// Something of the raw query string. Tracks the address.
    pub fn kept<T>(self, read: impl FnOnce(&str) -> T) -> T {
        self.search.with(|search| read(search))
    }

    /// Goes to other queries.
    pub fn go(self, queries: &Queries) {
        let [query, off, unit, at] = queries.values().map(|(_, values)| values);
        let set = self.set.get_value();
        set.query.set(query);
        set.off.set(off);
        set.unit.set(unit);
        set.at.set(at);
    }

    /// Asks what stands in the fields; clicks change the query of this one.
    pub fn run(self, at: usize) {
        let mut queries = self.queries.get_untracked();
        self.drafts.with_untracked(|drafts| {
            for (row, draft) in queries.rows.iter_mut().zip(drafts) {
                let draft = draft.trim();
                if row.text != draft {
                    *row = Row { text: draft.to_owned(), is_off: false, unit: row.unit };
                }
            }
        });
        queries.at = at.min(queries.rows.len() - 1);
        self.go(&queries);
    }

    /// Holds what is shown, or lets it go on.
    pub fn set_paused(self, paused: bool) {
        self.set.get_value().live.set(paused.then(|| "0".to_owned()));
    }

    /// Looks for metrics, or for none in particular.
    pub fn set_find(self, text: Option<String>) {
        self.set.get_value().find.set(text);
    }

    /// How many metrics are listed.
    pub fn list_limit(self) -> u32 {
        let limit = self.list.with(|list| list.as_ref().and_then(|list| list.parse().ok()));
        limit.unwrap_or(MetricListQuery::SOME).clamp(1, MetricListQuery::MOST)
    }

    /// How many rows a table has.
    pub fn row_limit(self) -> u32 {
        let limit = self.rows.with(|rows| rows.as_ref().and_then(|rows| rows.parse().ok()));
        limit.unwrap_or(MetricQuery::SOME_ROWS).clamp(1, MetricQuery::MOST_ROWS)
    }

    /// What is asked, for charts of so many points.
    pub fn question(self, points: u32) -> MetricQuery {
        let view = self.view.get();
        let form = if view == View::Table { MetricForm::Table(self.row_limit()) } else { MetricForm::Course };
        let points = if view == View::Heatmap || view == View::Bar { points.min(HEATMAP_POINTS) } else { points };
        let text = |row: &Row| if row.is_off { String::new() } else { row.text.clone() };
        let texts = self.queries.with(|queries| queries.rows.iter().map(text).collect());
        MetricQuery { texts, range: self.range.get(), points, form, values: Vec::new() }
    }
}

fn join(search: &str) -> String {
    if search.is_empty() { PATH.to_owned() } else { format!("{PATH}?{search}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row { text: text.into(), ..Row::default() }
    }

    #[test]
    fn the_address_carries_the_queries() {
        let queries = Queries {
            rows: vec![row("up"), Row { is_off: true, unit: Some(Unit::Bytes), ..row("a + b") }, row("")],
            at: 1,
        };
        let search = queries.write("range=6h&view=table");
        assert_eq!(search, "range=6h&view=table&q=up&q=a%20%2B%20b&q=%20&off=b&unit=b%3Abytes&at=b");
        assert_eq!(Queries::of(&search), queries);
        assert_eq!(Queries::of("off=z&at=q&unit=a&unit=b:bytes"), Queries { rows: vec![row("")], at: 0 });
        assert_eq!(Queries { rows: vec![row("")], at: 0 }.write("q=up&range=1d"), "range=1d");
    }

    #[test]
    fn queries_come_and_go() {
        let one = Queries { rows: vec![row("a")], at: 0 };
        let three = one.with_copy(0).with_new();
        assert_eq!((three.rows.len(), three.at, three.rows[1].text.as_str()), (3, 2, "a"));
        let less = three.without(0);
        assert_eq!((less.rows.len(), less.at), (2, 1));
        assert_eq!(one.without(0), Queries { rows: vec![row("")], at: 0 });
        assert_eq!(three.with_text("b".into()).rows[2].text, "b");
    }

    #[test]
    fn as_many_queries_as_are_answered_have_room() {
        let search = "q=x&".repeat(40);
        let queries = Queries::of(&search);
        assert_eq!(queries.rows.len(), MetricQuery::MOST);
        assert!(!queries.has_room());
    }
}
