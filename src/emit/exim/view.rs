//! What the templates are given, and the parts of the configuration that they make.

use std::net::IpAddr;

use serde::Serialize;

use super::expr::{Expressions, fold_pairs};
use super::peers::{Peer, Peers};
use super::quote;
use super::routes::{AuthenticatorView, Limit, RouterView, TransportView, origin, routes};
use super::tables::{bare_postmaster, tables};
use super::version;
use crate::emit::{Context, EmitError, File, template};
use crate::plan::{Endpoint, Maps, Mta, MtaId, Plan};
use crate::source::Span;

/// 50 MB, Exim's own default (14, "message_size_limit").
const USUAL_SIZE: u64 = 50 << 20;
/// Five days (RFC 5321 4.5.4.1).
const USUAL_LIFETIME: u64 = 5 * 86_400;

#[derive(Debug, Serialize)]
struct ServerTls {
    certificate: String,
    key: String,
}

#[derive(Debug, Serialize)]
struct SettingsView {
    name: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct PeerView {
    name: String,
    origin: String,
    addresses: String,
}

#[derive(Debug, Serialize)]
struct StatusText {
    status: &'static str,
    text: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct View {
    mta: String,
    origin: String,
    hostname: String,
    /// What the bare `<postmaster>` is taken to be at, where not at the hostname.
    bare: Option<&'static str>,
    listen: String,
    address: Option<String>,
    trust: String,
    peers: Vec<PeerView>,
    utf8: bool,
    /// PIPELINING is announced.
    pipelining: bool,
    /// The transports have to be told that any line is short enough.
    line_limit: bool,
    tls: Option<ServerTls>,
    max_size: u64,
    settings: Option<SettingsView>,
    local: String,
    domain: String,
    acl_row: String,
    acl_base_row: String,
    acl_space: String,
    cut: Option<String>,
    /// `$1` has to be set before the ACL may name it, even where it is not used.
    stale_numbers: bool,
    verifies: bool,
    limits: Vec<Limit>,
    router_row: String,
    router_base_row: String,
    router_space: String,
    odd: bool,
    utf8_refused: bool,
    texts: Vec<StatusText>,
    routers: Vec<RouterView>,
    transports: Vec<TransportView>,
    authenticators: Vec<AuthenticatorView>,
    retry: String,
    places: Places,
}

/// Where the source says what the main section and the retry rule have; empty for what it leaves to the compiler.
#[derive(Debug, Default, Serialize)]
struct Places {
    hostname: String,
    listen: String,
    address: String,
    trust: String,
    tls: String,
    max_size: String,
    settings: String,
    retry: String,
}

/// What an MTA's configuration says, and its tables.
pub(super) fn view(context: Context<'_>, id: MtaId) -> Result<(View, Vec<File>), EmitError> {
    let plan = context.plan;
    let mta = plan.mta(id);
    let release = version::release(mta.target.value.version)
        .ok_or_else(|| EmitError(format!("no such release of Exim for `{}`", mta.name)))?;
    let expressions = Expressions {
        maps: mta.maps.map_or(Maps::Cdb, |m| m.value),
        separator: mta.separator(),
        utf8: mta.takes_utf8(),
    };
    let peers = Peers::of(context.router, id);
    let tables = tables(context.router, id, &expressions, &peers)?;
    let routes = routes(context, &tables.groups);
    let local = expressions.local(&fold_of(plan, mta));
    let view = View {
        mta: quote::comment(&mta.name),
        origin: origin(context.sources, mta.span),
        hostname: mta.hostname.value.as_str().to_owned(),
        bare: bare_postmaster(context.router, id),
        listen: listen(mta),
        address: Some(joined(mta.address.iter().map(|a| a.value))).filter(|a| !a.is_empty()),
        trust: joined(mta.trust.iter().map(|t| t.value)),
        peers: peer_views(context, &peers.named(&tables.peers)),
        utf8: expressions.utf8,
        pipelining: release.ends_messages_strictly(),
        line_limit: release.limits_lines(),
        tls: mta.tls.as_ref().map(|t| ServerTls {
            certificate: quote::expanded_item(&t.value.certificate),
            key: quote::expanded_item(&t.value.key),
        }),
        max_size: mta.max_size.map_or(USUAL_SIZE, |s| s.value),
        settings: mta
            .settings
            .as_ref()
            .map(|s| SettingsView { name: quote::comment(&s.value.name), text: s.value.text.trim_end().to_owned() }),
        domain: expressions.domain(),
        acl_row: expressions.address_row("$acl_m_local", "$acl_m_domain"),
        acl_base_row: expressions.address_row("$1", "$acl_m_domain"),
        acl_space: expressions.domain_row("$acl_m_domain"),
        // Only sub-addresses are cut with numbered variables of an `if`.
        stale_numbers: expressions.separator.is_some() && release.reads_stale_numbers(),
        cut: expressions.cut(),
        verifies: tables.verifies,
        limits: routes.limits,
        router_row: expressions.address_row("$r_local", "$r_domain"),
        router_base_row: expressions.address_row("$1", "$r_domain"),
        router_space: expressions.domain_row("$r_domain"),
        local,
        odd: tables.odd,
        utf8_refused: tables.utf8,
        texts: texts(),
        routers: routes.routers,
        transports: routes.transports,
        authenticators: routes.authenticators,
        retry: retry(mta.queue_lifetime.map_or(USUAL_LIFETIME, |l| l.value)),
        places: places(context, mta),
    };
    Ok((view, tables.files))
}

impl View {
    pub(super) fn without_settings(self) -> View {
        View { settings: None, ..self }
    }
}

fn places(context: Context<'_>, mta: &Mta) -> Places {
    let one = |span: Option<Span>| span.map_or_else(String::new, |s| origin(context.sources, s));
    // A list says where each of its items stands; items of one line stand there once.
    let all = |spans: &mut dyn Iterator<Item = Span>| {
        let mut places: Vec<String> = spans.map(|s| origin(context.sources, s)).collect();
        places.dedup();
        let more = places.len().saturating_sub(3);
        places.truncate(3);
        if more > 0 { format!("{} and {more} more", places.join(", ")) } else { places.join(", ") }
    };
    Places {
        hostname: one(Some(mta.hostname.span)),
        listen: all(&mut mta.listen.iter().map(|l| l.span)),
        address: all(&mut mta.address.iter().map(|a| a.span)),
        trust: all(&mut mta.trust.iter().map(|t| t.span)),
        tls: one(mta.tls.as_ref().map(|t| t.span)),
        max_size: one(mta.max_size.map(|s| s.span)),
        settings: one(mta.settings.as_ref().map(|s| s.span)),
        retry: one(mta.queue_lifetime.map(|l| l.span)),
    }
}

fn listen(mta: &Mta) -> String {
    // Only the spelling `::0` is a wildcard, which may share its port with 0.0.0.0 (13.7); `::` would not start.
    let item = |e: &Endpoint| match e.ip {
        IpAddr::V6(ip) if ip.is_unspecified() => format!("::0.{}", e.port),
        ip => format!("{ip}.{}", e.port),
    };
    mta.listen.iter().map(|l| item(&l.value)).collect::<Vec<_>>().join(" ; ")
}

fn joined(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|i| i.to_string()).collect::<Vec<_>>().join(" ; ")
}

fn peer_views(context: Context<'_>, peers: &[Peer]) -> Vec<PeerView> {
    let span = |node| match node {
        crate::plan::Node::Mta(id) => Some(context.plan.mta(id).span),
        crate::plan::Node::System(id) => Some(context.plan.system(id).span),
        crate::plan::Node::Internet | crate::plan::Node::Unknown => None,
    };
    peers
        .iter()
        .map(|p| PeerView {
            name: p.name.clone(),
            origin: span(p.node).map_or_else(String::new, |s| origin(context.sources, s)),
            addresses: joined(p.addresses.iter()),
        })
        .collect()
}

/// The letters to fold by hand: only those that some address has, and those that fold into ASCII.
fn fold_of(plan: &Plan, mta: &Mta) -> Vec<(String, String)> {
    if !mta.takes_utf8() {
        return Vec::new();
    }
    let texts = plan.addresses.ids().map(|id| plan.addresses.text(id)).filter(|t| !t.is_ascii());
    fold_pairs(texts)
}

fn texts() -> Vec<StatusText> {
    vec![
        StatusText { status: "5.1.1", text: "nobody here has this address" },
        StatusText { status: "5.1.2", text: "there is no route to this domain" },
        StatusText { status: "5.6.7", text: "this local part needs SMTPUTF8" },
        StatusText { status: "5.7.1", text: "not accepted" },
    ]
}

/// One rule for all: soon, then at growing intervals, and no longer than the queue's lifetime (32.7).
///
/// Exim counts from the first failure of the host, not from the arrival of the message (32.10): where every host has been
/// down for longer than that, new mail is tried once (`delay_after_cutoff`, in the transports) and then bounces.
fn retry(lifetime: u64) -> String {
    let steps = [(7_200, "F,2h,5m"), (57_600, "G,16h,1h,1.5")];
    let mut rule: Vec<String> =
        steps.iter().filter(|(until, _)| *until < lifetime).map(|(_, step)| (*step).to_owned()).collect();
    let (letter, interval) = match rule.len() {
        0 => ("F", "5m"),
        1 => ("F", "1h"),
        _ => ("F", "6h"),
    };
    rule.push(format!("{letter},{lifetime}s,{interval}"));
    rule.join("; ")
}

/// The sections of the configuration file (6.3).
pub(super) struct Parts {
    head: String,
    pub(super) main: String,
    acl: String,
    routers: String,
    transports: String,
    authenticators: String,
    retry: String,
}

pub(super) fn parts(view: &View) -> Result<Parts, EmitError> {
    let render = |text: &str| template::render(text, view).map_err(EmitError);
    Ok(Parts {
        head: render(include_str!("../../../templates/exim/head.hbs"))?,
        main: render(include_str!("../../../templates/exim/main.hbs"))?,
        acl: render(include_str!("../../../templates/exim/acl.hbs"))?,
        routers: render(include_str!("../../../templates/exim/routers.hbs"))?,
        transports: render(include_str!("../../../templates/exim/transports.hbs"))?,
        authenticators: render(include_str!("../../../templates/exim/authenticators.hbs"))?,
        retry: render("{{#if places.retry}}\n# queue-lifetime ({{places.retry}})\n{{/if}}\n*  *  {{retry}}\n")?,
    })
}

impl Parts {
    fn sections(&self) -> [(&'static str, &str); 5] {
        [
            ("acl", &self.acl),
            ("routers", &self.routers),
            ("transports", &self.transports),
            ("retry", &self.retry),
            ("authenticators", &self.authenticators),
        ]
    }

    /// The whole `exim.conf`.
    pub(super) fn complete(&self) -> String {
        let mut text = format!("{}\n{}", self.head, self.main);
        for (section, body) in self.sections().into_iter().filter(|(_, body)| !body.is_empty()) {
            text.push_str(&format!("\nbegin {section}\n\n{}\n", body.trim_end()));
        }
        text
    }

    /// One file a section, for a server that someone else configures: each is to be included in that section (6.4).
    pub(super) fn snippets(&self) -> Vec<File> {
        let main = ("main", self.main.as_str());
        std::iter::once(main)
            .chain(self.sections())
            .filter(|(_, body)| !body.is_empty())
            .map(|(section, body)| File {
                path: format!("snippet/{section}.conf"),
                content: format!("{}\n{}", self.head, body).into_bytes(),
            })
            .collect()
    }
}
