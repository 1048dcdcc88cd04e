//! Certificates for the sinks and for the MTAs, and the authority that every machine of the lab trusts.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::lab::error::{Error, Explain, Result};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// One authority for the whole process: making keys takes time.
static AUTHORITY: LazyLock<Result<Authority>> = LazyLock::new(|| make("Lab Authority"));
/// One that no machine trusts by itself.
static SITE: LazyLock<Result<Authority>> = LazyLock::new(|| make("Site Authority"));

fn authority() -> Result<&'static Authority> {
    AUTHORITY.as_ref().map_err(Error::clone)
}

fn site() -> Result<&'static Authority> {
    SITE.as_ref().map_err(Error::clone)
}

fn make(name: &str) -> Result<Authority> {
    make_authority(name).explain("cannot make an authority")
}

fn make_authority(name: &str) -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Authority { issuer: Issuer::new(params, key), certificate })
}

/// The authority's certificate: what a `ca FILE` of a connector would hold.
pub fn authority_pem() -> Result<String> {
    Ok(authority()?.certificate.pem())
}

/// The certificate of the authority that is only in such files.
pub fn site_authority_pem() -> Result<String> {
    Ok(site()?.certificate.pem())
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    pub certificate_pem: String,
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Signed by the lab's authority, for DNS names and addresses.
    pub fn trusted(names: &[&str]) -> Result<Identity> {
        let issuer = &authority()?.issuer;
        Identity::new(names, |params, key| params.signed_by(key, issuer))
    }

    /// Signed by the authority that no machine trusts unless a file of its own says so.
    pub fn of_site(names: &[&str]) -> Result<Identity> {
        let issuer = &site()?.issuer;
        Identity::new(names, |params, key| params.signed_by(key, issuer))
    }

    /// Signed by nobody but itself.
    pub fn self_signed(names: &[&str]) -> Result<Identity> {
        Identity::new(names, |params, key| params.self_signed(key))
    }

    fn new(
        names: &[&str],
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<rcgen::Certificate, rcgen::Error>,
    ) -> Result<Identity> {
        let signed = || {
            let key = KeyPair::generate()?;
            Ok((sign(&parameters(names)?, &key)?, key))
        };
        let signed: Result<_, rcgen::Error> = signed();
        let (certificate, key) = signed.explain(format_args!("cannot make a certificate for {names:?}"))?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: Arc::new(PrivateKeyDer::Pkcs8(key.serialize_der().into())),
        })
    }

    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .explain("cannot offer TLS")?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .explain("cannot offer TLS")?;
        Ok(Arc::new(config))
    }
}

fn parameters(names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    if let Some(name) = names.iter().find(|name| name.parse::<IpAddr>().is_err()) {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    Ok(params)
}

/// A client that trusts the lab's authority and nothing else.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority()?.certificate.der().clone()).explain("cannot trust the lab's authority")?;
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .explain("cannot speak TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
