//! GitLab deliveries over a socket.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{Engine, Home, SECRET, TestApp, fixture};

fn push(app: &TestApp) -> reqwest::RequestBuilder {
    delivery(app, "Push Hook", fixture("push.json"))
}

fn delivery(app: &TestApp, event: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
    app.client
        .post(app.url("/webhooks/gitlab"))
        .header("x-gitlab-event", event)
        .header("x-gitlab-token", SECRET)
        .header("content-type", "application/json")
        .body(body)
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn trace(app: &TestApp, answer: &Value) -> Value {
    let id = answer["trace_id"].as_str().or(answer["error"]["details"]["trace_id"].as_str()).unwrap();
    app.get(&format!("/v1/traces/{id}")).await.1
}

async fn total(app: &TestApp) -> u64 {
    app.get("/v1/traces/stats").await.1["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_commit_message_is_not_stored() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let mut body: Value = serde_json::from_slice(&fixture("push.json")).unwrap();
    for commit in body["commits"].as_array_mut().unwrap() {
        commit["message"] = "Use glpat-abcdefghij0123456789 until password=hunter2 works".into();
    }
    let (status, accepted) = answer(delivery(&app, "Push Hook", serde_json::to_vec(&body).unwrap())).await;
    assert_eq!(status, 200, "{accepted}");
    let trace = trace(&app, &accepted).await;
    assert_eq!(trace["git_commit_message"], "Use [redacted] until password=[redacted] works");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_trace_with_the_steps_it_took() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let (status, accepted) = answer(push(&app)).await;
        assert_eq!((status, &accepted["status"]), (200, &"accepted".into()), "{accepted}");
        let trace = trace(&app, &accepted).await;
        assert_eq!((&trace["status"], &trace["trigger_type"]), (&"success".into(), &"gitlab-push".into()));
        assert_eq!((&trace["tenant_id"], &trace["api_name"]), (&"acme".into(), &"customer-api".into()));
        assert_eq!(trace["git_branch"], "main");
        assert_ne!(trace["git_author"], "Tomás Okafor", "the commit's author comes before the pusher");
        let steps: Vec<(&str, &str)> = trace["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| (step["name"].as_str().unwrap(), step["status"].as_str().unwrap()))
            .collect();
        assert_eq!(
            steps,
            [
                ("webhook_received", "success"),
                ("token_verification", "success"),
                ("event_processing", "success"),
                ("analyze_changes", "success"),
                ("kafka_publish", "skipped"),
                ("awx_trigger", "skipped"),
            ]
        );
        assert_eq!(trace["steps"][5]["details"]["reason"], "not configured");
        assert!(trace["steps"][3]["duration_ms"].is_number() && trace["steps"][3]["started_at"].is_string());
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_commits_of_a_large_push_are_counted() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let (_, accepted) = answer(delivery(&app, "Push Hook", fixture("push-many.json"))).await;
    let trace = trace(&app, &accepted).await;
    assert_eq!(trace["steps"][2]["details"]["commits"], 57);
    assert_eq!(trace["steps"][3]["details"]["files_of_unlisted_commits_are_unknown"], true);
    for (event, file, kind, state) in [
        ("Tag Push Hook", "tag-push.json", "gitlab-tag-push", "success"),
        ("Merge Request Hook", "merge-request.json", "gitlab-merge-request", "success"),
        ("Push Hook", "push-delete.json", "gitlab-push", "success"),
    ] {
        let (status, accepted) = answer(delivery(&app, event, fixture(file))).await;
        assert_eq!(status, 200, "{file} {accepted}");
        let trace = self::trace(&app, &accepted).await;
        assert_eq!((&trace["trigger_type"], &trace["status"]), (&kind.into(), &state.into()), "{file}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_without_the_secret_is_refused_and_leaves_nothing() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let post = || app.client.post(app.url("/webhooks/gitlab")).header("x-gitlab-event", "Push Hook");
    for request in [
        post().body(fixture("push.json")),
        post().header("x-gitlab-token", "wrong").body(fixture("push.json")),
        post().header("x-gitlab-token", "").body("{not even json"),
        post()
            .header("webhook-signature", "v1,AAAA")
            .header("webhook-id", "1")
            .header("webhook-timestamp", "1")
            .body("{}"),
    ] {
        let (status, refused) = answer(request).await;
        assert_eq!((status, &refused["error"]["code"]), (401, &"unauthorized".into()));
    }
    assert_eq!(total(&app).await, 0);
    app.stop().await;

    let mut config = home.config();
    config.webhooks.gitlab_secret = None;
    let app = TestApp::start_with(config).await;
    assert_eq!(answer(push(&app)).await.0, 401, "no secret configured: nobody gets in");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_delivery_is_accepted() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let body = fixture("push.json");
    let timestamp = (app.services.clock.now().0 / 1_000_000_000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("msg-1.{timestamp}.").as_bytes());
    mac.update(&body);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signed = || {
        app.client
            .post(app.url("/webhooks/gitlab"))
            .header("x-gitlab-event", "Push Hook")
            .header("webhook-id", "msg-1")
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &signature)
            .body(body.clone())
    };
    let (status, first) = answer(signed()).await;
    assert_eq!((status, &first["status"]), (200, &"accepted".into()), "{first}");
    assert_eq!(trace(&app, &first).await["steps"][1]["details"]["method"], "webhook-signature");
    let (_, second) = answer(signed()).await;
    assert_eq!((&second["status"], &second["trace_id"]), (&"duplicate".into(), &first["trace_id"]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_delivery_answers_with_the_first_trace_even_at_the_same_time() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let same = || push(&app).header("idempotency-key", "k-1").header("x-gitlab-event-uuid", "shared");
        let all = futures::future::join_all((0..8).map(|_| answer(same()))).await;
        let accepted: Vec<&Value> =
            all.iter().map(|(_, body)| body).filter(|body| body["status"] == "accepted").collect();
        assert_eq!(accepted.len(), 1, "{all:?}");
        assert!(all.iter().all(|(status, body)| *status == 200 && body["trace_id"] == accepted[0]["trace_id"]));
        // Recursive hooks share the event's UUID: they are deliveries of their own.
        let other = push(&app).header("x-gitlab-webhook-uuid", "w-2").header("x-gitlab-event-uuid", "shared");
        assert_eq!(answer(other).await.1["status"], "accepted");
        assert_eq!(total(&app).await, 2);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_on_record_and_may_be_delivered_again() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let broken = delivery(&app, "Push Hook", b"{\"object_kind\":".to_vec()).header("idempotency-key", "k-1");
    let (status, refused) = answer(broken).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &"bad_request".into()));
    let failed = trace(&app, &refused).await;
    assert_eq!((&failed["status"], &failed["steps"][2]["status"]), (&"failed".into(), &"failed".into()));
    assert!(failed["error_summary"].as_str().unwrap().starts_with("event_processing: "));
    let incomplete = delivery(&app, "Push Hook", b"{\"ref\":\"refs/heads/main\"}".to_vec());
    let (status, refused) = answer(incomplete).await;
    assert_eq!((status, &refused["error"]["details"]["field"]), (422, &"project".into()));

    let (_, again) = answer(push(&app).header("idempotency-key", "k-1")).await;
    assert_eq!(again["status"], "accepted", "what failed may be retried");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_megabytes_is_refused_and_the_server_goes_on() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let (status, refused) = answer(delivery(&app, "Push Hook", vec![b' '; 10 << 20])).await;
    assert_eq!((status, &refused["error"]["code"]), (413, &"payload_too_large".into()));
    assert!(refused["error"]["message"].as_str().unwrap().contains("webhooks.max_body_bytes"));
    assert_eq!(answer(push(&app)).await.0, 200);
    assert_eq!(total(&app).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_ignored_and_leaves_a_skipped_trace() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let body = br#"{"object_kind":"wiki_page","project":{"path_with_namespace":"acme/docs"}}"#.to_vec();
    let (status, ignored) = answer(delivery(&app, "Wiki Page Hook", body)).await;
    assert_eq!((status, &ignored["status"]), (200, &"ignored".into()));
    let trace = trace(&app, &ignored).await;
    assert_eq!((&trace["status"], &trace["trigger_type"]), (&"skipped".into(), &"gitlab-wiki-page".into()));
    assert_eq!(trace["steps"][2]["status"], "skipped");
    app.stop().await;
}
