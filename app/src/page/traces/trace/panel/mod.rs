//! The selected span, beside the trace.

mod attributes;
mod events;
mod facts;
mod lines;

use leptos::prelude::*;

use self::{attributes::Attributes, events::Events, facts::Facts, lines::SpanLines};
use super::{context::TraceContext, row::row_id};
use crate::{
    api::ApiError,
    browser::{
        dom,
        keys::{self, Focus},
    },
    component::{
        awaited::Awaited,
        copy::CopyButton,
        error_panel::ErrorPanel,
        icon::{Icon, IconName},
        reactive::{flag, part, text},
        skeleton::{Loading, SkeletonLines},
    },
    model::{SpanDetail, SpanId, span::SpanLink},
};

/// The selected span as it was loaded.
pub type LoadedSpan = Resource<Option<(SpanId, Result<SpanDetail, ApiError>)>>;

/// The panel; nothing while no span is selected.
#[component]
pub fn SpanPanel(
    /// The trace.
    context: TraceContext,
    /// The span.
    loaded: LoadedSpan,
) -> impl IntoView {
    let is_open = Memo::new(move |_| context.state.span.get().is_some());
    let close = move || {
        if let Some(number) = context.selected.get_untracked() {
            dom::focus_soon(row_id(number));
        }
        context.state.select(None);
    };
    keys::on_key(move |press| {
        let closes = press.key == "Escape" && !press.in_overlay && press.focus != Focus::Field;
        let closes = closes && is_open.get_untracked();
        if closes {
            close();
        }
        closes
    });
    let pending = RwSignal::new(false);
    let body = move || {
        loaded.get().flatten().map(|(_, result)| match result {
            Ok(detail) => view! { <SpanBody context detail /> }.into_any(),
            Err(error) => view! { <ErrorPanel what="this span" error retry=move |()| loaded.refetch() /> }.into_any(),
        })
    };
    let title = text(move || {
        let known = context.selected.get().and_then(|number| context.row(number));
        let name = known
            .map(|row| context.tree.with_untracked(|tree| format!("{} · {}", tree.service(&row), tree.name(&row))));
        name.unwrap_or_else(|| "Span".to_owned())
    });
    let busy = flag(move || pending.get());
    // When the panel goes because the address has changed, what it drew may be asked once more: what it shows of the
    // address is read from closures, and signals that it uses belong to the page.
    part(move || {
        if !is_open.get() {
            return ().into_any();
        }
        view! {
            <aside class="span-panel" aria-label="Selected span" aria-busy=busy>
                <header class="span-panel-head">
                    <h2>{title}</h2>
                    <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" on:click=move |_| close()>
                        <Icon name=IconName::Close />
                    </button>
                </header>
                <Awaited
                    fallback=|| view! { <Loading what="the span" /> <SkeletonLines lines=10 /> }
                    pending
                >
                    {body}
                </Awaited>
            </aside>
        }
        .into_any()
    })
}

#[component]
fn SpanBody(context: TraceContext, detail: SpanDetail) -> impl IntoView {
    let SpanDetail { span, peers } = detail;
    let resource = span.resource.clone();
    let (attributes, events, links) = (span.attributes.clone(), span.events.clone(), span.links.clone());
    let count = attributes.len();
    let (span_id, start) = (span.span_id, span.start);
    view! {
        <Facts context span peers />
        <Events events start />
        <section class="span-section" aria-labelledby="span-attributes">
            <h3 id="span-attributes">{format!("Attributes ({count})")}</h3>
            <Attributes values=attributes none="This span has no attributes" />
        </section>
        <SpanLines context span=span_id />
        <Links links />
        <section class="span-section" aria-labelledby="span-resource">
            <h3 id="span-resource">"Resource"</h3>
            <Attributes values=resource none="Nothing is said of what emitted it" />
        </section>
    }
    .into_any()
}

/// Spans that this one has to do with.
#[component]
fn Links(links: Vec<SpanLink>) -> impl IntoView {
    if links.is_empty() {
        return ().into_any();
    }
    let item = |link: SpanLink| {
        let href = format!("/monitoring/traces/{}?span={}", link.trace_id, link.span_id);
        let attributes = (!link.attributes.is_empty()).then(|| view! { <Attributes values=link.attributes none="" /> });
        view! {
            <li>
                <a href=href>{format!("Trace {}", link.trace_id.short())}</a>
                " "
                <span class="muted">{format!("span {}", link.span_id)}</span>
                <CopyButton what="trace id" text=link.trace_id.to_string() />
                {attributes}
            </li>
        }
    };
    view! {
        <section class="span-section" aria-labelledby="span-links">
            <h3 id="span-links">"Links"</h3>
            <ul class="span-links">{links.into_iter().map(item).collect_view()}</ul>
        </section>
    }
    .into_any()
}
