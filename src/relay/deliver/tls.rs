//! TLS to a next hop (RFC 3207, 7435, 6125): with any certificate, or with one that a known CA signed for its name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::relay::config::{Connector, TlsLevel};
use crate::relay::deliver::{Kind, Secured, Target, Trouble};
use crate::relay::reply::Status;

/// The configurations of all connectors, each made once. Sessions are resumed within one.
#[derive(Debug, Default)]
pub(super) struct Configs {
    made: Mutex<HashMap<Trust, Arc<ClientConfig>>>,
}

/// Whose certificates are good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Trust {
    Anybody,
    System,
    File(PathBuf),
}

impl Configs {
    pub(super) fn get(&self, connector: &Connector, folder: &Path) -> Result<Arc<ClientConfig>, Trouble> {
        let trust = match (&connector.tls.level, &connector.tls.ca) {
            (TlsLevel::Verified, Some(file)) => Trust::File(folder.join(file)),
            (TlsLevel::Verified, None) => Trust::System,
            _ => Trust::Anybody,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&trust) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(config(&trust)?);
        made.insert(trust, Arc::clone(&config));
        Ok(config)
    }
}

fn config(trust: &Trust) -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(ring::default_provider());
    // Nothing older than TLS 1.2 is known here.
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| trouble(&error.to_string()))?;
    Ok(match trust {
        Trust::Anybody => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
        }
        Trust::System => builder.with_root_certificates(system_roots()?).with_no_client_auth(),
        Trust::File(path) => builder.with_root_certificates(roots(path)?).with_no_client_auth(),
    })
}

fn system_roots() -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(trouble("this system has no CA certificates")) } else { Ok(roots) }
}

fn roots(path: &Path) -> Result<RootCertStore, Trouble> {
    let unusable = |why: String| trouble(&format!("the CA certificates in {} cannot be used: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("there are none".to_owned())) } else { Ok(roots) }
}

/// The name that the certificate must have, and that the host is told it is wanted by (RFC 6066 3).
pub(super) fn name(connector: &Connector, target: &Target) -> Result<ServerName<'static>, Trouble> {
    let name = connector.tls.name.as_ref().map_or(target.name.as_str(), |name| name.as_str());
    match ServerName::try_from(name.to_owned()) {
        Ok(ServerName::IpAddress(_)) | Err(_) if connector.tls.level == TlsLevel::Verified => {
            Err(trouble("there is no name that the certificate could be for"))
        }
        Ok(name) => Ok(name),
        Err(_) => Ok(ServerName::from(target.addr.ip())),
    }
}

/// What was agreed upon.
pub(super) fn secured(connection: &ClientConnection, connector: &Connector) -> Secured {
    let version = connection.protocol_version().and_then(|version| version.as_str());
    let cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    Secured {
        version: version.unwrap_or("TLS"),
        cipher: cipher.unwrap_or("unknown"),
        verified: connector.tls.level == TlsLevel::Verified,
    }
}

pub(super) fn trouble(text: &str) -> Trouble {
    Trouble::new(Kind::Tls, Status(4, 7, 5), text)
}

/// Takes any certificate: against those who only listen. That the host has its key is still proven.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
