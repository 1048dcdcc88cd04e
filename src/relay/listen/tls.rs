//! The server's side of TLS (RFC 3207): its certificate and key, read anew at each reload.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::relay::config::ServerTls;

/// Reads both files, by their paths from that folder; they must fit together. TLS 1.2 and 1.3.
pub fn load(tls: &ServerTls, folder: &Path) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates(&folder.join(&tls.certificate))?;
    let key = PrivateKeyDer::from_pem_file(folder.join(&tls.key))
        .map_err(|error| format!("cannot use {}: {error}", tls.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot use TLS: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("cannot use {} with {}: {error}", tls.certificate, tls.key))?;
    // Clients that come back are spared the full handshake.
    config.ticketer = ring::Ticketer::new().map_err(|error| format!("cannot make TLS tickets: {error}"))?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: String| format!("cannot use {}: {error}", path.display());
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let all = CertificateDer::pem_reader_iter(BufReader::new(file)).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(all) }
}
