//! Passwords: what is accepted, and argon2id within bounds.

use std::sync::{Arc, OnceLock};

use app::api::{ApiError, ErrorCode};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

/// Shortest password, in characters.
const MIN_CHARS: usize = 12;
/// Longest password, in bytes: more is no safer and only costs time.
const MAX_BYTES: usize = 1024;
/// Hashes that are computed at once. Each takes 19 MiB and a core for tens of milliseconds.
const AT_ONCE: usize = 2;
/// Hashes that may wait for their turn; more are turned away.
const WAITING: usize = 30;

/// Hashes and verifies passwords, a bounded number at once.
pub struct Passwords {
    admitted: Semaphore,
    running: Arc<Semaphore>,
    /// Verified where there is no password, so that it takes as long as where there is one.
    nobodys: OnceLock<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            admitted: Semaphore::new(AT_ONCE + WAITING),
            running: Arc::new(Semaphore::new(AT_ONCE)),
            nobodys: OnceLock::new(),
        }
    }
}

impl Passwords {
    /// Says what is wrong with a new password, or hashes it. `known` are words that an attacker would try first, such
    /// as the address.
    pub async fn choose(&self, password: String, known: Vec<String>) -> Result<String, ApiError> {
        self.in_turn(move || {
            check(&password, &known)?;
            hash(&password).ok_or_else(ApiError::internal)
        })
        .await?
    }

    /// Whether a password is the one that was hashed; takes as long when there is none.
    pub async fn verify(&self, password: String, hashed: Option<String>) -> Result<bool, ApiError> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        let nobodys = self.nobodys.get().cloned();
        let (is_right, nobodys) = self
            .in_turn(move || {
                // Made at the first try, whoever that is for, so that it tells nothing.
                let nobodys = nobodys.or_else(|| hash("nobody has this password"));
                let is_known = hashed.is_some();
                let matches = hashed.as_deref().or(nobodys.as_deref()).is_some_and(|hash| matches(&password, hash));
                (is_known && matches, nobodys)
            })
            .await?;
        if let Some(nobodys) = nobodys {
            self.nobodys.get_or_init(|| nobodys);
        }
        Ok(is_right)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let busy = || ApiError::new(ErrorCode::TooManyRequests, "too many people sign in at once; try again");
        let _admitted = self.admitted.try_acquire().map_err(|_| busy())?;
        let turn = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // The turn ends with the work, even when nobody waits for it any more.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::internal())
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

fn matches(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

fn check(password: &str, known: &[String]) -> Result<(), ApiError> {
    if password.chars().count() < MIN_CHARS {
        return Err(ApiError::invalid("password", format!("The password must have at least {MIN_CHARS} characters.")));
    }
    if password.len() > MAX_BYTES {
        return Err(ApiError::invalid("password", format!("The password must not be longer than {MAX_BYTES} bytes.")));
    }
    let known: Vec<&str> = known.iter().map(String::as_str).chain(["console"]).collect();
    if zxcvbn(password, &known).score() < Score::Two {
        let message = "This password is easy to guess: a common one, a pattern, or made of your name or address.";
        return Err(ApiError::invalid("password", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_common_passwords_are_refused() {
        let known = ["ines.lindqvist@example.com".to_owned(), "Ines Lindqvist".to_owned()];
        for bad in [
            "short",
            "elevenchars",
            "password1234",
            "123456789012",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop123",
            "Ines Lindqvist",
        ] {
            assert!(check(bad, &known).is_err(), "{bad}");
        }
        for good in ["correct horse battery", "kupferner Wasserhahn 3", "x7Gq-aa9P-lm2Z"] {
            check(good, &known).unwrap();
        }
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_nobodys_never_matches() {
        let passwords = Passwords::default();
        let hash = passwords.choose("correct horse battery".to_owned(), Vec::new()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.verify("correct horse battery".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterx".to_owned(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn too_many_at_once_are_turned_away() {
        let passwords = Passwords::default();
        let tries = (0..AT_ONCE + WAITING + 5)
            .map(|_| passwords.in_turn(|| std::thread::sleep(std::time::Duration::from_millis(5))));
        let outcomes = futures::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 5);
    }
}
