//! Log records over REST: counts, patterns, one among others, and exports without a limit.

use app::model::{Level, LogRecord, TenantId};
use server::{ingest::Submission, store::log::NewLogRecord};

use crate::support::{Engine, Home, TestApp, record};

/// More than a page of an export.
const LINES: i64 = 4_321;

async fn filled(home: &Home) -> TestApp {
    let app = TestApp::start(home).await;
    let records = (0..LINES).map(|n| {
        let level = if n % 10 == 0 { Level::Error } else { Level::Info };
        let service = if n % 2 == 0 { "even" } else { "odd" };
        let attributes = format!(r#"{{"shop":"{}"}}"#, if n % 3 == 0 { "a" } else { "b" });
        NewLogRecord { level, attributes, ..record(n * 10, service, &format!("payment {n} taken")) }
    });
    for chunk in records.collect::<Vec<_>>().chunks(700) {
        let logs = chunk.iter().map(|record| (TenantId::DEFAULT, record.clone())).collect();
        app.services.ingest.submit(Submission { logs, ..Submission::default() }).await.unwrap();
    }
    app
}

const RANGE: &str = "from=0&to=100000";

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_record_once_in_each_format() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let file = async |query: &str| {
            let url = app.url(&format!("/api/monitoring/logs/export?{RANGE}&{query}"));
            let response = app.client.get(url).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
            (name, response.text().await.unwrap())
        };
        let (name, text) = file("").await;
        assert_eq!(name, "attachment; filename=\"console-logs.ndjson\"");
        let records: Vec<LogRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut ids: Vec<i64> = records.iter().map(|record| record.id.0).collect();
        assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
        ids.dedup();
        assert_eq!(ids.len() as i64, LINES);
        let (_, text) = file("format=json&service=odd").await;
        assert_eq!(serde_json::from_str::<Vec<LogRecord>>(&text).unwrap().len() as i64, LINES / 2);
        let (name, text) = file("format=csv&search=level%3Aerror").await;
        assert_eq!(name, "attachment; filename=\"console-logs.csv\"");
        assert_eq!(text.lines().count() as i64, LINES / 10 + 2);
        let (_, text) = file("format=json&search=absent").await;
        assert_eq!(serde_json::from_str::<Vec<LogRecord>>(&text).unwrap(), []);
        for bad in ["format=xml", "search=%22open", "range=never"] {
            assert_eq!(app.get(&format!("/api/monitoring/logs/export?{bad}")).await.0, 422, "{bad}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_counted_and_clustered() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = filled(&home).await;
        let get = async |path: &str| {
            let (status, answer) = app.get(&format!("/api/monitoring/logs/{path}")).await;
            assert_eq!(status, 200, "{path}: {answer}");
            answer
        };
        let summary = get(&format!("summary?{RANGE}&search=service%3Aodd")).await;
        assert_eq!(summary["levels"], serde_json::json!([0, 0, LINES / 2, 0, 0, 0]));
        assert_eq!(summary["services"][0]["service"], "even");
        assert_eq!(summary["services"][0]["errors"].as_i64(), Some(LINES / 10 + 1));
        assert_eq!(summary["is_estimate"], false);
        let columns = summary["columns"].as_array().unwrap();
        let total: u64 =
            columns.iter().flat_map(|column| column.as_array().unwrap()).filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(total as i64, LINES / 2);
        assert_eq!(summary["attributes"][0]["key"], "shop");
        assert_eq!(summary["attributes"][0]["values"][0]["value"], "b");

        let patterns = get(&format!("patterns?{RANGE}")).await;
        assert_eq!(patterns["patterns"].as_array().unwrap().len(), 1);
        assert_eq!(patterns["patterns"][0]["pattern"], "payment <*> taken");
        assert_eq!(patterns["patterns"][0]["lines"].as_i64(), Some(LINES));
        assert_eq!(patterns["patterns"][0]["level"], "error");

        let page = get(&format!("../logs?{RANGE}&limit=1&search=%22payment+100+%22")).await;
        let id = page["logs"][0]["id"].as_i64().unwrap();
        let context = get(&format!("{id}?lines=2")).await;
        let messages: Vec<&str> = ["before", "after"]
            .iter()
            .flat_map(|side| context[side].as_array().unwrap())
            .map(|record| record["message"].as_str().unwrap())
            .collect();
        assert_eq!(messages, ["payment 96 taken", "payment 98 taken", "payment 102 taken", "payment 104 taken"]);
        assert_eq!(context["record"]["message"], "payment 100 taken");
        for (path, status) in
            [("999999999", 404), ("none", 404), ("1?lines=1000", 422), ("summary?search=%2F(%2F", 422)]
        {
            assert_eq!(app.get(&format!("/api/monitoring/logs/{path}")).await.0, status, "{path}");
        }
        app.stop().await;
    }
}
