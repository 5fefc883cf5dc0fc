//! Six cards: a number, how it changed, and its course.

use leptos::prelude::*;

use super::{banner::severity_key, data::Latest};
use crate::{
    component::{
        chart::Sparkline,
        number::{format_unit, significant},
        query::use_page_href,
        range::use_compare,
        reactive::{part, text, word},
    },
    model::{Compare, Kpi, Severity, overview::Unit},
};

/// The row of cards.
#[component]
pub fn Kpis(
    /// The newest answer.
    latest: Latest,
) -> impl IntoView {
    let keys = latest.pick(Vec::new(), |overview| {
        overview.kpis.iter().map(|kpi| (kpi.key.clone(), kpi.label.clone())).collect::<Vec<_>>()
    });
    view! {
        <ul class="kpis" aria-label="Key figures">
            <For each=move || keys.get() key=|(key, _)| key.clone() let((key, label))>
                <Card latest key label />
            </For>
        </ul>
    }
    .into_any()
}

#[component]
fn Card(
    /// The newest answer.
    latest: Latest,
    key: String,
    label: String,
) -> impl IntoView {
    let compare = use_compare();
    let kpi = latest.pick(None, move |overview| overview.kpis.iter().find(|kpi| kpi.key == key).cloned());
    let page_href = use_page_href();
    let href = text(move || kpi.with(|kpi| kpi.as_ref().map(|kpi| page_href(&kpi.href)).unwrap_or_default()));
    let severity = Memo::new(move |_| kpi.with(|kpi| kpi.as_ref().map(|kpi| kpi.severity).unwrap_or_default()));
    let number = move || kpi.with(|kpi| kpi.as_ref().map(value_and_unit)).unwrap_or_default();
    let change = Memo::new(move |_| kpi.with(|kpi| kpi.as_ref().and_then(Change::of)));
    let sparkline =
        Memo::new(move |_| kpi.with(|kpi| kpi.as_ref().map(|kpi| kpi.sparkline.clone()).unwrap_or_default()));
    let amount = move || {
        let amount = |change: Change| {
            view! {
                <span class="kpi-amount">
                    <span aria-hidden="true">{change.arrow()}</span>
                    <span class="visually-hidden">{change.word()}</span>
                    {change.amount}
                </span>
            }
        };
        change.get().map(amount).into_any()
    };
    let versus = move || match change.get() {
        Some(_) => versus(compare.get()),
        None if kpi.with(|kpi| kpi.as_ref().is_none_or(|kpi| kpi.value.is_none())) => "not measured yet",
        None => "no earlier data",
    };
    view! {
        <li>
            <a class="kpi" href=href data-severity=word(move || severity_key(severity.get()))>
                <span class="kpi-label">
                    {label}
                    <span class="visually-hidden">{word(move || severity_word(severity.get()))}</span>
                </span>
                <span class="kpi-value">
                    <span class="kpi-number">{text(move || number().0)}</span>
                    <span class="kpi-unit">{word(move || number().1)}</span>
                </span>
                <span class="kpi-change">
                    {part(amount)}
                    <span class="kpi-versus">{word(versus)}</span>
                </span>
                <Sparkline values=sparkline />
            </a>
        </li>
    }
    .into_any()
}

fn value_and_unit(kpi: &Kpi) -> (String, &'static str) {
    kpi.value.map_or_else(|| ("–".to_owned(), ""), |value| format_unit(value, kpi.unit))
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "",
        Severity::Warning => " (warning)",
        Severity::Critical => " (critical)",
    }
}

/// Short enough for the narrowest card; the menu of comparisons says it in full.
fn versus(compare: Compare) -> &'static str {
    match compare {
        Compare::Previous => "vs before",
        Compare::Yesterday => "vs yesterday",
        Compare::LastWeek => "vs last week",
    }
}

/// How a value differs from the compared one.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    difference: f64,
    amount: String,
}

impl Change {
    /// Shares differ in points, sizes in bytes, everything else in percent of what it was.
    fn of(kpi: &Kpi) -> Option<Self> {
        let (value, before) = (kpi.value?, kpi.before?);
        let difference = value - before;
        let amount = match kpi.unit {
            Unit::Percent => format!("{} pt", significant(difference.abs())),
            Unit::Bytes => {
                let (number, unit) = format_unit(difference.abs(), Unit::Bytes);
                format!("{number} {unit}")
            }
            _ if before.abs() < 1e-9 => {
                let (number, unit) = format_unit(difference.abs(), kpi.unit);
                format!("{number} {unit}")
            }
            _ => {
                format!("{} %", significant((difference / before * 100.0).abs()))
            }
        };
        let is_nothing = amount.starts_with("0 ");
        Some(Self { difference: if is_nothing { 0.0 } else { difference }, amount })
    }

    fn arrow(&self) -> &'static str {
        match self.difference {
            d if d > 0.0 => "▲ ",
            d if d < 0.0 => "▼ ",
            _ => "= ",
        }
    }

    fn word(&self) -> &'static str {
        match self.difference {
            d if d > 0.0 => "up ",
            d if d < 0.0 => "down ",
            _ => "unchanged, ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(unit: Unit, value: f64, before: f64) -> (String, &'static str) {
        let kpi = Kpi {
            key: "k".into(),
            label: "K".into(),
            value: Some(value),
            unit,
            before: Some(before),
            severity: Severity::Ok,
            sparkline: Vec::new(),
            href: String::new(),
        };
        let change = Change::of(&kpi).unwrap();
        (change.amount.clone(), change.arrow().trim())
    }

    #[test]
    fn a_change_is_told_in_the_terms_of_its_unit() {
        assert_eq!(change(Unit::Milliseconds, 412.0, 118.0), ("249 %".into(), "▲"));
        assert_eq!(change(Unit::Percent, 34.0, 36.0), ("2 pt".into(), "▼"));
        assert_eq!(change(Unit::Bytes, 2.438e9, 2.4e9), ("38 MB".into(), "▲"));
        assert_eq!(change(Unit::PerSecond, 4.0, 0.0), ("4 /s".into(), "▲"));
        assert_eq!(change(Unit::Percent, 10.0, 10.001), ("0 pt".into(), "="));
    }
}
