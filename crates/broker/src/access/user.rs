//! Users, their passwords, and what they may do.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};

use super::{Limits, Pattern};

/// Bytes in front of a hash that make it another one for everybody (RabbitMQ, "Passwords").
const SALT_BYTES: usize = 4;

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// None: nobody logs in with a password.
    pub password: Option<PasswordHash>,
    /// What it may do beside messaging: `administrator`, `monitoring`, `policymaker`, `management`.
    pub tags: Vec<String>,
    /// What it may do in a virtual host, by the name of that.
    pub permissions: BTreeMap<String, Permission>,
    /// What it may do with topics, by virtual host and exchange.
    pub topic_permissions: BTreeMap<(String, String), TopicPermission>,
    /// How many connections and channels it may have.
    pub limits: Limits,
}

impl User {
    /// A user that may do nothing yet.
    pub fn new(password: Option<PasswordHash>, tags: Vec<String>) -> Self {
        Self {
            password,
            tags,
            permissions: BTreeMap::new(),
            topic_permissions: BTreeMap::new(),
            limits: Limits::default(),
        }
    }

    /// Whether it has a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|had| had == tag)
    }
}

/// What names a user may do something with.
#[derive(Clone, Debug, PartialEq)]
pub struct Permission {
    /// Create and delete.
    pub configure: Pattern,
    /// Publish to, bind to.
    pub write: Pattern,
    /// Consume from, bind from.
    pub read: Pattern,
}

/// Which routing keys a user may publish and bind with on a topic exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicPermission {
    /// Publish.
    pub write: Pattern,
    /// Bind.
    pub read: Pattern,
}

/// How a password is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// RabbitMQ's `rabbit_password_hashing_sha256`, its default.
    Sha256,
    /// RabbitMQ's `rabbit_password_hashing_sha512`.
    Sha512,
}

impl HashAlgorithm {
    fn digest(self, salt: &[u8], password: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::new_with_prefix(salt)
                .chain_update(password)
                .finalize()
                .to_vec(),
            Self::Sha512 => Sha512::new_with_prefix(salt)
                .chain_update(password)
                .finalize()
                .to_vec(),
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => Sha256::output_size(),
            Self::Sha512 => Sha512::output_size(),
        }
    }
}

/// A password that cannot be read back: a salt, and the hash of the salt and the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    algorithm: HashAlgorithm,
    salted: Vec<u8>,
}

impl PasswordHash {
    /// Hashes a password; the salt is random, and not secret.
    pub fn new(password: &[u8], salt: [u8; SALT_BYTES]) -> Self {
        let algorithm = HashAlgorithm::Sha256;
        let mut salted = salt.to_vec();
        salted.extend(algorithm.digest(&salt, password));
        Self { algorithm, salted }
    }

    /// A hash that was made elsewhere: salt and digest. None if it has another length.
    pub fn from_parts(algorithm: HashAlgorithm, salted: Vec<u8>) -> Option<Self> {
        let fits = salted.len() == SALT_BYTES + algorithm.digest_bytes();
        fits.then_some(Self { algorithm, salted })
    }

    /// How it was made.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Salt and digest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.salted
    }

    /// Whether a password is the one. Takes as long whichever byte differs.
    pub fn verifies(&self, password: &[u8]) -> bool {
        let (salt, digest) = self.salted.split_at(SALT_BYTES);
        let given = self.algorithm.digest(salt, password);
        let differing = digest
            .iter()
            .zip(&given)
            .fold(0, |all, (a, b)| all | (a ^ b));
        differing == 0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordHash({:?})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RabbitMQ's documentation ("Credentials and passwords", computing a hash).
    #[test]
    fn the_documented_hash_verifies_the_documented_password() {
        let mut salted = vec![0x90, 0x8D, 0xC6, 0x0A];
        let digest = 0xa5b924b3096b8897d65a3b5f80fa5db6_u128.to_be_bytes();
        salted.extend(digest);
        salted.extend(0x2a94b83122cdf4f8fead10d515d8f391_u128.to_be_bytes());
        let hash = PasswordHash::from_parts(HashAlgorithm::Sha256, salted).unwrap();
        assert!(hash.verifies(b"test12"));
    }

    #[test]
    fn a_hash_is_what_its_password_verifies() {
        let hash = PasswordHash::new(b"secret", [1, 2, 3, 4]);
        assert!(hash.verifies(b"secret"));
        assert!(!hash.verifies(b"Secret"));
        assert!(!hash.verifies(b""));
        let again = PasswordHash::from_parts(hash.algorithm(), hash.as_bytes().to_vec());
        assert_eq!(again, Some(hash));
    }

    #[test]
    fn hashes_of_other_lengths_are_none() {
        let algorithm = HashAlgorithm::Sha512;
        assert_eq!(PasswordHash::from_parts(algorithm, vec![0; 36]), None);
        let mut long = vec![9; SALT_BYTES];
        long.extend(algorithm.digest(&[9; SALT_BYTES], b"x"));
        assert!(
            PasswordHash::from_parts(algorithm, long)
                .unwrap()
                .verifies(b"x")
        );
    }
}
