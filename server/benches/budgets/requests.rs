//! What is asked of the running binary.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::StreamExt;
use regex::Regex;
use serde_json::{Value, json};
use server::clock::{Clock, SystemClock, new_trace_id};

use crate::{
    Outcome,
    fill::{DAYS, KNOWN_TRACE},
    milliseconds,
    process::Server,
    report,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A request of the same kind, made over and over.
pub enum Ask {
    /// `GET` of a path.
    Get(String),
    /// `POST` of JSON to a path.
    Post(&'static str, Value),
}

/// What people look at, with its budget in milliseconds.
pub fn questions() -> Vec<(&'static str, Ask, f64)> {
    let from = SystemClock.now_millis().0 - DAYS * 86_400_000;
    let logs = |query: &str| Ask::Get(format!("/api/monitoring/logs?from={from}&limit=200&{query}"));
    let view =
        |path, search: &str| Ask::Post(path, json!({ "query": { "range": "30d", "filter": { "search": search } } }));
    vec![
        ("overview page, last hour, rendered", Ask::Get("/monitoring".into()), 50.0),
        ("overview figures, 30 days", Ask::Post("/fn/overview", json!({ "query": { "range": "30d" } })), 50.0),
        ("newest log lines", logs(""), 200.0),
        ("full-text search, a frequent word", logs("search=order_lines"), 200.0),
        ("full-text search, a rare word", logs("search=u4711"), 200.0),
        ("full-text search, no match", logs("search=neverwritten"), 200.0),
        ("log lines of a level and a service", logs("level=error&service=payments"), 200.0),
        ("log lines by a field and an expression", logs("search=region%3Aeu-1%20%2Frefused%20by%2F"), 200.0),
        ("log histogram and facets, 30 days", view("/fn/logs/summary", ""), 200.0),
        ("log histogram and facets, 30 days, of a word", view("/fn/logs/summary", "order_lines"), 200.0),
        ("log patterns, 30 days", view("/fn/logs/patterns", ""), 200.0),
        ("log lines of one trace", logs(&format!("trace_id={KNOWN_TRACE}")), 200.0),
        ("pipeline traces", Ask::Get("/v1/traces?limit=50".into()), 50.0),
    ]
}

/// Lets start-up work end, so that memory is that of an idle process.
pub async fn settle() {
    tokio::time::sleep(Duration::from_secs(12)).await;
}

async fn send(server: &Server, ask: &Ask) -> Outcome<usize> {
    // A function that is called by a form, which takes a page, answers with the way to one.
    let request = match ask {
        Ask::Get(path) => server.client.get(server.url(path)).header("accept", "text/html, application/json"),
        Ask::Post(path, body) => server.client.post(server.url(path)).json(body).header("accept", "application/json"),
    };
    let answer = request.send().await?;
    let (status, url) = (answer.status(), answer.url().clone());
    let body = answer.bytes().await?;
    if !status.is_success() {
        return Err(format!("{url}: {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(body.len())
}

/// How long each of so many requests took, one after the other, in milliseconds.
pub async fn time(server: &Server, ask: &Ask, times: usize) -> Outcome<Vec<f64>> {
    for _ in 0..5 {
        send(server, ask).await?;
    }
    let mut measured = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        send(server, ask).await?;
        measured.push(milliseconds(begun.elapsed()));
    }
    Ok(measured)
}

/// What a request costs here beyond the same request to a router that only answers, in microseconds: more than
/// self-observation, never less.
pub async fn overhead_us(server: &Server) -> Outcome<f64> {
    const REQUESTS: usize = 4000;
    // Its handler only hands out a text, too, and its requests are logged.
    const PATH: &str = "/openapi.json";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let bare = format!("http://{}{PATH}", listener.local_addr()?);
    let body = server.client.get(server.url(PATH)).send().await?.text().await?;
    let router = axum::Router::new().route(PATH, axum::routing::get(move || async move { body.clone() }));
    let running = tokio::spawn(async move { axum::serve(listener, router).await });
    let observed = server.url(PATH);
    let mut means = [Vec::new(), Vec::new()];
    // In turns, so that what else the machine does weighs on both alike.
    for _ in 0..5 {
        for (url, means) in [&bare, &observed].into_iter().zip(&mut means) {
            let begun = Instant::now();
            for _ in 0..REQUESTS / 5 {
                server.client.get(url).send().await?.bytes().await?;
            }
            means.push(milliseconds(begun.elapsed()) * 1000.0 / (REQUESTS as f64 / 5.0));
        }
    }
    running.abort();
    let [bare, observed] = means.map(|means| report::median(&means));
    Ok(observed - bare)
}

/// From the moment a request is sent until the line that it logs is in an open live stream, in milliseconds.
pub async fn accepted_to_visible_ms(server: &Server, times: usize) -> Outcome<Vec<f64>> {
    let answer = server.client.get(server.url("/api/monitoring/logs/stream?level=warn")).send().await?;
    let mut stream = answer.error_for_status()?.bytes_stream();
    let mut heard = String::new();
    let mut wait_for = async |text: &str| -> Outcome<()> {
        while !heard.contains(text) {
            let next = tokio::time::timeout(PATIENCE, stream.next()).await?;
            heard.push_str(&String::from_utf8_lossy(&next.ok_or("the stream ended")??));
        }
        heard.clear();
        Ok(())
    };
    wait_for("event: ready").await?;
    let mut measured = Vec::with_capacity(times);
    for _ in 0..times {
        let trace = new_trace_id();
        // A delivery with a wrong token is refused and logged as a warning.
        let request = server
            .client
            .post(server.url("/webhooks/gitlab"))
            .header("x-gitlab-event", "Push Hook")
            .header("x-gitlab-token", "wrong")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
            .body("{}");
        let begun = Instant::now();
        request.send().await?;
        wait_for(&trace.to_string()).await?;
        measured.push(milliseconds(begun.elapsed()));
    }
    Ok(measured)
}

/// Bytes of the overview page and of everything that it asks for, compressed as a browser gets them.
pub async fn first_visit_bytes(server: &Server) -> Outcome<usize> {
    let fetch = async |path: &str| -> Outcome<(usize, String)> {
        let request = server.client.get(server.url(path)).header("accept-encoding", "br, gzip");
        let body = request.send().await?.error_for_status()?.bytes().await?;
        Ok((body.len(), String::from_utf8_lossy(&body).into_owned()))
    };
    let (mut bytes, _) = fetch("/monitoring").await?;
    let page = server.client.get(server.url("/monitoring")).send().await?.text().await?;
    let asset = Regex::new(r#"(?:href|src)="(/[^"]+\.(?:js|css|wasm|svg|woff2))""#)?;
    let wasm = Regex::new(r#"/pkg/[^"'\s]+\.wasm"#)?;
    let linked = asset.captures_iter(&page).map(|found| found[1].to_owned());
    let loaded = wasm.find_iter(&page).map(|found| found.as_str().to_owned());
    let assets: BTreeSet<String> = linked.chain(loaded).collect();
    if !assets.iter().any(|path| wasm.is_match(path)) {
        return Err("the page names no WebAssembly".into());
    }
    for path in assets {
        bytes += fetch(&path).await?.0;
    }
    Ok(bytes)
}
