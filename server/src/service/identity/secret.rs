//! Secrets that Console makes: 256 random bits, of which only the hash is stored.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::store::identity::SecretHash;

/// How every key begins, so that scanners of source code find one that slipped in.
const KEY_PREFIX: &str = "csl_";
/// Characters of a key that are shown.
const SHOWN: usize = 10;

/// A secret that was just made. It never shows in a log.
#[derive(Clone)]
pub struct NewSecret(String);

impl NewSecret {
    /// For a session or a link.
    pub fn token() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// For a program.
    pub fn key() -> Self {
        Self(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())))
    }

    /// To be handed out, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown of a key later.
    pub fn shown(&self) -> String {
        self.0.chars().take(SHOWN).collect()
    }

    /// What is stored.
    pub fn hash(&self) -> SecretHash {
        hash(&self.0)
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewSecret(…)")
    }
}

/// The hash under which a secret is stored. Looking a hash up takes a time that says nothing about the secret.
pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_do_not_show() {
        let (one, other) = (NewSecret::key(), NewSecret::key());
        assert_ne!(one.hash(), other.hash());
        assert!(one.expose().starts_with("csl_") && one.expose().len() == 47);
        assert!(one.shown().len() == 10 && !format!("{one:?}").contains(&one.expose()[4..]));
    }
}
