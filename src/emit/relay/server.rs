//! The server's own section, and the site's settings.

use std::net::SocketAddr;

use crate::emit::{Context, EmitError};
use crate::plan::MtaId;
use crate::relay::config::{Server, ServerTls, Value, parse_settings};

pub(super) fn server(context: Context<'_>, mta: MtaId) -> Server {
    let mta = context.plan.mta(mta);
    Server {
        hostname: mta.hostname.value.clone(),
        listen: mta.listen.iter().map(|l| SocketAddr::new(l.value.ip, l.value.port)).collect(),
        tls: mta.tls.as_ref().map(|t| ServerTls { certificate: t.value.certificate.clone(), key: t.value.key.clone() }),
        max_size: mta.max_size.map(|s| s.value),
        queue_lifetime: mta.queue_lifetime.map(|q| q.value),
        milter: mta.milter.as_ref().map(|m| m.value.clone()),
    }
}

pub(super) fn settings(context: Context<'_>, mta: MtaId) -> Result<Option<Value>, EmitError> {
    let Some(settings) = &context.plan.mta(mta).settings else { return Ok(None) };
    let mapping = parse_settings(&settings.value.text).map_err(|e| EmitError(e.message))?;
    Ok(Some(Value::Mapping(mapping)))
}
