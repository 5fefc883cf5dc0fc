//! What took how long, on one time axis.

use leptos::prelude::*;

use super::{
    icon::{Icon, IconName},
    time::format_duration_ms,
};

/// About so many distances between the lines of the axis.
const TICKS: f64 = 5.0;
/// A bar that ends before this share of the axis has its label behind it.
const LABEL_BEHIND: f64 = 0.82;

/// A row's stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// When it begins, in milliseconds after the start of the axis.
    pub offset_ms: f64,
    /// How long it is; none while it is not over.
    pub duration_ms: Option<f64>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct WaterfallRow {
    /// What it is called; rows of one name open and close together.
    pub name: String,
    /// How it stands, as style sheets know it.
    pub status: &'static str,
    /// How it stands, in a word.
    pub status_label: &'static str,
    /// When it was; none when it did not take place.
    pub bar: Option<Bar>,
}

/// The common time axis of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    length_ms: f64,
    tick_ms: f64,
}

impl Axis {
    fn of(rows: &[WaterfallRow], now_ms: f64) -> Self {
        let end = |bar: &Bar| bar.offset_ms + bar.duration_ms.unwrap_or((now_ms - bar.offset_ms).max(0.0));
        let longest = rows.iter().filter_map(|row| row.bar.as_ref()).map(end).fold(0.0, f64::max);
        let length_ms = if longest > 0.0 { longest } else { 1.0 };
        Self { length_ms, tick_ms: nice_step(length_ms / TICKS) }
    }

    fn ticks(self) -> Vec<f64> {
        // The last line would carry its label beyond the edge.
        (0..64).map(|at| f64::from(at) * self.tick_ms).take_while(|tick| *tick < self.length_ms * 0.95).collect()
    }

