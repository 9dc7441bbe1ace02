//! The key that messages are signed with, and its certificate: made once, and kept in a file that only its owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rcgen::{CertificateParams, DnType, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

/// Whom the certificate names, as that of AWS does.
const COMMON_NAME: &str = "sns.amazonaws.com";
/// What begins a certificate in a file that has a key before it.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot keep the key that SNS signs with in {file}: {error}")]
    Io { file: String, error: io::Error },
    /// It holds something else.
    #[error("{0} holds no key that SNS can sign with; without it, another is made")]
    Malformed(String),
    /// What makes and uses keys does not.
    #[error("cannot make or use the key that SNS signs with: {0}")]
    Refused(String),
    /// The broker is stopping.
    #[error("the broker is stopping")]
    Interrupted,
}

fn refused(error: impl std::fmt::Display) -> KeyError {
    KeyError::Refused(error.to_string())
}

/// A key with its certificate.
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    certificate_pem: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// The key that is kept in a file, or a new one that is from now on. Blocks.
    pub(super) fn open(file: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io {
            file: file.display().to_string(),
            error,
        };
        match fs::read_to_string(file) {
            Ok(pem) => {
                Self::parse(&pem).ok_or_else(|| KeyError::Malformed(file.display().to_string()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (key, pem) = Self::make()?;
                keep(file, &pem).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A new key. Blocks for as long as primes take to be found.
    pub(super) fn generate() -> Result<Self, KeyError> {
        Ok(Self::make()?.0)
    }

    /// A new key, and the text of its file.
    fn make() -> Result<(Self, String), KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(refused)?;
        let der = PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
        let subject = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256);
        let subject = subject.map_err(refused)?;
        let mut parameters =
            CertificateParams::new(vec![COMMON_NAME.to_owned()]).map_err(refused)?;
        parameters
            .distinguished_name
            .push(DnType::CommonName, COMMON_NAME);
        let certificate_pem = parameters.self_signed(&subject).map_err(refused)?.pem();
        let pem = format!("{}{certificate_pem}", subject.serialize_pem());
        Ok((
            Self {
                pair,
                certificate_pem,
            },
            pem,
        ))
    }

    fn parse(pem: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
        let certificate_pem = pem[pem.find(CERTIFICATE)?..].to_owned();
        Some(Self {
            pair,
            certificate_pem,
        })
    }

    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// RSA with SHA-256, in the padding of PKCS #1.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text,
                &mut signature,
            )
            .map_err(refused)?;
        Ok(signature)
    }

    #[cfg(test)]
    pub(super) fn public(&self) -> &[u8] {
        use aws_lc_rs::signature::KeyPair as _;
        self.pair.public_key().as_ref()
    }
}

/// Writes a file that appears whole or not at all, and survives a power cut.
fn keep(file: &Path, text: &str) -> io::Result<()> {
    let unfinished = file.with_extension("unfinished");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&unfinished)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&unfinished, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        let made = SigningKey::open(&file).unwrap();
        let found = SigningKey::open(&file).unwrap();
        assert_eq!(made.certificate_pem(), found.certificate_pem());
        assert_eq!(made.sign(b"x").unwrap(), found.sign(b"x").unwrap());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_neither_used_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, "nonsense").unwrap();
        let refused = SigningKey::open(&file);
        assert!(matches!(refused, Err(KeyError::Malformed(_))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "nonsense");
    }
}
