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
    let is_trusted = |address: IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    let has_tls = config.tls().is_some();
    let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if !is_trusted(peer) {
        // A proxy that nobody trusts may still be one that speaks TLS; it only can't say so.
        return Client { address: peer, is_secure: has_tls || config.behind_proxy, is_direct: !is_forwarded };
    }
    // The list grows to the right: the last entry that no trusted proxy stands for is the client.
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<IpAddr> =
        named.flat_map(|value| value.split(',')).filter_map(|address| address.trim().parse().ok()).collect();
    let address = named.iter().rev().map(IpAddr::to_canonical).find(|address| !is_trusted(*address)).unwrap_or(peer);
    let scheme = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let is_secure = has_tls || scheme.map_or(config.behind_proxy, |scheme| scheme.eq_ignore_ascii_case("https"));
    Client { address, is_secure, is_direct: false }
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
        assert_eq!(from("10.0.0.1", "nonsense"), ("10.0.0.1".to_owned(), true));
        assert_eq!(from("192.0.2.9", "127.0.0.1"), ("192.0.2.9".to_owned(), false));
    }
}
