//! From sockets to sessions: listeners, limits, the PROXY protocol, TLS.

pub mod limits;
pub mod proxy;
pub mod received;
pub mod socket;
pub mod tls;
