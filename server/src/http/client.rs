//! Where a request comes from: the peer, or whom a trusted proxy says it speaks for.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

use crate::config::{Config, ServerConfig};

/// Who is at the other end, as far as the network tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS, to Console or to the proxy before it.
    pub is_secure: bool,
    /// Whether no proxy is in between.
    pub is_direct: bool,
}

/// Notes the client of every request.
pub async fn know_client(State(config): State<Arc<Config>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    // Without a peer there is no socket: a request that a test made up.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    let client = client_of(&config.server, peer, request.headers());
    request.extensions_mut().insert(client);
    next.run(request).await
}

fn client_of(config: &ServerConfig, peer: IpAddr, headers: &HeaderMap) -> Client {
    // A proxy on this machine needs no mention, where there is said to be one.
    let is_trusted = |address: IpAddr| {
        config.trusted_proxies.iter().any(|network| network.contains(address))
            || (config.behind_proxy && address.is_loopback())
    };
    let has_tls = config.tls().is_some();
    let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if !is_trusted(peer) {
        return Client { address: peer, is_secure: has_tls, is_direct: !is_forwarded };
    }
    // The list grows to the right. Each entry is believed as long as the one who wrote it is a trusted proxy; an entry
    // that cannot be read ends it.
    let named: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    let mut address = peer;
    for entry in named.iter().rev() {
        let Some(named) = parse_entry(entry) else { break };
        address = named;
        if !is_trusted(named) {
            break;
        }
    }
    let scheme = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let is_secure = has_tls || scheme.map_or(config.behind_proxy, |scheme| scheme.eq_ignore_ascii_case("https"));
    Client { address, is_secure, is_direct: false }
}

/// An address, as some proxies write it with a port.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let address = bare.ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(forwarded_for: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            ("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(forwarded_for)),
            ("x-forwarded-proto".parse().unwrap(), HeaderValue::from_static("https")),
        ])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = vec!["10.0.0.0/8".to_owned().try_into().unwrap()];
        let config = ServerConfig { trusted_proxies: trusted, ..ServerConfig::default() };
        let from = |peer: &str, forwarded_for| {
            let client = client_of(&config, peer.parse().unwrap(), &headers(forwarded_for));
            (client.address.to_string(), client.is_secure)
        };
        assert_eq!(from("10.0.0.1", "192.0.2.1"), ("192.0.2.1".to_owned(), true));
        assert_eq!(from("10.0.0.1", "1.1.1.1, 192.0.2.1, 10.0.0.7"), ("192.0.2.1".to_owned(), true));
        assert_eq!(from("10.0.0.1", "192.0.2.1:4711"), ("192.0.2.1".to_owned(), true));
        assert_eq!(from("10.0.0.1", "9.9.9.9, nonsense"), ("10.0.0.1".to_owned(), true), "what a client made up");
        assert_eq!(from("192.0.2.9", "127.0.0.1"), ("192.0.2.9".to_owned(), false));
    }
}
