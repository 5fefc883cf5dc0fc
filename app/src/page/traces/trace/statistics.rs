//! Sums over the spans of a trace, as a table.

use leptos::prelude::*;

use super::{
    super::service::ServiceMark,
    context::TraceContext,
    state::{FIND, TAB},
    sums::{By, Order, Sum, sums},
};
use crate::component::{
    choice::use_choice,
    icon::{Icon, IconName},
    number::{format_count, significant},
    panel::Panel,
    query::use_href,
    reactive::{maybe, part},
    tabs::{Tab, Tabs},
    time::format_duration_ms,
};

/// `?by=operation`
const BY: &str = "by";
/// `?order=total`; time of their own is left out.
const ORDER: &str = "order";
/// Rows of the table.
const MOST: usize = 500;

fn use_by() -> Memo<By> {
    let (by, _) = use_choice(BY);
    Memo::new(move |_| By::ALL.into_iter().find(|one| by.get().as_deref() == one.key()).unwrap_or(By::Service))
}

/// The ways to put spans together. They belong to the page: they follow the address, which also decides whether the table
/// is there.
pub fn use_sum_tabs() -> Signal<Vec<Tab>> {
    let by = use_by();
    let href = use_href();
    Signal::derive(move || {
        let tab = |one: By| Tab {
            label: one.label(),
            href: href(&[(BY, one.key().map(str::to_owned))]),
            selected: by.get() == one,
        };
        By::ALL.map(tab).to_vec()
    })
}

/// Sums by service or by operation.
#[component]
pub fn Statistics(
    /// The trace.
    context: TraceContext,
    /// By service or by operation, from [`use_sum_tabs`].
    tabs: Signal<Vec<Tab>>,
) -> impl IntoView {
    let by = use_by();
    let (order, _) = use_choice(ORDER);
    let order = Memo::new(move |_| {
        Order::ALL.into_iter().find(|one| order.get().as_deref() == one.key()).unwrap_or(Order::OwnTime)
    });
    let all = Memo::new(move |_| {
        context.loaded.track();
        context.tree.with_untracked(|tree| sums(tree, by.get(), order.get()))
    });
    let rest = part(move || {
        let rest = all.with(Vec::len).saturating_sub(MOST);
        (rest > 0)
            .then(|| view! { <p class="log-more">{format!("and {} more", format_count(rest as u64))}</p> })
            .into_any()
    });
    let rows = part(move || {
        let sums = all.get();
        let own_ns = sums.iter().map(|sum| sum.own_ns).sum::<i64>().max(1);
        sums.into_iter().take(MOST).map(|sum| row(sum, own_ns)).collect_view().into_any()
    });
    view! {
        <Panel title="Statistics" actions=move || view! { <Tabs label="Put spans together" tabs /> }>
            <div class="table-scroll">
                <table class="table sums">
                    <caption class="visually-hidden">"Sums over the spans of this trace"</caption>
                    <Head order />
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {rest}
        </Panel>
    }
    .into_any()
}

#[component]
fn Head(order: Memo<Order>) -> impl IntoView {
    let href = use_href();
    let sorted = move |one: Order| {
        let href = href.clone();
        // The table goes when the address says so: signals of its own that follow the address would be gone too early.
        let target = move || href(&[(ORDER, one.key().map(str::to_owned))]);
        view! {
            <th scope="col" class="number" aria-sort=maybe(move || (order.get() == one).then_some("descending"))>
                <a data-noscroll href=target>{one.label()}</a>
            </th>
        }
    };
    view! {
        <thead>
            <tr>
                <th scope="col">"Spans of"</th>
                {Order::ALL.map(sorted).collect_view()}
                <th scope="col" class="number">"Share of self time"</th>
            </tr>
        </thead>
    }
    .into_any()
}

/// A sum; its name leads to its spans in the waterfall.
fn row(sum: Sum, all_own_ns: i64) -> AnyView {
    let href = use_href();
    let share = sum.own_ns as f64 / all_own_ns as f64 * 100.0;
    let wanted = sum.name.clone().unwrap_or_else(|| sum.service.clone());
    let target = move || href(&[(FIND, Some(wanted.clone())), (TAB, None)]);
    let ms = |ns: i64| format_duration_ms(ns as f64 / 1e6);
    let errors = if sum.errors > 0 {
        view! { <span class="error-count"><Icon name=IconName::Close />{format_count(sum.errors)}</span> }.into_any()
    } else {
        view! { <span class="muted">"0"</span> }.into_any()
    };
    let (average, longest) = (ms(sum.average_ns()), ms(sum.longest_ns));
    view! {
        <tr data-row>
            <th scope="row" class="sum-name">
                <a href=target data-noscroll title="Find these spans">
                    <ServiceMark name=sum.service tint=sum.tint />
                    {sum.name.map(|name| view! { " " <b>{name}</b> })}
                </a>
            </th>
            <td class="number">{format_count(sum.spans)}</td>
            <td class="number">{errors}</td>
            <td class="number">{ms(sum.total_ns)}</td>
            <td class="number">{ms(sum.own_ns)}</td>
            <td class="number">{average}</td>
            <td class="number">{longest}</td>
            <td class="number">
                <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect width=format!("{share:.2}") height="10" />
                </svg>
                <span class="cell-length">{format!("{} %", significant(share))}</span>
            </td>
        </tr>
    }
    .into_any()
}
