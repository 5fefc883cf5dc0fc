//! Dashboards: rows of panels, each with queries in PromQL, and variables that the queries share.

mod check;
mod fill;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    MetricAnswers, MetricForm, RangeSpec, TimeRange,
    overview::{Grid, Unit},
};

pub use self::{
    check::Flaw,
    fill::{Filling, VariableValue},
};

/// A dashboard as it is stored, exported and imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Dashboard {
    /// The version of this format: [`Dashboard::VERSION`].
    pub version: u32,
    /// What it is called.
    pub title: String,
    /// What it is for; may be empty.
    pub description: String,
    /// What its queries have in common and readers choose.
    pub variables: Vec<Variable>,
    /// Rows, from top to bottom.
    pub rows: Vec<PanelRow>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            title: String::new(),
            description: String::new(),
            variables: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl Dashboard {
    /// The version of the format.
    pub const VERSION: u32 = 1;
    /// Rows at most.
    pub const MOST_ROWS: usize = 30;
    /// Panels of all rows at most.
    pub const MOST_PANELS: usize = 60;
    /// Variables at most.
    pub const MOST_VARIABLES: usize = 12;
    /// Characters of a title at most.
    pub const LONGEST_TITLE: usize = 120;

    /// All of its panels, row by row.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }
}

/// Panels side by side.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PanelRow {
    /// Its heading; may be empty.
    pub title: String,
    /// How high its panels are.
    pub height: RowHeight,
    /// From left to right; those that find no place go on below.
    pub panels: Vec<Panel>,
}

/// How high the panels of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RowHeight {
    /// For single numbers.
    Small,
    /// For charts.
    #[default]
    Medium,
    /// For tables and heatmaps.
    Large,
}

impl RowHeight {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// As it is written.
    pub fn key(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The one that is written so.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|height| height.key() == key)
    }
}

/// What some queries answer, shown in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Panel {
    /// Its heading.
    pub title: String,
    /// What it tells and how it is read, a paragraph a line; may be empty.
    pub help: String,
    /// Why it may be empty and what helps then; may be empty.
    pub empty: String,
    /// How wide it is: twelfths of the row.
    pub width: u8,
    /// How answers are shown.
    pub view: PanelView,
    /// The unit of the values; guessed from the queries where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// What is asked.
    pub queries: Vec<PanelQuery>,
    /// Values from which on it is time to look or to act.
    pub thresholds: Vec<Limit>,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            title: String::new(),
            help: String::new(),
            empty: String::new(),
            width: 6,
            view: PanelView::default(),
            unit: None,
            queries: Vec::new(),
            thresholds: Vec::new(),
        }
    }
}

impl Panel {
    /// The width of a row.
    pub const WIDEST: u8 = 12;
    /// The narrowest panel.
    pub const NARROWEST: u8 = 2;
    /// Queries at most.
    pub const MOST_QUERIES: usize = 6;
    /// Thresholds at most.
    pub const MOST_THRESHOLDS: usize = 8;

    /// The texts of its queries.
    pub fn texts(&self) -> Vec<String> {
        self.queries.iter().map(|query| query.text.clone()).collect()
    }

    /// In which form it needs its answers.
    pub fn form(&self) -> MetricForm {
        if self.view == PanelView::Table { MetricForm::Table(0) } else { MetricForm::Course }
    }
}

/// How a panel shows its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PanelView {
    /// A line each.
    #[default]
    Line,
    /// Areas on one another.
    Area,
    /// Bars on one another.
    Bar,
    /// The newest value of each series, large.
    Number,
    /// The buckets of a histogram over time.
    Heatmap,
    /// The values at the end of the range.
    Table,
}

impl PanelView {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Line, Self::Area, Self::Bar, Self::Number, Self::Heatmap, Self::Table];

    /// As it is written.
    pub fn key(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
            Self::Number => "number",
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
            Self::Number => "Number",
            Self::Heatmap => "Heatmap",
            Self::Table => "Table",
        }
    }

    /// The one that is written so.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.key() == key)
    }
}

/// A query of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PanelQuery {
    /// In PromQL, with variables as `$name` or `${name}`.
    pub text: String,
    /// How its series are called, with labels as `{{label}}`; empty for what sets them apart.
    pub legend: String,
}

impl PanelQuery {
    /// What the series with these labels is called; none where that is left to others.
    pub fn legend_of(&self, labels: &[(String, String)]) -> Option<String> {
        if self.legend.trim().is_empty() {
            return None;
        }
        let mut named = String::new();
        let mut rest = self.legend.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((label, after)) = after.split_once("}}") else { break };
            named.push_str(before);
            let value = labels.iter().find(|(name, _)| name == label.trim()).map(|(_, value)| value.as_str());
            named.push_str(value.unwrap_or_default());
            rest = after;
        }
        named.push_str(rest);
        Some(named)
    }
}

/// A value from which on it is time to look or to act.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// The value, in the unit of the queries.
    pub value: f64,
    /// Whether it is time to act, rather than to look.
    pub is_critical: bool,
    /// Whether lesser values are the bad ones.
    pub is_below: bool,
}

impl Limit {
    /// Whether a value is on the bad side of it.
    pub fn is_crossed_by(self, value: f64) -> bool {
        if self.is_below { value <= self.value } else { value >= self.value }
    }
}

