//! What is sent says who sent it: a signature over what matters in it, by a key whose certificate the gateway serves.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>. The signature is of version
//! 2 (RSA with SHA-256), whatever the topic's `SignatureVersion` is: what makes RSA signatures here makes none with the
//! SHA-1 of version 1, which has been broken for years.
//!
//! | module | what it is |
//! |---|---|
//! | `key` | the key and its certificate, and the file that they are kept in |

mod key;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::auth::hex;

pub(crate) use self::key::{KeyError, SigningKey};

/// The version of all signatures: RSA with SHA-256.
pub(crate) const VERSION: &str = "2";
/// What the path of the certificate is made of, as AWS has it.
const PATH_PREFIX: &str = "/SimpleNotificationService-";
const PATH_SUFFIX: &str = ".pem";

/// Signs messages, with a key that is made when it is needed first.
#[derive(Debug)]
pub(crate) struct Signatures {
    /// Where the key is kept. Without it it is gone with the process.
    file: Option<PathBuf>,
    signer: OnceCell<Signer>,
}

impl Signatures {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        let signer = OnceCell::new();
        Self { file, signer }
    }

    /// Who signs. The first time this reads the key, or makes it.
    pub(crate) async fn signer(&self) -> Result<&Signer, KeyError> {
        let open = || async {
            let file = self.file.clone();
            let opened = tokio::task::spawn_blocking(move || match file {
                Some(file) => SigningKey::open(&file),
                None => SigningKey::generate(),
            });
            let key = opened.await.map_err(|_| KeyError::Interrupted)??;
            Ok(Signer::new(key))
        };
        self.signer.get_or_try_init(open).await
    }

    /// Who signs, if anything is to be signed.
    pub(crate) async fn signer_if(&self, is_needed: bool) -> Result<Option<&Signer>, KeyError> {
        match is_needed {
            true => self.signer().await.map(Some),
            false => Ok(None),
        }
    }

    /// The certificate that a path names, as PEM.
    pub(crate) async fn certificate(&self, path: &str) -> Option<String> {
        let signer = self.signer().await.ok()?;
        (signer.path == path).then(|| signer.key.certificate_pem().to_owned())
    }
}

/// Whether a path is that of a certificate, there or not.
pub(crate) fn is_certificate(path: &str) -> bool {
    path.starts_with(PATH_PREFIX)
}

/// A key, and where its certificate is.
#[derive(Debug)]
pub(crate) struct Signer {
    key: SigningKey,
    path: String,
}

impl Signer {
    fn new(key: SigningKey) -> Self {
        let digest = Sha256::digest(key.certificate_pem().as_bytes());
        let path = format!("{PATH_PREFIX}{}{PATH_SUFFIX}", hex(&digest[..16]));
        Self { key, path }
    }

    /// Where clients of an address find the certificate.
    pub(crate) fn certificate_url(&self, endpoint: &str) -> String {
        format!("{endpoint}{}", self.path)
    }

    /// The signature of a message, of which these members matter, in the order of their names.
    pub(crate) fn sign(&self, members: &[(&str, &str)]) -> Result<String, KeyError> {
        let mut text = String::new();
        for (name, value) in members {
            for part in [name, value] {
                text.push_str(part);
                text.push('\n');
            }
        }
        Ok(STANDARD.encode(self.key.sign(text.as_bytes())?))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[tokio::test]
    async fn what_is_signed_is_names_and_values_on_lines_of_their_own() {
        let signatures = Signatures::new(None);
        let signer = signatures.signer().await.unwrap();
        let signature = signer.sign(&[("Message", "a\nb"), ("Type", "Notification")]);
        let signature = STANDARD.decode(signature.unwrap()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.key.public());
        let text = b"Message\na\nb\nType\nNotification\n";
        public.verify(text, &signature).unwrap();
        public.verify(b"Message\nc\n", &signature).unwrap_err();
    }

    #[tokio::test]
    async fn the_certificate_is_where_the_address_says() {
        let signatures = Signatures::new(None);
        let url = signatures
            .signer()
            .await
            .unwrap()
            .certificate_url("http://h:1");
        let path = url.strip_prefix("http://h:1").unwrap();
        let pem = signatures.certificate(path).await.unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
        let other = "/SimpleNotificationService-0.pem";
        assert_eq!(signatures.certificate(other).await, None);
        assert!(is_certificate(path) && !is_certificate("/"));
    }
}
