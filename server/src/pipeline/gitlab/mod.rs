//! GitLab webhooks: who sent it, and what it says
//! (<https://docs.gitlab.com/user/project/integrations/webhook_events/>).

mod payload;

use app::model::UnixNanos;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
pub use payload::{Event, PayloadError};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// How far the sender's clock may be from ours, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

/// The headers of a delivery that matter.
#[derive(Debug, Clone, Default)]
pub struct DeliveryHeaders {
    /// `X-Gitlab-Event`, e.g. `Push Hook`.
    pub event: Option<String>,
    /// `X-Gitlab-Token`.
    pub token: Option<String>,
    /// `webhook-id`.
    pub webhook_id: Option<String>,
    /// `webhook-timestamp`, in seconds since the Unix epoch.
    pub timestamp: Option<String>,
    /// `webhook-signature`.
    pub signature: Option<String>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `X-Gitlab-Webhook-UUID`.
    pub webhook_uuid: Option<String>,
}

impl DeliveryHeaders {
    /// What the sender calls this delivery. Never the event's UUID: recursive hooks share it.
    pub fn delivery_key(&self) -> Option<&str> {
        let keys = [&self.idempotency_key, &self.webhook_uuid, &self.webhook_id];
        keys.into_iter().flatten().map(String::as_str).find(|key| !key.is_empty())
    }
}

/// How a delivery proved where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By the secret token.
    Token,
    /// By a signature over the body.
    Signature,
}

impl Proof {
    /// Name in step details.
    pub fn key(self) -> &'static str {
        match self {
            Self::Token => "x-gitlab-token",
            Self::Signature => "webhook-signature",
        }
    }
}

/// Why a delivery is refused. The sender learns nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to compare with.
    #[error("no webhook secret is configured (`webhooks.gitlab_secret`)")]
    NoSecret,
    /// Neither token nor signature.
    #[error("the delivery carries neither token nor signature")]
    NoProof,
    /// A wrong token.
    #[error("the token is wrong")]
    WrongToken,
    /// A wrong signature.
    #[error("the signature is wrong")]
    WrongSignature,
    /// Signed too long ago, or in the future.
    #[error("the signature's timestamp is missing or more than {CLOCK_SKEW_SECONDS} s off")]
    WrongTime,
}

/// Checks the secret token, without looking at the body. `None` when the signature must decide.
pub fn verify_token(secret: Option<&Secret>, headers: &DeliveryHeaders) -> Result<Option<Proof>, Refusal> {
    let secret = secret.ok_or(Refusal::NoSecret)?;
    match (&headers.token, &headers.signature) {
        (Some(token), _) if same(secret.expose().as_bytes(), token.as_bytes()) => Ok(Some(Proof::Token)),
        // A body is worth reading only when everything else that a signature needs is there.
        (_, Some(signature))
            if headers.webhook_id.is_some() && headers.timestamp.is_some() && signature.contains("v1,") =>
        {
            Ok(None)
        }
        (_, Some(_)) => Err(Refusal::WrongSignature),
        (Some(_), None) => Err(Refusal::WrongToken),
        (None, None) => Err(Refusal::NoProof),
    }
}

/// Checks the signature: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several may stand there.
pub fn verify_signature(
    secret: &Secret,
    headers: &DeliveryHeaders,
    body: &[u8],
    now: UnixNanos,
) -> Result<Proof, Refusal> {
    let timestamp = headers.timestamp.as_deref().ok_or(Refusal::WrongTime)?;
    let signed_at: i64 = timestamp.parse().map_err(|_| Refusal::WrongTime)?;
    let now_s = now.0.div_euclid(1_000_000_000);
    if now_s.abs_diff(signed_at) > CLOCK_SKEW_SECONDS.unsigned_abs() {
        return Err(Refusal::WrongTime);
    }
    let id = headers.webhook_id.as_deref().ok_or(Refusal::WrongSignature)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&signing_key(secret)).map_err(|_| Refusal::WrongSignature)?;
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let expected = mac.finalize().into_bytes();
    let offered = headers.signature.as_deref().unwrap_or_default();
    let is_right = offered
        .split_ascii_whitespace()
        .filter_map(|signature| BASE64.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| bool::from(signature.as_slice().ct_eq(expected.as_slice())));
    if is_right { Ok(Proof::Signature) } else { Err(Refusal::WrongSignature) }
}

