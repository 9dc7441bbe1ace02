//! TLS to endpoints: who they are is said by the certificate authorities of the system, and by those that the operator
//! adds.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::request::SendError;

/// Connects to endpoints.
pub(crate) struct Tls {
    /// Beside those of the system.
    authorities: Vec<CertificateDer<'static>>,
    /// Made when it is needed first: the system's have to be read.
    connector: OnceLock<TlsConnector>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(crate) fn new(authorities: Vec<CertificateDer<'static>>) -> Self {
        Self {
            authorities,
            connector: OnceLock::new(),
        }
    }

    /// Makes of a connection one to the host of this name, and to no other.
    pub(super) async fn connect(
        self: &Arc<Self>,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, SendError> {
        let name = ServerName::try_from(host.to_owned())?;
        let connector = match self.connector.get() {
            Some(made) => made.clone(),
            None => {
                let tls = Arc::clone(self);
                tokio::task::spawn_blocking(move || tls.make_connector()).await?
            }
        };
        Ok(connector.connect(name, stream).await?)
    }

    /// Blocks: it reads files.
    fn make_connector(&self) -> TlsConnector {
        let make = || {
            let mut roots = RootCertStore::empty();
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                tracing::warn!(%error, "certificate authorities of the system cannot be read");
            }
            roots.add_parsable_certificates(system.certs);
            roots.add_parsable_certificates(self.authorities.iter().cloned());
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect(
                    "the provider has the ciphers of the protocol versions that are compiled in",
                )
                .with_root_certificates(roots)
                .with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        };
        self.connector.get_or_init(make).clone()
    }
}
