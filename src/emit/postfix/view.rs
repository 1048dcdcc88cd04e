//! What the templates are given: texts that are quoted already, in the order they are printed.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Main {
    pub(super) mta: String,
    pub(super) place: String,
    /// Everything, or only what routes.
    pub(super) whole: bool,
    pub(super) compatibility_level: &'static str,
    pub(super) hostname: Parameter,
    pub(super) identity: Vec<Parameter>,
    pub(super) unknown_words: &'static str,
    pub(super) unroutable_words: &'static str,
    pub(super) tables: Tables,
    pub(super) virtual_alias_maps: String,
    pub(super) transport_maps: String,
    pub(super) default_transport_maps: Option<String>,
    pub(super) separator: Option<String>,
    pub(super) smtputf8: &'static str,
    pub(super) utf8: bool,
    pub(super) trust: Vec<String>,
    pub(super) classes: String,
    pub(super) restriction_classes: Vec<Class>,
    pub(super) inbound: Vec<Parameter>,
    pub(super) hardening: Vec<Parameter>,
    pub(super) mandatory_protocols: &'static str,
    /// What keeps a message from choosing its TLS itself.
    pub(super) tls_of_senders: Vec<Parameter>,
    pub(super) limits: Vec<Parameter>,
    pub(super) settings: Option<Settings>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tables {
    pub(super) domains: String,
}

/// A parameter and the statement that it comes from.
#[derive(Debug, Serialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) place: Option<String>,
}

/// A restriction class of smtpd(8).
#[derive(Debug, Serialize)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) checks: Vec<String>,
    pub(super) place: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Settings {
    pub(super) file: String,
    pub(super) place: String,
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Master {
    pub(super) mta: String,
    pub(super) place: String,
    pub(super) whole: bool,
    pub(super) listen: Vec<Listen>,
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Serialize)]
pub(super) struct Listen {
    pub(super) service: String,
    pub(super) place: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) from: Vec<From>,
    pub(super) service: String,
    pub(super) processes: String,
    pub(super) command: &'static str,
    pub(super) options: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct From {
    pub(super) name: String,
    pub(super) place: String,
}

/// A table of patterns or networks: text that Postfix reads in order.
#[derive(Debug, Serialize)]
pub(super) struct Rules {
    pub(super) mta: String,
    pub(super) place: String,
    pub(super) what: &'static str,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
pub(super) struct Block {
    pub(super) about: String,
    pub(super) lines: Vec<String>,
}
