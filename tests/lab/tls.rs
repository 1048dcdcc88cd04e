//! Certificates for the sinks and for the MTAs, and the authority that every machine of the lab trusts.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// One authority for the whole test run: making keys takes time.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Lab Authority");
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.self_signed(&key).expect("a certificate can be signed");
    Authority { issuer: Issuer::new(params, key), certificate }
});

/// The authority's certificate: what a `ca FILE` of a connector would hold.
pub(crate) fn authority_pem() -> String {
    AUTHORITY.certificate.pem()
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
    certificate: CertificateDer<'static>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Signed by the lab's authority, for DNS names and addresses.
    pub(crate) fn trusted(names: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters(names).signed_by(&key, &AUTHORITY.issuer).expect("a certificate can be signed");
        Identity::new(&certificate, &key)
    }

    /// Signed by nobody but itself.
    pub(crate) fn self_signed(names: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters(names).self_signed(&key).expect("a certificate can be signed");
        Identity::new(&certificate, &key)
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
        Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: Arc::new(PrivateKeyDer::Pkcs8(key.serialize_der().into())),
        }
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .expect("the key fits the certificate");
        Arc::new(config)
    }
}

fn parameters(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        .expect("these are names or addresses");
    if let Some(name) = names.iter().find(|name| name.parse::<IpAddr>().is_err()) {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params
}

/// A client that trusts the lab's authority and nothing else.
pub(crate) fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(AUTHORITY.certificate.der().clone()).expect("the authority is a certificate");
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
