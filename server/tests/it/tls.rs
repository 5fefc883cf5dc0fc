//! TLS by Console itself, and by a proxy before it.

use std::{path::Path, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use serde_json::json;

use crate::support::{Engine, Home, TestApp};

/// Writes a new certificate and its key, and returns a client that trusts that certificate alone.
fn issue(dir: &Path) -> Client {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(dir.join("tls.key"), signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("tls.crt"), cert.pem()).unwrap();
    let certificate = Certificate::from_pem(cert.pem().as_bytes()).unwrap();
    Client::builder().add_root_certificate(certificate).tls_built_in_root_certs(false).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn console_speaks_tls_and_reads_a_new_certificate_without_dropping_connections() {
    let home = Home::new(Engine::Sqlite).await;
    let mut config = home.config();
    let first = issue(home.dir.path());
    config.server.tls_certificate = Some(home.dir.path().join("tls.crt"));
    config.server.tls_key = Some(home.dir.path().join("tls.key"));
    config.server.allowed_hosts = vec!["console.example.com".to_owned()];
    let app = TestApp::start_with(config).await;
    let url = format!("https://127.0.0.1:{}/health", app.addr.port());
    let named = first.get(&url).header("host", "console.example.com").send().await.unwrap();
    assert_eq!(named.headers()["strict-transport-security"], "max-age=31536000");
    let local = first.get(&url).send().await.unwrap();
    assert!(!local.headers().contains_key("strict-transport-security"), "other ports of this machine may be plain");
    // Only what was read to its end leaves its connection open.
    local.bytes().await.unwrap();
    assert!(app.client.get(app.url("/health")).send().await.is_err(), "plain HTTP is not answered");

    // The cookie is for TLS alone.
    let body = json!({ "token": "nothing", "name": "x", "password": "x" });
    let login = format!("https://127.0.0.1:{}/logout", app.addr.port());
    let (_, cookie) = app.cookie.split_once('=').unwrap();
    let out = Client::builder().redirect(reqwest::redirect::Policy::none());
    let trusted = Certificate::from_pem(&std::fs::read(home.dir.path().join("tls.crt")).unwrap()).unwrap();
    let out = out.add_root_certificate(trusted).tls_built_in_root_certs(false).build().unwrap();
    let out =
        out.post(login).header("cookie", format!("__Host-console_session={cookie}")).json(&body).send().await.unwrap();
    let set = out.headers()["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("__Host-console_session=") && set.contains("Secure"), "{set}");

    // A stream that began with the first certificate stays open while the second one takes over.
    let second = issue(home.dir.path());
    let mut is_new = false;
    for _ in 0..120 {
        is_new = second.get(&url).send().await.is_ok();
        if is_new {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_new, "the new certificate is used within 12 s");
    assert_eq!(first.get(&url).send().await.unwrap().status(), 200, "on the connection that was open");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_stops_the_start() {
    let home = Home::new(Engine::Sqlite).await;
    let file = home.dir.path().join("tls.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let path = file.display().to_string();
    let env = [("CONSOLE_SERVER__TLS_CERTIFICATE", path.as_str()), ("CONSOLE_SERVER__TLS_KEY", path.as_str())];
    let (code, text) = crate::support::run_console(&home, &["serve"], &env);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("server.tls_certificate"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_says_is_believed_of_trusted_ones_alone() {
    for (trusted, expected) in [(vec!["127.0.0.0/8"], "192.0.2.7"), (vec![], "127.0.0.1")] {
        let home = Home::new(Engine::Sqlite).await;
        let mut config = home.config();
        let networks = trusted.into_iter().map(|network| network.to_owned().try_into().unwrap());
        config.server.trusted_proxies = networks.collect();
        let app = TestApp::start_with(config).await;
        let body = json!({ "email": "nobody@example.com", "password": "wrong wrong wrong" });
        let request = app.client.post(app.url("/api/v1/auth/login")).header("x-forwarded-for", "10.9.9.9, 192.0.2.7");
        assert_eq!(request.json(&body).send().await.unwrap().status(), 401);
        let (_, audit) = app.get("/api/v1/audit?limit=1").await;
        assert_eq!(audit["entries"][0]["address"], expected);
        app.stop().await;
    }
}
