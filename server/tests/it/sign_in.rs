//! Sign-in, sessions, keys and limits over HTTP.

use std::time::Duration;

use app::model::{Role, TenantId};
use futures::StreamExt;
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use server::{
    clock::{Clock, SystemClock},
    service::identity::FirstSignIn,
};

use crate::support::{Engine, Home, TestApp, client_with, run_console};

const PASSWORD: &str = "kupferner Wasserhahn 3";

fn browser() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> (u16, Option<String>, Value) {
    let body = json!({ "email": email, "password": password });
    let answer = browser().post(app.url("/api/v1/auth/login")).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).map(str::to_owned);
    (status, cookie, answer.json().await.unwrap())
}

fn with_cookie(cookie: &str) -> Client {
    client_with("cookie", cookie.split(';').next().unwrap())
}

/// Somebody with a password, by way of a link.
async fn introduce(app: &TestApp, email: &str, role: Role) -> String {
    let add = json!({ "email": email, "name": "Ines Lindqvist", "role": role });
    let invited = app.client.post(app.url("/fn/users/add")).json(&add).send().await.unwrap();
    let invited: Value = invited.json().await.unwrap();
    let token = invited["link"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    let body = json!({ "token": token, "name": "Ines Lindqvist", "password": PASSWORD });
    let answer = browser().post(app.url("/api/v1/auth/welcome")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.headers()["set-cookie"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_comes_in_with_a_link_that_works_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start_empty(home.config()).await;
        let FirstSignIn::Link(link) = app.services.identity.first_sign_in().await.unwrap() else { panic!("no link") };
        let token = link.split_once("token=").unwrap().1;
        let post = async |email: &str, password: &str| {
            let body = json!({ "token": token, "email": email, "name": "Ines", "password": password });
            browser().post(app.url("/api/v1/auth/welcome")).json(&body).send().await.unwrap()
        };
        let weak: Value = post("ines@example.com", "password1234").await.json().await.unwrap();
        assert_eq!(weak["error"]["details"]["field"], "password", "{weak}");
        let odd: Value = post("ines", PASSWORD).await.json().await.unwrap();
        assert_eq!(odd["error"]["details"]["field"], "email", "{odd}");
        let accepted = post("Ines@Example.com", PASSWORD).await;
        assert_eq!(accepted.status(), 200);
        let admin = with_cookie(accepted.headers()["set-cookie"].to_str().unwrap());
        assert_eq!(post("other@example.com", PASSWORD).await.status(), 404, "used already");
        let me: Value = admin.get(app.url("/api/v1/me")).send().await.unwrap().json().await.unwrap();
        assert_eq!((&me["role"], &me["person"]["email"]), (&"admin".into(), &"ines@example.com".into()));
        assert!(matches!(app.services.identity.first_sign_in().await.unwrap(), FirstSignIn::NotNeeded));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_can_name_the_first_administrator() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.auth.admin_email = Some("ops@example.com".to_owned());
    config.auth.admin_password = Some(server::config::Secret::new(PASSWORD));
    let app = TestApp::start_empty(config).await;
    assert!(matches!(app.services.identity.first_sign_in().await.unwrap(), FirstSignIn::Provisioned(_)));
    assert_eq!(log_in(&app, "OPS@example.com", PASSWORD).await.0, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_unknown_and_disabled_look_alike() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    introduce(&app, "ines@example.com", Role::Viewer).await;
    introduce(&app, "kept.out@example.com", Role::Viewer).await;
    let out = app.services.stores.identity.user_by_email("kept.out@example.com").await.unwrap().unwrap();
    let disable = json!({ "id": out.id, "is_disabled": true });
    assert!(app.client.post(app.url("/fn/users/disable")).json(&disable).send().await.unwrap().status().is_success());
    app.services
        .stores
        .identity
        .add_link(&[7; 32], Some(out.id), SystemClock.now_utc(), SystemClock.now_utc())
        .await
        .unwrap();

    let wrong = log_in(&app, "ines@example.com", "not the password").await;
    let unknown = log_in(&app, "nobody@example.com", PASSWORD).await;
    let disabled = log_in(&app, "kept.out@example.com", PASSWORD).await;
    assert_eq!((wrong.0, &wrong.1), (401, &None));
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, disabled);
    let (status, cookie, body) = log_in(&app, " INES@example.com ", PASSWORD).await;
    assert_eq!((status, body["person"]["name"].as_str()), (200, Some("Ines Lindqvist")));
    let cookie = cookie.unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

    let audit: Value = app.get("/api/v1/audit").await.1;
    let actions: Vec<&str> =
        audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "session.refused").count(), 3, "{actions:?}");
    assert!(!audit.to_string().contains(PASSWORD) && !audit.to_string().contains("not the password"));
    let csv = app.client.get(app.url("/api/v1/audit/export?format=csv")).send().await.unwrap();
    assert!(csv.headers()["content-disposition"].to_str().unwrap().contains("console-audit.csv"));
    assert_eq!(csv.text().await.unwrap().lines().count(), actions.len() + 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_limited_for_an_account_and_say_when_to_come_back() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.auth.logins_per_account = 3;
    let app = TestApp::start_with(config).await;
    for _ in 0..3 {
        assert_eq!(log_in(&app, "ines@example.com", "wrong wrong wrong").await.0, 401);
    }
    let body = json!({ "email": "ines@example.com", "password": PASSWORD });
    let refused = browser().post(app.url("/api/v1/auth/login")).json(&body).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(log_in(&app, "another@example.com", "wrong wrong wrong").await.0, 401, "another account");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_is_out_at_once_and_so_are_its_streams() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    introduce(&app, "ines@example.com", Role::Viewer).await;
    let first = with_cookie(&log_in(&app, "ines@example.com", PASSWORD).await.1.unwrap());
    let second = with_cookie(&log_in(&app, "ines@example.com", PASSWORD).await.1.unwrap());
    let stream = first.get(app.url("/api/monitoring/logs/stream?logs=0")).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut stream = stream.bytes_stream();

    // "Sign out everywhere else", from the second browser.
    let closed = second.post(app.url("/fn/account/sessions/close-others")).json(&json!({})).send().await.unwrap();
    assert_eq!(closed.text().await.unwrap(), "2", "the one of the link, too");
    let mut text = String::new();
    while let Some(Ok(chunk)) = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("it ends") {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("event: signed_out"), "{text}");
    assert_eq!(first.get(app.url("/api/v1/me")).send().await.unwrap().status(), 401);
    assert_eq!(second.get(app.url("/api/v1/me")).send().await.unwrap().status(), 200);

    // Signing out takes the cookie away.
    let out = second.post(app.url("/logout")).send().await.unwrap();
    assert_eq!((out.status().as_u16(), out.headers()["location"].to_str().unwrap()), (303, "/login"));
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("1970"));
    let page = second.get(app.url("/monitoring/logs?level=error")).send().await.unwrap();
    assert_eq!(page.headers()["location"], "/login?problem=ended&next=/monitoring/logs%3Flevel%3Derror");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_looks_at_one_tenant_and_switches_only_where_its_user_belongs() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let store = app.services.stores.identity.clone();
    let acme = store.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
    let ines = app.signed_in("ines@example.com", TenantId::DEFAULT, Role::Viewer).await;
    let switch = async |to: TenantId| {
        let form = format!("tenant={}&next=/monitoring", to.0);
        let request = ines.post(app.url("/session/tenant")).header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send().await.unwrap().status().as_u16()
    };
    assert_eq!(switch(acme).await, 303);
    let me: Value = ines.get(app.url("/api/v1/me")).send().await.unwrap().json().await.unwrap();
    assert_eq!(me["tenant"]["name"], "default", "no member of the other one");
    let user = store.user_by_email("ines@example.com").await.unwrap().unwrap();
    store.set_role(user.id, acme, Some(Role::Admin)).await.unwrap();
    assert_eq!(switch(acme).await, 303);
    let me: Value = ines.get(app.url("/api/v1/me")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&me["tenant"]["name"], &me["role"]), (&"acme".into(), &"admin".into()));
    // An administrator of one tenant has no say over somebody who belongs to others, too.
    let both = app.signed_in("both@example.com", acme, Role::Viewer).await;
    let user = store.user_by_email("both@example.com").await.unwrap().unwrap();
    store.set_role(user.id, TenantId::DEFAULT, Some(Role::Viewer)).await.unwrap();
    let reset = ines.post(app.url("/fn/users/reset")).json(&json!({ "id": user.id })).send().await.unwrap();
    assert_eq!(reset.status(), 403);
    assert_eq!(both.get(app.url("/api/v1/me")).send().await.unwrap().status(), 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_do_what_their_scopes_say_until_they_are_revoked() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    config.auth.key_requests_per_second = 5;
    let app = TestApp::start_with(config).await;
    let request = json!({ "name": "dashboard", "can_ingest": false, "can_read": true, "expires_in_days": 30 });
    let made = app.client.post(app.url("/fn/keys/add")).json(&json!({ "request": request })).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let secret = made["secret"].as_str().unwrap();
    let stranger = browser();
    let by_key = stranger.get(app.url("/v1/traces")).header("x-api-key", secret).send().await.unwrap();
    assert_eq!(by_key.status(), 200);
    let by_bearer = stranger.get(app.url("/v1/traces")).bearer_auth(secret).send().await.unwrap();
    assert_eq!(by_bearer.status(), 200);
    let change = stranger.post(app.url("/v1/traces/demo")).bearer_auth(secret).send().await.unwrap();
    assert_eq!(change.status(), 403);
    let mut limited = None;
    for _ in 0..20 {
        let answer = stranger.get(app.url("/api/v1/me")).bearer_auth(secret).send().await.unwrap();
        if answer.status() == 429 {
            limited = Some(answer.headers()["retry-after"].to_str().unwrap().to_owned());
        }
    }
    assert_eq!(limited.as_deref(), Some("1"));
    let keys: Value = {
        let answer = app.client.post(app.url("/fn/keys")).json(&json!({})).send().await.unwrap();
        answer.json().await.unwrap()
    };
    assert!(keys[0]["last_used_at"].is_string() && !keys.to_string().contains(secret), "{keys}");
    let revoke = json!({ "id": made["key"]["id"] });
    assert!(app.client.post(app.url("/fn/keys/revoke")).json(&revoke).send().await.unwrap().status().is_success());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gone = stranger.get(app.url("/v1/traces")).header("x-api-key", secret).send().await.unwrap();
    assert_eq!(gone.status(), 401);
    assert!(gone.headers().contains_key("www-authenticate"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_people_keys_and_tenants_beside_a_running_server() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let run = |args: &[&str]| {
            let (code, text) = run_console(&home, args, &[]);
            assert_eq!(code, Some(0), "{args:?}: {text}");
            text
        };
        assert!(run(&["tenant", "add", "acme"]).contains("Made"));
        assert!(run(&["tenant", "list"]).contains("acme"));
        let link = run(&["user", "add", "ola@example.com", "--role", "editor", "--tenant", "acme"]);
        assert!(link.contains("/welcome?token="), "{link}");
        assert!(run(&["user", "list", "--tenant", "acme"]).contains("ola@example.com\teditor\tola\tinvited"));
        let token = link.split_once("token=").unwrap().1.trim();
        let body = json!({ "token": token, "name": "Ola", "password": PASSWORD });
        let answer = browser().post(app.url("/api/v1/auth/welcome")).json(&body).send().await.unwrap();
        let ola = with_cookie(answer.headers()["set-cookie"].to_str().unwrap());
        assert_eq!(ola.get(app.url("/api/v1/me")).send().await.unwrap().status(), 200);
        run(&["user", "disable", "ola@example.com"]);
        // The server believes what it knows for a few seconds.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(ola.get(app.url("/api/v1/me")).send().await.unwrap().status(), 401);
        run(&["user", "enable", "ola@example.com"]);
        assert!(run(&["user", "reset", "ola@example.com"]).contains("/welcome?token="));

        let secret = run(&["key", "add", "ci", "--ingest", "--read", "--tenant", "acme"]);
        let secret = secret.lines().next().unwrap();
        let list = run(&["key", "list", "--tenant", "acme"]);
        assert!(list.contains("ingest,read\tci\tactive") && !list.contains(secret), "{list}");
        let by_key = browser().get(app.url("/api/v1/me")).bearer_auth(secret).send().await.unwrap();
        let me: Value = by_key.json().await.unwrap();
        assert_eq!(me["tenant"]["name"], "acme");
        run(&["key", "revoke", &secret[..10], "--tenant", "acme"]);
        assert!(run(&["key", "list", "--tenant", "acme"]).contains("revoked"));
        let (code, text) = run_console(&home, &["user", "add", "x@example.com", "--tenant", "nowhere"], &[]);
        assert_eq!(code, Some(1), "{text}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_one_tenant_gains_nothing_in_another_by_an_address() {
    let home = Home::new(Engine::Sqlite).await;
    let app = TestApp::start(&home).await;
    let store = app.services.stores.identity.clone();
    let acme = store.add_tenant("acme", SystemClock.now_utc()).await.unwrap().unwrap();
    let theirs = app.signed_in("admin@acme.example", acme, Role::Admin).await;
    let add = json!({ "email": "boss@example.com", "name": "Boss", "role": "viewer" });
    let invited: Value = theirs.post(app.url("/fn/users/add")).json(&add).send().await.unwrap().json().await.unwrap();
    let token = invited["link"].as_str().unwrap().split_once("token=").unwrap().1;
    let body = json!({ "token": token, "name": "Boss", "password": PASSWORD });
    let answer = browser().post(app.url("/api/v1/auth/welcome")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let taken = with_cookie(answer.headers()["set-cookie"].to_str().unwrap());

    let add = json!({ "email": "boss@example.com", "name": "Boss", "role": "admin" });
    let refused = app.client.post(app.url("/fn/users/add")).json(&add).send().await.unwrap();
    assert_eq!(refused.status(), 409, "only who administers both tenants adds them");
    let admin = store.user_by_email("admin@example.com").await.unwrap().unwrap();
    assert!(store.set_role(admin.id, acme, Some(Role::Admin)).await.unwrap());
    let added: Value = app.client.post(app.url("/fn/users/add")).json(&add).send().await.unwrap().json().await.unwrap();
    assert!(added["link"].is_string(), "{added}");
    assert_eq!(taken.get(app.url("/api/v1/me")).send().await.unwrap().status(), 401);
    assert_eq!(log_in(&app, "boss@example.com", PASSWORD).await.0, 401, "a password that somebody else chose");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_and_refusals_are_in_a_form_that_pages_read() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let home = Home::new(engine).await;
        let app = TestApp::start(&home).await;
        let store = &app.services.stores.identity;
        let admin = store.user_by_email("admin@example.com").await.unwrap().unwrap();
        assert!(!store.set_role(admin.id, TenantId::DEFAULT, Some(Role::Viewer)).await.unwrap());
        assert!(!store.set_role(admin.id, TenantId::DEFAULT, None).await.unwrap());
        assert_eq!(store.tenants_of(admin.id).await.unwrap()[0].1, Role::Admin);
        let second = app.signed_in("second@example.com", TenantId::DEFAULT, Role::Admin).await;
        let (both, alone) = tokio::join!(
            store.set_role(admin.id, TenantId::DEFAULT, None),
            second.post(app.url("/fn/users/remove")).json(&json!({ "id": admin.id })).send()
        );
        let _either_was_first = (both.unwrap(), alone.unwrap());
        let members = store.members(TenantId::DEFAULT, None, 10).await.unwrap();
        assert!(members.iter().any(|member| member.role == Role::Admin), "{members:?}");

        let stranger = browser().post(app.url("/fn/tenants")).json(&json!({})).send().await.unwrap();
        assert_eq!(stranger.status(), 401);
        let told: app::api::ApiError = stranger.json().await.unwrap();
        assert_eq!(told.code, app::api::ErrorCode::Unauthorized);
        let odd = second.post(app.url("/fn/users/role")).json(&json!({ "id": admin.id, "role": "root" })).send().await;
        assert_eq!(odd.unwrap().status(), 422);
        app.stop().await;
    }
}