/// A signing token is `whsec_` and the base64 of the key (Standard Webhooks); any other secret is the key itself.
fn signing_key(secret: &Secret) -> Vec<u8> {
    let text = secret.expose();
    let decoded = text.strip_prefix("whsec_").and_then(|encoded| BASE64.decode(encoded).ok());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Compares digests in constant time: neither content nor length can be told from how long it takes.
fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(Sha256::digest(a).as_slice().ct_eq(Sha256::digest(b).as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

    fn signed(key: &[u8], timestamp: &str, body: &[u8]) -> DeliveryHeaders {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("msg_1.{timestamp}.").as_bytes());
        mac.update(body);
        let signature = format!("v1,AAAA v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        DeliveryHeaders {
            webhook_id: Some("msg_1".into()),
            timestamp: Some(timestamp.into()),
            signature: Some(signature),
            ..DeliveryHeaders::default()
        }
    }

    fn with_token(token: &str) -> DeliveryHeaders {
        DeliveryHeaders { token: Some(token.into()), ..DeliveryHeaders::default() }
    }

    #[test]
    fn the_token_must_be_the_secret() {
        let secret = Secret::new("s3cret");
        assert_eq!(verify_token(Some(&secret), &with_token("s3cret")), Ok(Some(Proof::Token)));
        assert_eq!(verify_token(Some(&secret), &with_token("s3cret ")), Err(Refusal::WrongToken));
        assert_eq!(verify_token(Some(&secret), &with_token("")), Err(Refusal::WrongToken));
        assert_eq!(verify_token(Some(&secret), &DeliveryHeaders::default()), Err(Refusal::NoProof));
        assert_eq!(verify_token(None, &with_token("s3cret")), Err(Refusal::NoSecret));
    }

    #[test]
    fn a_signature_over_id_time_and_body_is_accepted() {
        let body = br#"{"object_kind":"push"}"#;
        let plain = Secret::new("s3cret");
        let headers = signed(b"s3cret", "1790000000", body);
        assert_eq!(verify_token(Some(&plain), &headers), Ok(None));
        assert_eq!(verify_signature(&plain, &headers, body, NOW), Ok(Proof::Signature));
        assert_eq!(verify_signature(&plain, &headers, b"{}", NOW), Err(Refusal::WrongSignature));

        let encoded = Secret::new(format!("whsec_{}", BASE64.encode(b"raw key")));
        let headers = signed(b"raw key", "1790000000", body);
        assert_eq!(verify_signature(&encoded, &headers, body, NOW), Ok(Proof::Signature));
    }

    #[test]
    fn an_old_signature_is_refused() {
        let secret = Secret::new("s3cret");
        for timestamp in ["1789999699", "1790000301", "soon", ""] {
            let headers = signed(b"s3cret", timestamp, b"x");
            assert_eq!(verify_signature(&secret, &headers, b"x", NOW), Err(Refusal::WrongTime), "{timestamp}");
        }
        let at_the_edge = signed(b"s3cret", "1789999700", b"x");
        assert_eq!(verify_signature(&secret, &at_the_edge, b"x", NOW), Ok(Proof::Signature));
    }

    #[test]
    fn the_delivery_is_named_by_the_key_that_survives_retries() {
        let mut headers = DeliveryHeaders { webhook_id: Some("id".into()), ..DeliveryHeaders::default() };
        assert_eq!(headers.delivery_key(), Some("id"));
        headers.webhook_uuid = Some("uuid".into());
        assert_eq!(headers.delivery_key(), Some("uuid"));
        headers.idempotency_key = Some("key".into());
        assert_eq!(headers.delivery_key(), Some("key"));
    }
}