    fn share(self, ms: f64) -> f64 {
        (ms / self.length_ms).clamp(0.0, 1.0)
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not smaller than `at_least`.
pub fn nice_step(at_least: f64) -> f64 {
    let power = 10f64.powf(at_least.max(1e-6).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= at_least)
        .unwrap_or(power * 10.0)
}

/// Where a bar's label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelPlace {
    /// After the bar.
    Behind,
    /// In front of the bar.
    Before,
    /// In the bar.
    Inside,
}

/// Where the label of a bar stands that lies between two shares of the axis.
pub fn label_place(start: f64, end: f64) -> LabelPlace {
    if end <= LABEL_BEHIND {
        LabelPlace::Behind
    } else if start >= 1.0 - LABEL_BEHIND {
        LabelPlace::Before
    } else {
        LabelPlace::Inside
    }
}

/// A share as SVG takes it.
pub fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// Rows with their stretches of time. A row opens on a click.
#[component]
pub fn Waterfall<D>(
    /// What the rows are, for screen readers.
    label: &'static str,
    /// The rows, in order.
    #[prop(into)]
    rows: Signal<Vec<WaterfallRow>>,
    /// Where the axis ends for rows that are not over, in milliseconds after its start.
    #[prop(into)]
    now_ms: Signal<f64>,
    /// The name of the open row.
    #[prop(into)]
    open: Signal<Option<String>>,
    /// Opens or closes the rows of a name.
    toggle: Callback<String>,
    /// What an open row shows.
    detail: D,
) -> impl IntoView
where
    D: Fn(usize) -> AnyView + Copy + Send + Sync + 'static,
{
    let axis = Memo::new(move |_| rows.with(|rows| Axis::of(rows, now_ms.get())));
    let scale = move || {
        let axis = axis.get();
        axis.ticks()
            .into_iter()
            .map(|tick| {
                view! { <text x=percent(axis.share(tick)) dx="4" y="15">{format_duration_ms(tick)}</text> }
            })
            .collect_view()
    };
    let numbered = move || rows.get().into_iter().enumerate().collect::<Vec<_>>();
    view! {
        <div class="waterfall">
            <div class="waterfall-head">
                <span>{label}</span>
                <svg class="waterfall-lane" height="22" aria-hidden="true">{move || grid(axis.get())}{scale}</svg>
            </div>
            <ol role="list" aria-label=label>
                <For
                    each=numbered
                    key=|row| format!("{row:?}")
                    children=move |(index, row)| {
                        view! { <Row index row axis now_ms open toggle detail /> }
                    }
                />
            </ol>
        </div>
    }
}

fn grid(axis: Axis) -> impl IntoView {
    axis.ticks()
        .into_iter()
        .map(|tick| {
            let x = percent(axis.share(tick));
            view! { <line class="waterfall-grid" x1=x.clone() x2=x y1="0" y2="100%" /> }
        })
        .collect_view()
}

#[component]
fn Row<D>(
    index: usize,
    row: WaterfallRow,
    axis: Memo<Axis>,
    now_ms: Signal<f64>,
    open: Signal<Option<String>>,
    toggle: Callback<String>,
    detail: D,
) -> impl IntoView
where
    D: Fn(usize) -> AnyView + Copy + Send + Sync + 'static,
{
    let name = row.name.clone();
    let is_open = Memo::new(move |_| open.with(|open| open.as_deref() == Some(name.as_str())));
    let WaterfallRow { name, status, status_label, bar } = row;
    let shown_name = name.clone();
    view! {
        <li class="waterfall-row" data-row data-status=status data-open=move || is_open.get().then_some("")>
            <button
                type="button"
                class="waterfall-line"
                data-row-open
                aria-expanded=move || is_open.get().to_string()
                on:click=move |_| toggle.run(name.clone())
            >
                <span class="waterfall-name">
                    <Icon name=IconName::ChevronRight />
                    <i class="status-square" aria-hidden="true"></i>
                    {shown_name}
                    <span class="waterfall-status">{status_label}</span>
                </span>
                <svg class="waterfall-lane" height="26">
                    {move || grid(axis.get())}
                    {move || bar.map(|bar| lane(bar, axis.get(), now_ms.get()))}
                </svg>
            </button>
            {move || is_open.get().then(|| view! { <div class="waterfall-detail">{detail(index)}</div> })}
        </li>
    }
}

/// The bar and its label.
fn lane(bar: Bar, axis: Axis, now_ms: f64) -> impl IntoView {
    let duration = bar.duration_ms.unwrap_or((now_ms - bar.offset_ms).max(0.0));
    let (start, end) = (axis.share(bar.offset_ms), axis.share(bar.offset_ms + duration));
    let text = if bar.duration_ms.is_some() {
        format_duration_ms(duration)
    } else {
        format!("{} so far", format_duration_ms(duration))
    };
    let (x, dx, anchor, class) = match label_place(start, end) {
        LabelPlace::Behind => (end, "6", "start", "waterfall-label"),
        LabelPlace::Before => (start, "-6", "end", "waterfall-label"),
        LabelPlace::Inside => (start, "6", "start", "waterfall-label inside"),
    };
    let is_open_ended = bar.duration_ms.is_none();
    view! {
        <rect class="waterfall-bar" class:open-ended=is_open_ended x=percent(start) width=percent(end - start) y="7" height="12" />
        // What took no time is two pixels wide.
        <rect class="waterfall-bar" x=percent(start.min(0.997)) width="2" y="7" height="12" />
        <text class=class class:open-ended=is_open_ended x=percent(x) dx=dx y="17" text-anchor=anchor>{text}</text>
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use super::*;

    fn row(offset_ms: f64, duration_ms: Option<f64>) -> WaterfallRow {
        let bar = Some(Bar { offset_ms, duration_ms });
        WaterfallRow { name: "a".into(), status: "success", status_label: "Success", bar }
    }

    #[test]
    fn the_axis_ends_with_the_last_row_and_has_round_lines() {
        let axis = Axis::of(&[row(0.0, Some(40.0)), row(90.0, Some(1_841.0))], 0.0);
        assert_eq!((axis.length_ms, axis.tick_ms), (1_931.0, 500.0));
        assert_eq!(axis.ticks(), [0.0, 500.0, 1000.0, 1500.0]);
        assert!((axis.share(965.5) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_over_reaches_to_the_present() {
        let axis = Axis::of(&[row(0.0, Some(10.0)), row(10.0, None)], 5_000.0);
        assert_eq!(axis.length_ms, 5_000.0);
    }

    #[test]
    fn rows_without_any_time_still_have_an_axis() {
        let nothing = WaterfallRow { bar: None, ..row(0.0, None) };
        for rows in [vec![], vec![nothing], vec![row(0.0, Some(0.0))]] {
            let axis = Axis::of(&rows, 0.0);
            assert!(axis.length_ms > 0.0 && !axis.ticks().is_empty());
        }
    }

    #[test]
    fn steps_of_the_axis_are_round() {
        let steps = [0.03, 0.2, 3.0, 21.0, 70.0, 386.0].map(nice_step);
        let expected = [0.05, 0.2, 5.0, 50.0, 100.0, 500.0];
        assert!(steps.iter().zip(expected).all(|(step, expected)| (step - expected).abs() < 1e-9), "{steps:?}");
    }

    #[test]
    fn a_label_never_leaves_the_lane() {
        assert_eq!(label_place(0.1, 0.3), LabelPlace::Behind);
        assert_eq!(label_place(0.9, 1.0), LabelPlace::Before);
        assert_eq!(label_place(0.0, 1.0), LabelPlace::Inside);
    }
}
