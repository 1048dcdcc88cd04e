//! The fields of each declaration: what follows their keywords.

use super::ast::{AddressSpace, Bulk, Column, ConnectorField, ContactField, DomainField, MtaField, SystemField, Text};
use super::block::Head;
use super::keyword::Place;
use super::parser::{Parsed, Parser};
use super::token::Kind;

type Parse<'a> = Parser<'a>;

pub(super) fn mta(p: &mut Parse<'_>, keyword: &str, head: &Head) -> Parsed<MtaField> {
    Ok(match keyword {
        "target" => {
            let kind = p.argument("`postfix`, `exim` or `relay`")?;
            MtaField::Target { kind, version: optional_word(p) }
        }
        "maps" => MtaField::Maps(p.argument("`cdb`, `lmdb`, `texthash` or `lsearch`")?),
        "hostname" => MtaField::Hostname(p.argument("a domain")?),
        "listen" => MtaField::Listen(words(p, "an address to listen on", head)?),
        "address" => MtaField::Address(words(p, "an IP address", head)?),
        "trust" => MtaField::Trust(words(p, "a network", head)?),
        "postmaster" => MtaField::Postmaster(p.argument("an address")?),
        "tls" => {
            p.keyword("certificate")?;
            let certificate = p.either("a file")?;
            p.keyword("key")?;
            MtaField::Tls { certificate, key: p.either("a file")? }
        }
        "max-size" => MtaField::MaxSize(p.argument("a size")?),
        "queue-lifetime" => MtaField::QueueLifetime(p.argument("a duration")?),
        "subaddress" => MtaField::Subaddress(p.either("a separator")?),
        "smtputf8" => MtaField::Smtputf8(p.argument("`yes` or `no`")?),
        "milter" => MtaField::Milter(p.argument("a host")?),
        "settings" => MtaField::Settings(p.either("a file")?),
        _ => MtaField::Emit(p.argument("`complete` or `tables`")?),
    })
}

pub(super) fn system(p: &mut Parse<'_>, keyword: &str, head: &Head) -> Parsed<SystemField> {
    Ok(match keyword {
        "domain" => SystemField::Domain(words(p, "a domain", head)?),
        "account" => SystemField::Account(words(p, "an address", head)?),
        "accounts" => SystemField::AccountsFrom(bulk(p, head)?),
        "address" => SystemField::Address(words(p, "an IP address", head)?),
        "forwards" => {
            let pattern = p.argument("a domain")?;
            p.keyword("to")?;
            SystemField::Forwards { pattern, to: p.argument("the name of a system or mta, or `internet`")? }
        }
        _ => SystemField::Authoritative(words(p, "a domain", head)?),
    })
}

pub(super) fn domain(p: &mut Parse<'_>, keyword: &str, head: &Head) -> Parsed<DomainField> {
    Ok(match keyword {
        "unresolved" if p.eat("reject").is_some() => DomainField::UnresolvedReject,
        "unresolved" if p.eat("via").is_some() => {
            let connector = p.argument("the name of a connector")?;
            DomainField::UnresolvedVia { connector, verify: p.eat("verify") }
        }
        "unresolved" => return Err(p.expected("`reject` or `via`")),
        "verify" => DomainField::Verify,
        "on" => DomainField::On(words(p, "the name of an mta", head)?),
        _ => DomainField::Mx(words(p, "the name of an mta or system", head)?),
    })
}

pub(super) fn connector(p: &mut Parse<'_>, keyword: &str, head: &Head) -> Parsed<ConnectorField> {
    Ok(match keyword {
        "from" => ConnectorField::From(words(p, "the name of an mta", head)?),
        "to" => ConnectorField::To(p.argument("the name of a system or mta, or `internet`")?),
        "address-space" => ConnectorField::AddressSpace(p.list("a domain", head.place, address_space)?),
        "cost" => ConnectorField::Cost(p.argument("a number")?),
        "smart-host" => {
            let balanced = balanced(p);
            ConnectorField::SmartHost { balanced, hosts: words(p, "a host", head)? }
        }
        "dns" => ConnectorField::Dns,
        "protocol" => ConnectorField::Protocol(p.argument("`smtp`, `smtps` or `lmtp`")?),
        "tls" => {
            let level = p.argument("`off`, `opportunistic`, `required` or `verified`")?;
            let name = if p.eat("name").is_some() { Some(p.argument("a domain")?) } else { None };
            let ca = if p.eat("ca").is_some() { Some(p.either("a file")?) } else { None };
            ConnectorField::Tls { level, name, ca }
        }
        "auth" => {
            let user = p.either("a user name")?;
            p.keyword("password")?;
            p.keyword("file")?;
            ConnectorField::Auth { user, file: p.either("a file")? }
        }
        "source-address" => ConnectorField::SourceAddress(p.argument("an IP address")?),
        "concurrency" => ConnectorField::Concurrency(p.argument("a number")?),
        _ => ConnectorField::MaxSize(p.argument("a size")?),
    })
}

pub(super) fn contact(p: &mut Parse<'_>, keyword: &str, head: &Head) -> Parsed<ContactField> {
    Ok(match keyword {
        "primary" => ContactField::Primary(p.argument("an address")?),
        _ => ContactField::Secondary(words(p, "an address", head)?),
    })
}

pub(super) fn column(p: &mut Parse<'_>, _: &str, _: &Head) -> Parsed<Text> {
    p.either("the name of a column")
}

/// `from FILE` and its columns.
pub(super) fn bulk(p: &mut Parse<'_>, head: &Head) -> Parsed<Bulk> {
    let keyword = p.last;
    p.keyword("from")?;
    let file = p.either("a file")?;
    let parent = (head.place == Place::System).then_some(Place::System);
    let head = Head { place: Place::Columns, span: keyword.to(file), indent: head.indent, parent };
    let fields = match p.open(&head) {
        Some(opening) => p.fields(head, opening, column).list,
        None => Vec::new(),
    };
    let columns = fields.into_iter().map(|f| Column { ours: f.keyword, theirs: f.kind }).collect();
    Ok(Bulk { file, columns })
}

fn words(p: &mut Parse<'_>, what: &str, head: &Head) -> Parsed<Vec<Text>> {
    p.list(what, head.place, Parser::argument)
}

fn address_space(p: &mut Parse<'_>, what: &str) -> Parsed<AddressSpace> {
    let pattern = p.argument(what)?;
    let cost = if p.eat("cost").is_some() { Some(p.argument("a number")?) } else { None };
    Ok(AddressSpace { pattern, cost })
}

/// `balanced` is a keyword where a host follows, and else a host of that name.
fn balanced(p: &mut Parse<'_>) -> Option<Text> {
    let saved = p.save();
    let balanced = p.eat("balanced")?;
    if p.token.kind == Kind::Word {
        return Some(balanced);
    }
    p.rewind(&saved);
    None
}

fn optional_word(p: &mut Parse<'_>) -> Option<Text> {
    (p.token.kind == Kind::Word).then(|| p.bump())
}