/// Something that readers choose and queries use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Variable {
    /// What queries call it, without `$`.
    pub name: String,
    /// What people read; the name where it is empty.
    pub label: String,
    /// Where its values come from.
    pub source: VariableSource,
    /// Whether several values, or all, can be chosen.
    pub is_multi: bool,
    /// What is chosen at first; empty for all, or for the first value where only one can be chosen.
    pub default: Vec<String>,
}

impl Variable {
    /// What stands for all values, where others are chosen at first.
    pub const ALL: &str = "$__all";
    /// Values that are offered at most.
    pub const MOST_VALUES: usize = 500;

    /// What people read.
    pub fn shown_label(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }
}

/// Where the values of a variable come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum VariableSource {
    /// The values that a label has.
    Label {
        /// Of which series: a selector in PromQL, which may use variables that come before.
        series: String,
        /// The label.
        label: String,
    },
    /// These.
    List {
        /// In this order.
        values: Vec<String>,
    },
    /// Whatever readers write.
    Text,
}

impl Default for VariableSource {
    fn default() -> Self {
        Self::Label { series: "up".to_owned(), label: "job".to_owned() }
    }
}

/// Where a dashboard comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DashboardSource {
    /// Somebody made it here; it is changed here.
    #[default]
    Stored,
    /// From a file of the configuration; it is changed there.
    Provisioned,
    /// It comes with Console.
    Shipped,
}

/// A dashboard with what is known of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DashboardEntry {
    /// Its id: the end of its address.
    pub id: String,
    /// Where it comes from.
    pub source: DashboardSource,
    /// How often it was changed; who changes it says which one they have seen.
    pub revision: i64,
    /// When it was changed last, where that is known.
    pub changed_at: Option<DateTime<Utc>>,
    /// Who did that.
    pub changed_by: Option<String>,
    /// The dashboard.
    pub dashboard: Dashboard,
}

/// A dashboard in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DashboardSummary {
    /// Its id: the end of its address.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Where it comes from.
    pub source: DashboardSource,
    /// How many panels it has.
    pub panels: u32,
    /// When it was changed last, where that is known.
    pub changed_at: Option<DateTime<Utc>>,
    /// Who did that.
    pub changed_by: Option<String>,
}

/// The dashboards of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DashboardList {
    /// By title.
    pub dashboards: Vec<DashboardSummary>,
    /// How many of them can be made here.
    pub most: usize,
    /// What is wrong with files of the configuration.
    pub problems: Vec<String>,
}

/// What is wanted of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DashboardQuery {
    /// Its id.
    pub id: String,
    /// Over which range.
    pub range: RangeSpec,
    /// How many instants a course may have, about.
    pub points: u32,
    /// What was chosen of its variables.
    pub values: Vec<VariableValue>,
}

/// A dashboard with what its queries answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DashboardView {
    /// The dashboard.
    pub entry: DashboardEntry,
    /// Its variables, in their order.
    pub variables: Vec<VariableState>,
    /// The range as it was understood.
    pub range: TimeRange,
    /// The instants of all courses.
    pub grid: Grid,
    /// What its panels ask, once each, with the answers.
    pub answers: Vec<PanelAnswers>,
}

impl DashboardView {
    /// What is put in the place of variables.
    pub fn values(&self) -> Vec<VariableValue> {
        self.variables.iter().map(|state| state.value.clone()).collect()
    }
}

/// What some queries answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanelAnswers {
    /// The queries, as they stand in the panel.
    pub texts: Vec<String>,
    /// In which form they were asked.
    pub form: MetricForm,
    /// None where they took so long that the page should not wait: ask for them alone.
    pub answers: Option<MetricAnswers>,
}

/// A variable as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableState {
    /// What can be chosen, at most [`Variable::MOST_VALUES`].
    pub options: Vec<String>,
    /// What was chosen, or stands for it; empty for all.
    pub chosen: Vec<String>,
    /// What is put in its place.
    pub value: VariableValue,
    /// Why its values are not known.
    pub problem: Option<String>,
}

/// What is sent to keep a dashboard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DashboardChange {
    /// The revision that was changed: another one in the store is not written over.
    pub revision: i64,
    /// The dashboard as it is to be.
    pub dashboard: Dashboard,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_names_labels() {
        let labels = [("job".to_owned(), "api".to_owned()), ("zone".to_owned(), "a".to_owned())];
        let named = |legend: &str| PanelQuery { text: String::new(), legend: legend.to_owned() }.legend_of(&labels);
        assert_eq!(named(" "), None);
        assert_eq!(named("{{job}} in {{ zone }}{{none}}").as_deref(), Some("api in a"));
        assert_eq!(named("{{job").as_deref(), Some("{{job"));
    }

    #[test]
    fn a_document_says_no_more_than_it_has_to() {
        let read: Dashboard =
            serde_json::from_str(r#"{"title":"x","rows":[{"panels":[{"title":"p","queries":[{"text":"up"}]}]}]}"#)
                .unwrap();
        assert_eq!(read.version, Dashboard::VERSION);
        assert_eq!((read.rows[0].panels[0].width, read.rows[0].height), (6, RowHeight::Medium));
        let unknown = serde_json::from_str::<Dashboard>(r#"{"titel":"x"}"#).unwrap_err();
        assert!(unknown.to_string().contains("titel"), "{unknown}");
    }

    #[test]
    fn a_limit_has_a_side() {
        let limit = Limit { value: 5.0, ..Limit::default() };
        assert!(limit.is_crossed_by(5.0) && !limit.is_crossed_by(4.0));
        let below = Limit { is_below: true, ..limit };
        assert!(below.is_crossed_by(4.0) && !below.is_crossed_by(6.0));
    }
}
