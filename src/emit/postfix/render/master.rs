//! What master.cf says: where the MTA listens, and a service for every way out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Bundle;
use crate::emit::postfix::connectors::{Details, Service};
use crate::emit::postfix::{quote, view};
use crate::plan::EmitMode;

impl Bundle<'_> {
    pub(super) fn view_master(&self) -> view::Master {
        view::Master {
            mta: quote::comment(&self.mta.name),
            place: self.place(self.mta.span),
            whole: self.mta.emits() == EmitMode::Complete,
            listen: self.listen(),
            services: self.services.iter().map(|(service, details)| self.view_service(service, details)).collect(),
        }
    }

    /// Both wildcards of one port are one service, which Postfix also takes on a host without IPv6.
    fn listen(&self) -> Vec<view::Listen> {
        let any = |ip: IpAddr, port: u16| self.mta.listen.iter().any(|l| l.value.ip == ip && l.value.port == port);
        let (any4, any6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
        let mut all: Vec<view::Listen> = Vec::new();
        for listen in &self.mta.listen {
            let (ip, port) = (listen.value.ip, listen.value.port);
            let both = ip.is_unspecified() && any(any4, port) && any(any6, port);
            let service = match ip {
                _ if both => port.to_string(),
                IpAddr::V4(ip) => format!("{ip}:{port}"),
                IpAddr::V6(ip) => format!("[{ip}]:{port}"),
            };
            if all.iter().all(|known| known.service != service) {
                all.push(view::Listen { service, place: self.place(listen.span) });
            }
        }
        all
    }

    fn view_service(&self, service: &Service, details: &Details) -> view::Service {
        let connectors = service.connectors.iter().map(|&c| self.context.plan.connector(c));
        view::Service {
            from: connectors.map(|c| view::From { name: quote::comment(&c.name), place: self.place(c.span) }).collect(),
            service: service.name.clone(),
            processes: details.processes.clone(),
            command: details.command,
            options: details.options.clone(),
        }
    }
}
