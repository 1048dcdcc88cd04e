//! `mta`: fields to values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Resolver;
use crate::diagnostic::code;
use crate::name::{Domain, Host, HostName, NameError, printable, quantity};
use crate::plan::{EmitMode, Endpoint, Maps, Mta, ServerTls, Settings, Spanned, Target, TargetKind, Version};
use crate::source::Span;
use crate::syntax::ast::{Block, Field, ItemKind, MtaField, Text};

impl Resolver<'_> {
    pub(super) fn mtas(&mut self) {
        let program = self.program;
        for item in &program.items {
            if let ItemKind::Mta(block) = &item.kind {
                let mta = self.mta_block(block);
                self.plan.mtas.push(mta);
            }
        }
        // Where the text was not understood it may have been there.
        if self.plan.mtas.is_empty()
            && !program.broken
            && let Some(main) = program.main
        {
            self.missing(
                "the estate has no MTA to configure",
                Span::new(main, 0, 0),
                "declare one: `mta hub { target postfix; hostname mail.example.org }`",
            );
        }
    }

    fn mta_block(&mut self, block: &Block<MtaField>) -> Mta {
        let name = self.sources.text(block.name).to_owned();
        let mut target = None;
        let mut hostname: Option<Spanned<Domain>> = None;
        let nothing = Spanned { value: Target { kind: TargetKind::Postfix, version: None }, span: block.name };
        let mut mta = Mta {
            name,
            span: block.name,
            target: nothing,
            maps: None,
            hostname: Spanned { value: Domain::invalid(), span: block.name },
            listen: Vec::new(),
            address: Vec::new(),
            trust: Vec::new(),
            postmaster: None,
            tls: None,
            max_size: None,
            queue_lifetime: None,
            subaddress: None,
            smtputf8: self.smtputf8(block),
            milter: None,
            settings: None,
            emit: None,
            poisoned: block.broken,
        };
        for field in &block.fields {
            match &field.kind {
                MtaField::Target { kind, version } => {
                    let value = self.target(*kind, *version);
                    self.once(&mut target, value, field.span, "target");
                }
                MtaField::Hostname(text) => {
                    let value = self.parsed(*text, code::ADDRESS_INVALID, Domain::parse);
                    self.once(&mut hostname, value, *text, "hostname");
                }
                _ => self.mta_field(&mut mta, field),
            }
        }
        match target {
            Some(target) => mta.target = target,
            None => self.mta_lacks(
                &mut mta,
                "target",
                "say what it runs: `target postfix`, `target exim` or `target relay`",
            ),
        }
        match hostname {
            Some(hostname) => mta.hostname = hostname,
            None => self.mta_lacks(&mut mta, "hostname", "say its name: `hostname mail.example.org`"),
        }
        if mta.listen.is_empty() {
            let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
            mta.listen = any.map(|ip| Spanned { value: Endpoint { ip, port: 25 }, span: block.name }).to_vec();
        }
        mta
    }

    fn mta_lacks(&mut self, mta: &mut Mta, field: &str, help: &str) {
        if !mta.poisoned {
            self.missing(format!("MTA `{}` has no {field}", mta.name), mta.span, help);
        }
        mta.poisoned = true;
    }

    /// Known before any address is read: whether a UTF-8 local part may be one depends on it.
    fn smtputf8(&mut self, block: &Block<MtaField>) -> Option<Spanned<bool>> {
        let mut slot = None;
        for field in &block.fields {
            if let MtaField::Smtputf8(text) = field.kind {
                let value = self.choice(text, "yes or no", &[("yes", true), ("no", false)]);
                self.once(&mut slot, value, field.span, "smtputf8");
            }
        }
        slot
    }

    fn mta_field(&mut self, mta: &mut Mta, field: &Field<MtaField>) {
        let span = field.span;
        match &field.kind {
            MtaField::Target { .. } | MtaField::Hostname(_) | MtaField::Smtputf8(_) => {}
            MtaField::Maps(text) => {
                let choices = [
                    ("cdb", Maps::Cdb),
                    ("lmdb", Maps::Lmdb),
                    ("texthash", Maps::Texthash),
                    ("lsearch", Maps::Lsearch),
                ];
                let value = self.choice(*text, "kind of map", &choices);
                self.once(&mut mta.maps, value, span, "maps");
            }
            MtaField::Listen(list) => self.each(list, &mut mta.listen, endpoint),
            MtaField::Address(list) => self.each(list, &mut mta.address, ip),
            MtaField::Trust(list) => self.each(list, &mut mta.trust, network),
            MtaField::Postmaster(text) => match mta.postmaster {
                Some(first) => self.duplicate("`postmaster` is said twice".to_owned(), span, first.span),
                None => mta.postmaster = self.address(*text),
            },
            MtaField::Tls { certificate, key } => {
                let value = self
                    .path(*certificate)
                    .zip(self.path(*key))
                    .map(|(certificate, key)| ServerTls { certificate, key });
                self.once(&mut mta.tls, value, span, "tls");
            }
            MtaField::MaxSize(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, quantity::size);
                self.once(&mut mta.max_size, value, span, "max-size");
            }
            MtaField::QueueLifetime(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, quantity::duration);
                self.once(&mut mta.queue_lifetime, value, span, "queue-lifetime");
            }
            MtaField::Subaddress(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, separator);
                self.once(&mut mta.subaddress, value, span, "subaddress");
            }
            MtaField::Milter(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, milter);
                self.once(&mut mta.milter, value, span, "milter");
            }
            MtaField::Settings(text) => {
                let value = self.program.attached.get(text).map(|&file| Settings {
                    name: self.sources.unquoted(*text).into_owned(),
                    text: self.sources.get(file).text().to_owned(),
                });
                self.once(&mut mta.settings, value, span, "settings");
            }
            MtaField::Emit(text) => {
                let value = self.choice(
                    *text,
                    "way to emit",
                    &[("complete", EmitMode::Complete), ("tables", EmitMode::Tables)],
                );
                self.once(&mut mta.emit, value, span, "emit");
            }
        }
    }

    fn target(&mut self, kind: Text, version: Option<Text>) -> Option<Target> {
        let kinds = [TargetKind::Postfix, TargetKind::Exim, TargetKind::Relay].map(|k| (k.as_str(), k));
        let kind = self.choice(kind, "target", &kinds)?;
        let version = match version {
            Some(text) => Some(self.parsed(text, code::SYNTAX_VALUE, parse_version)?),
            None => None,
        };
        Some(Target { kind, version })
    }

    /// Each token of a list, read as what it should be.
    pub(super) fn each<T>(
        &mut self,
        list: &[Text],
        out: &mut Vec<Spanned<T>>,
        parse: impl Fn(&str) -> Result<T, NameError>,
    ) {
        for &span in list {
            if let Some(value) = self.parsed(span, code::SYNTAX_VALUE, &parse) {
                out.push(Spanned { value, span });
            }
        }
    }

    /// The path of a file on an MTA's host: absolute, and plain enough to stand in any configuration.
    pub(super) fn path(&mut self, span: Text) -> Option<String> {
        self.parsed(span, code::SYNTAX_VALUE, |text| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@=".contains(c);
            if !text.starts_with('/') || text.split('/').any(|part| part == "..") {
                return Err(NameError::new(format!("`{}` is not an absolute path", printable(text)))
                    .help("the file is on the MTA's host: write its whole path, such as `/etc/ssl/mail.pem`"));
            }
            match text.chars().find(|&c| !plain(c)) {
                None => Ok(text.to_owned()),
                Some(c) => Err(NameError::new(format!(
                    "`{}` has {c:?} in it, which not every MTA takes in a path",
                    printable(text)
                ))
                .help("keep to letters, digits and `/._-+@=`")),
            }
        })
    }
}

