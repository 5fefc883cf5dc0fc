//! How a figure differs from what it was.

use leptos::prelude::*;

use crate::component::number::significant;

/// A difference in words and signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// For the eye.
    pub arrow: &'static str,
    /// For the ear.
    pub word: &'static str,
    /// By how much.
    pub amount: String,
}

impl Change {
    /// In percent of what it was; none when there was nothing.
    pub fn relative(value: f64, before: f64) -> Option<Self> {
        (before.abs() > 1e-9).then(|| {
            let percent = (value - before) / before * 100.0;
            Self::of(percent, format!("{} %", significant(percent.abs())))
        })
    }

    /// Of a share, in points.
    pub fn points(value: f64, before: f64) -> Self {
        Self::of(value - before, format!("{} pt", significant((value - before).abs())))
    }

    fn of(difference: f64, amount: String) -> Self {
        let (arrow, word) = match difference {
            _ if amount.starts_with("0 ") => ("=", "unchanged, "),
            difference if difference > 0.0 => ("▲", "up "),
            _ => ("▼", "down "),
        };
        Self { arrow, word, amount }
    }
}

/// The change, or a dash where there is nothing to compare with.
#[component]
pub fn ChangeText(change: Option<Change>) -> impl IntoView {
    match change {
        None => view! { <span class="muted">"–"</span> }.into_any(),
        Some(Change { arrow, word, amount }) => view! {
            <span class="change">
                <span aria-hidden="true">{arrow}" "</span>
                <span class="visually-hidden">{word}</span>
                {amount}
            </span>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_percent_or_points() {
        let shown = |change: Change| format!("{} {}", change.arrow, change.amount);
        assert_eq!(Change::relative(300.0, 100.0).map(shown).as_deref(), Some("▲ 200 %"));
        assert_eq!(Change::relative(50.0, 100.0).map(shown).as_deref(), Some("▼ 50 %"));
        assert_eq!(Change::relative(100.0, 100.0).map(shown).as_deref(), Some("= 0 %"));
        assert_eq!(Change::relative(5.0, 0.0), None);
        assert_eq!(shown(Change::points(5.0, 2.0)), "▲ 3 pt");
    }
}
