//! The REST interface over a socket.

use app::model::TenantId;

use crate::support::{Engine, Home, TestApp, run_console};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_a_trace_id_and_continues_a_valid_parent() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let answer = app.client.get(app.url("/health")).send().await.unwrap();
    let id = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = app.client.get(app.url("/nowhere")).header("traceparent", parent).send().await.unwrap();
    assert_eq!(answer.headers()["x-trace-id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demonstration_traces_are_made_listed_counted_and_paged() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let one = app.client.post(app.url("/v1/traces/demo")).send().await.unwrap();
        assert_eq!(one.status(), 201);
        let one: serde_json::Value = one.json().await.unwrap();
        assert_eq!(one["created"], true);
        let batch = app.client.post(app.url("/v1/traces/demo/batch?count=9")).send().await.unwrap();
        assert_eq!(batch.json::<serde_json::Value>().await.unwrap()["created"], 9);

        let (status, page) = app.get("/v1/traces?limit=4").await;
        assert_eq!(status, 200);
        assert_eq!((page["total"].as_u64(), page["traces"].as_array().unwrap().len()), (Some(10), 4));
        let row = &page["traces"][0];
        assert_eq!(row["git_commit_sha"].as_str().unwrap().len(), 8);
        assert_eq!(row["steps_count"], 6);
        let cursor = page["next_cursor"].as_str().unwrap();
        let (_, next) = app.get(&format!("/v1/traces?limit=100&cursor={cursor}")).await;
        assert_eq!((next["traces"].as_array().unwrap().len(), &next["next_cursor"]), (6, &serde_json::Value::Null));

        let (_, stats) = app.get("/v1/traces/stats").await;
        assert_eq!(stats["total"], 10);
        assert!(stats["by_status"]["success"].as_u64().is_some() && stats["avg_duration_ms"].as_f64().unwrap() > 0.0);

        let (status, trace) = app.get(&format!("/v1/traces/{}", one["trace_id"].as_str().unwrap())).await;
        assert_eq!((status, &trace["id"], &trace["trigger_source"]), (200, &one["trace_id"], &"demo".into()));
        let names: Vec<&str> = trace.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = vec![
            "id",
            "trigger_type",
            "trigger_source",
            "git_commit_sha",
            "git_commit_message",
            "git_branch",
            "git_author",
            "git_author_email",
            "git_project",
            "git_files_changed",
            "tenant_id",
            "api_id",
            "api_name",
            "environment",
            "created_at",
            "completed_at",
            "total_duration_ms",
            "status",
            "error_summary",
            "steps",
        ];
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected);
        let mut of_step: Vec<&String> = trace["steps"][0].as_object().unwrap().keys().collect();
        of_step.sort();
        assert_eq!(of_step, ["completed_at", "details", "duration_ms", "error", "name", "started_at", "status"]);
        app.stop().await;

        let (code, text) = run_console(&home, &["demo", "remove"], &[]);
        assert_eq!((code, text.trim()), (Some(0), "Removed 10 demonstration pipeline traces."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demonstration_data_is_off_unless_enabled() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.demo.enabled = false;
    let app = TestApp::start_with(config).await;
    let answer = app.client.post(app.url("/v1/traces/demo")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let error: serde_json::Value = answer.json().await.unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("demo.enabled"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_answered_with_the_field() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    for (path, status, field) in [
        ("/v1/traces?limit=0", 422, "limit"),
        ("/v1/traces?limit=501", 422, "limit"),
        ("/v1/traces?limit=many", 422, "limit"),
        ("/v1/traces?cursor=x", 422, "cursor"),
        ("/v1/traces?status=done", 422, "status"),
        ("/v1/traces?from=yesterday", 422, "from"),
        ("/v1/traces?from=20&to=10", 422, "from"),
        ("/v1/traces?colour=red", 422, "colour"),
        ("/v1/traces?search=%00", 422, "search"),
        ("/v1/traces/stats?status=x", 422, "status"),
        ("/api/monitoring/logs?level=loud", 422, "level"),
        ("/api/monitoring/logs?trace_id=12", 422, "trace_id"),
        ("/api/monitoring/logs?limit=10001", 422, "limit"),
        ("/api/monitoring/logs?search=%22open", 422, "search"),
        ("/api/monitoring/logs/stream?level=loud", 422, "level"),
        ("/api/monitoring/logs/export?format=xml", 422, "format"),
        ("/api/monitoring/logs/1?lines=201", 422, "lines"),
        ("/api/monitoring/advanced/summary?period_hours=0", 422, "period_hours"),
    ] {
        let (found, answer) = app.get(path).await;
        assert_eq!((found, answer["error"]["details"]["field"].as_str()), (status, Some(field)), "{path} {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
    let long = "x".repeat(1100);
    assert_eq!(app.get(&format!("/api/monitoring/logs?search={long}")).await.0, 422);
    assert_eq!(app.get("/v1/traces/6b1f5330-3a73-4ccc-8c6a-ae6640399827").await.0, 404);
    assert_eq!(app.get("/v1/traces/not-an-id").await.0, 404);
    let wrong_method = app.client.delete(app.url("/v1/traces")).send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_cannot_change_anything() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let post = app.client.post(app.url("/v1/traces/demo")).header("origin", "http://evil.example");
    assert_eq!(post.send().await.unwrap().status(), 403);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_summary_and_log_history_answer() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        assert_eq!(app.get("/health").await.0, 200);
        assert_eq!(app.get("/ready").await.0, 200);
        let (status, health) = app.get("/health/detailed").await;
        assert_eq!((status, &health["status"]), (200, &"up".into()), "{health}");
        for part in ["store", "ingest", "log", "live", "task.sampler", "task.retention", "task.compaction"] {
            assert_eq!(health["components"][part]["status"], "up", "{part}: {health}");
        }
        let (status, summary) = app.get("/api/monitoring/advanced/summary?period_hours=24").await;
        assert_eq!(status, 200, "{summary}");
        assert!(summary["store"]["size_bytes"].as_u64().unwrap() > 0 && summary["api"]["requests"].is_u64());
        let (status, page) = app.get("/api/monitoring/logs").await;
        assert_eq!((status, &page["matched"]), (200, &0.into()));
        let (status, described) = app.get("/openapi.json").await;
        assert_eq!((status, &described["openapi"]), (200, &"3.1.0".into()));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_is_described_as_it_is() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let (_, described) = app.get("/openapi.json").await;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let url = app.url(&path.replace("{id}", "6b1f5330-3a73-4ccc-8c6a-ae6640399827"));
            let method = method.to_uppercase().parse::<reqwest::Method>().unwrap();
            let status = app.client.request(method.clone(), url).send().await.unwrap().status().as_u16();
            assert!(status != 405, "{method} {path}");
            let documented = &methods[method.as_str().to_lowercase()]["responses"];
            assert!(documented.get(status.to_string()).is_some(), "{method} {path} answers {status}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_stops_the_start_and_says_why() {
    let home = Home::new(Engine::Sqlite).await;
    for (key, value, words) in [
        ("CONSOLE_SERVER__ADDR", "0.0.0.0:3000", ["server.addr", "other machines"]),
        ("CONSOLE_SERVER__PORT", "3000", ["port", "addr"]),
        ("CONSOLE_STORE__FSYNC", "maybe", ["store.fsync", "normal"]),
        ("CONSOLE_AUTH__ADMIN_EMAIL", "a@example.com", ["auth.admin_email", "auth.admin_password"]),
        ("CONSOLE_SERVER__TLS_KEY", "key.pem", ["server.tls_certificate", "server.tls_key"]),
        ("CONSOLE_SERVER__TRUSTED_PROXIES", "[\"ten\"]", ["trusted_proxies", "10.0.0.0/8"]),
        ("CONSOLE_REDACTION__PATTERNS", "[\"(\"]", ["redaction.patterns", "unclosed"]),
        ("CONSOLE_RETENTION__LOGS_DAYS", "0", ["retention.logs_days", "at least 1"]),
        ("CONSOLE_STORE__URL", "mysql://root:hunter2@host/db", ["store.url", "mysql"]),
    ] {
        let (code, text) = run_console(&home, &["serve"], &[(key, value)]);
        assert_eq!(code, Some(1), "{key}: {text}");
        assert!(words.iter().all(|word| text.contains(word)) && !text.contains("hunter2"), "{key}: {text}");
    }
    // A secret is taken as it is, also when it looks like a number.
    for secret in ["hunter2", "0012345678"] {
        for name in ["CONSOLE_WEBHOOKS__GITLAB_SECRET", "GITLAB_WEBHOOK_SECRET"] {
            let (code, text) = run_console(&home, &["config", "check"], &[(name, secret)]);
            assert_eq!(code, Some(0), "{text}");
            assert!(text.contains("[redacted]") && !text.contains(secret));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_names_of_this_machine_are_answered() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let ask = async |path: &str, host: &str| {
        let request = app.client.get(app.url(path)).header("host", host);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("/v1/traces", "evil.example").await, 403);
    assert_eq!(ask("/api/monitoring/logs/stream", "evil.example:3000").await, 403);
    assert_eq!(ask("/v1/traces", "localhost:3000").await, 200);
    // A forge knows Console by whatever name; it has to prove who it is.
    assert_eq!(ask("/webhooks/gitlab", "console.example.com").await, 405);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_function_answers_with_the_status_of_its_error() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let ask = async |id: &str| {
        let request = app.client.post(app.url("/fn/pipeline")).json(&serde_json::json!({ "id": id }));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("6b1f5330-3a73-4ccc-8c6a-ae6640399827").await, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_methods_share_one_place_in_the_figures() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    for n in 0..20 {
        let method = reqwest::Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
        assert_eq!(app.client.request(method, app.url("/v1/traces")).send().await.unwrap().status(), 405);
    }
    let methods: Vec<String> =
        app.services.recorder.take(TenantId::DEFAULT).into_iter().map(|delta| delta.endpoint.method).collect();
    assert!(methods.iter().all(|method| method == "_OTHER"), "{methods:?}");
    app.stop().await;
}