pub(super) fn ip(text: &str) -> Result<IpAddr, NameError> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| {
        NameError::new(format!("`{}` is not an IP address", printable(text)))
            .help("write one such as `192.0.2.10` or `2001:db8::1`")
    })
}

fn network(text: &str) -> Result<IpNet, NameError> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let net = net.map_err(|_| {
        NameError::new(format!("`{}` is not a network", printable(text)))
            .help("write one such as `10.0.0.0/8`, `2001:db8::/32` or a single address")
    })?;
    if net.addr() != net.network() {
        return Err(NameError::new(format!("`{}` has bits set behind its prefix", printable(text))).help(format!(
            "for the network write `{}`, for one host `{}`",
            net.trunc(),
            net.addr()
        )));
    }
    Ok(net)
}

fn endpoint(text: &str) -> Result<Endpoint, NameError> {
    let host = Host::parse(text)?;
    match host.name {
        HostName::Ip(ip) => Ok(Endpoint { ip, port: host.port.unwrap_or(25) }),
        HostName::Domain(_) => {
            Err(NameError::new(format!("`{}` is a name, not an address to listen on", printable(text)))
                .help("write an address such as `192.0.2.1:25` or `[2001:db8::1]:25`"))
        }
    }
}

fn milter(text: &str) -> Result<Host, NameError> {
    let host = Host::parse(text)?;
    match host.port {
        Some(_) => Ok(host),
        None => Err(NameError::new(format!("`{}` has no port", printable(text)))
            .help("write `HOST:PORT`, such as `127.0.0.1:8891`")),
    }
}

fn separator(text: &str) -> Result<char, NameError> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if "+-=_#.~^*/$&?|".contains(c) => Ok(c),
        _ => Err(NameError::new(format!("`{}` cannot separate a sub-address", printable(text)))
            .help("it is one character, mostly `+`; letters, digits, blanks, quotes and @ % ! cannot be it")),
    }
}

fn parse_version(text: &str) -> Result<Version, NameError> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[major, minor]) => Ok(Version { major, minor, patch: None }),
        Some(&[major, minor, patch]) => Ok(Version { major, minor, patch: Some(patch) }),
        _ => Err(NameError::new(format!("`{}` is not a version", printable(text)))
            .help("write a series or a release, such as `3.7` or `3.7.11`")),
    }
}
