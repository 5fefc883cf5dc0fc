//! How often somebody may try to sign in, and how often a key may ask.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use app::api::{ApiError, ErrorCode};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use serde_json::json;
use uuid::Uuid;

use super::secret::hash;
use crate::{config::AuthConfig, store::identity::SecretHash};

/// The limits, in memory: a restart forgets them.
pub struct Limits {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    /// By hash: what is typed may be long.
    by_account: DefaultKeyedRateLimiter<SecretHash>,
    by_key: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
}

impl Limits {
    /// As the configuration says.
    pub fn new(config: &AuthConfig) -> Self {
        let at_least_1 = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            by_address: DefaultKeyedRateLimiter::keyed(Quota::per_minute(at_least_1(config.logins_per_address))),
            by_account: DefaultKeyedRateLimiter::keyed(Quota::per_minute(at_least_1(config.logins_per_account))),
            by_key: DefaultKeyedRateLimiter::keyed(Quota::per_second(at_least_1(config.key_requests_per_second))),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a try to sign in to an account, in lower case, from an address.
    pub fn sign_in(&self, address: IpAddr, account: &str) -> Result<(), ApiError> {
        self.link(address)?;
        self.check(&self.by_account, &hash(account), "too many tries; wait, then try again")
    }

    /// Counts a try to use a sign-in link.
    pub fn link(&self, address: IpAddr) -> Result<(), ApiError> {
        self.check(&self.by_address, &network(address), "too many tries; wait, then try again")
    }

    /// Counts a request of a key.
    pub fn key(&self, key: Uuid) -> Result<(), ApiError> {
        self.check(&self.by_key, &key, "this key asks too often (`auth.key_requests_per_second`)")
    }

    /// Forgets those who have not tried for long.
    pub fn forget(&self) {
        self.by_address.retain_recent();
        self.by_account.retain_recent();
        self.by_key.retain_recent();
    }

    fn check<K: std::hash::Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
        message: &str,
    ) -> Result<(), ApiError> {
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now()).max(Duration::from_millis(1));
            let seconds = wait.as_millis().div_ceil(1000);
            let details = json!({ "retry_after_seconds": seconds as u64 });
            ApiError { code: ErrorCode::TooManyRequests, message: message.to_owned(), details }
        })
    }
}

/// One who has an IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_and_an_address_have_limits_of_their_own() {
        let config = AuthConfig { logins_per_address: 5, logins_per_account: 2, ..AuthConfig::default() };
        let limits = Limits::new(&config);
        let address = |last| IpAddr::from([192, 0, 2, last]);
        limits.sign_in(address(1), "a").unwrap();
        limits.sign_in(address(2), "a").unwrap();
        let refused = limits.sign_in(address(3), "a").unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooManyRequests);
        let wait = refused.details["retry_after_seconds"].as_u64().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        for n in 0..5 {
            limits.sign_in(address(9), &n.to_string()).unwrap();
        }
        limits.sign_in(address(9), "another").unwrap_err();
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let one: IpAddr = "2001:db8:1:2::1".parse().unwrap();
        let other: IpAddr = "2001:db8:1:2:ffff::7".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_ne!(network(one), network("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), IpAddr::from([192, 0, 2, 1]));
    }
}
