//! Mistakes that every emitter could make: it reads the plan wrongly, or writes a table wrongly that each target has.

use mailswitch::name::{Domain, Pattern};
use mailswitch::plan::{AddressSpace, Connector, DomainDecl, NextHop, Node, Plan, Spanned, TlsLevel, Unresolved};

use super::super::passes::Pass::{
    Calm, CheapestDown, FirstHostsDown, NoTls, OtherAuthority, OtherName, Shares, TooLarge,
};
use super::{ALL, EXIM, Folder, Mutant, POSTFIX, Pass, RELAY, Targets};

const fn plan(name: &'static str, targets: Targets, pass: Pass, bend: fn(&mut Plan)) -> Mutant {
    Mutant::of_plan(name, targets, pass, bend)
}

const fn rows(name: &'static str, targets: Targets, bend: fn(&mut Folder)) -> Mutant {
    Mutant::of_files(name, targets, Calm, bend)
}

pub(super) const MUTANTS: &[Mutant] = &[
    // Costs, hosts and their order.
    plan("costs are swapped", ALL, Calm, |p| {
        connector(p, "cheap").spaces[0].cost = 20;
        connector(p, "dear").spaces[0].cost = 10;
    }),
    plan("the dearer tier is lost", RELAY, CheapestDown, |p| connector(p, "dear").spaces.clear()),
    plan("of a tie only the first is taken", ALL, Shares, |p| connector(p, "right").spaces.clear()),
    plan("balanced hosts are taken in order", ALL, Shares, |p| *hop(p, "shared").0 = None),
    plan("hosts in order share the load", EXIM, Calm, |p| {
        let span = connector(p, "to-store").span;
        *hop(p, "to-store").0 = Some(span);
    }),
    plan("hosts are tried in the wrong order", POSTFIX, Calm, |p| hop(p, "to-open").1.reverse()),
    plan("the second host is lost", RELAY, FirstHostsDown, |p| hop(p, "to-open").1.truncate(1)),
    plan("a host's port is lost", EXIM, Calm, |p| hop(p, "to-branches").1[0].value.port = None),
    plan("MX records are asked instead of a smart host", POSTFIX, Calm, |p| {
        let must = connector(p, "must");
        must.hop = NextHop::Dns(must.span);
    }),
    plan("a smart host is taken instead of MX records", RELAY, Calm, |p| {
        connector(p, "internet").hop = connector(p, "wide").hop.clone();
    }),
    // Which pattern decides.
    plan("a pattern's subdomains are lost", EXIM, Calm, |p| {
        connector(p, "wide").spaces[0].pattern = exact("wide.example")
    }),
    plan("`*.d` matches d too", ALL, Calm, |p| {
        let space = AddressSpace { pattern: exact("wide.example"), ..connector(p, "wide").spaces[0].clone() };
        connector(p, "wide").spaces.push(space);
    }),
    plan("a short pattern goes before a longer one", POSTFIX, Calm, |p| connector(p, "narrow").spaces.clear()),
    plan("`*` goes before a domain", RELAY, Calm, |p| connector(p, "must").spaces.clear()),
    // How a connector sends.
    plan("LMTP becomes SMTP", EXIM, Calm, |p| connector(p, "to-store").protocol = None),
    plan("TLS is off instead of opportunistic", POSTFIX, Calm, |p| connector(p, "wide").tls.level = TlsLevel::Off),
    plan("TLS is opportunistic instead of required", ALL, NoTls, |p| {
        connector(p, "must").tls.level = TlsLevel::Opportunistic;
    }),
    plan("TLS is required instead of verified", POSTFIX, OtherName, |p| {
        connector(p, "sure").tls.level = TlsLevel::Required
    }),
    plan("nobody has to vouch for a certificate", EXIM, OtherAuthority, |p| {
        connector(p, "named").tls.level = TlsLevel::Required;
    }),
    plan("the file of authorities is lost", POSTFIX, Calm, |p| connector(p, "named").tls.ca = None),
    plan("the name to verify is lost", EXIM, Calm, |p| connector(p, "named").tls.name = None),
    plan("the login is lost", EXIM, Calm, |p| connector(p, "sure").auth = None),
    plan("the source address is lost", ALL, Calm, |p| connector(p, "small").source_address = None),
    plan("a connector's size limit is lost", ALL, TooLarge, |p| connector(p, "small").max_size = None),
    plan("the MTA's size limit is lost", POSTFIX, TooLarge, |p| p.mtas[0].max_size = None),
    // Recipients that nobody has.
    plan("an `unresolved via` is dropped", RELAY, Calm, |p| domain(p, "open.example").unresolved = Unresolved::Reject),
    plan("a domain takes everybody", EXIM, Calm, |p| {
        domain(p, "old.example").unresolved = domain(p, "open.example").unresolved;
    }),
    plan("the next system is not asked", POSTFIX, Calm, |p| {
        let Unresolved::Via { verify, .. } = &mut domain(p, "annex.example").unresolved else { panic!("it rejects") };
        *verify = false;
    }),
    plan("the postmaster rule is lost", RELAY, Calm, |p| p.mtas[0].postmaster = None),
    plan("the hostname is no domain of its own", EXIM, Calm, |p| {
        p.mtas[0].hostname.value = Domain::parse("mx.elsewhere.example").unwrap();
    }),
    // Who may ask.
    plan("the trusted network is a bit too wide", ALL, Calm, |p| {
        p.mtas[0].trust[0].value = "10.0.0.0/23".parse().unwrap();
    }),
    plan("everybody is trusted", EXIM, Calm, |p| p.mtas[0].trust[0].value = "0.0.0.0/0".parse().unwrap()),
    plan("a trusted client is a stranger", RELAY, Calm, |p| p.mtas[0].trust.clear()),
    plan("what the other MTA hands on is refused", EXIM, Calm, |p| {
        let elsewhere = Some(Spanned { value: "10.2.0.99".parse().unwrap(), span: p.mtas[1].span });
        p.mtas[1].address = elsewhere.into_iter().collect();
        connector(p, "outward").source_address = elsewhere;
    })
    .in_pair(),
    // Addresses.
    plan("UTF-8 local parts are taken without SMTPUTF8", POSTFIX, Calm, |p| {
        p.mtas[0].smtputf8 = Some(Spanned { value: true, span: p.mtas[0].span });
    }),
    plan("SMTPUTF8 is lost", RELAY, Calm, |p| p.mtas.iter_mut().for_each(|mta| mta.smtputf8 = None)).in_pair(),
    plan("the separator is lost", EXIM, Calm, |p| p.mtas[0].subaddress = None),
    plan("another separator", POSTFIX, Calm, |p| {
        p.mtas[0].subaddress = Some(Spanned { value: '-', span: p.mtas[0].span })
    }),
    plan("a primary's spelling is lost", ALL, Calm, |p| p.spelled.clear()),
    plan("an account goes by its address space", RELAY, Calm, |p| {
        connector(p, "to-annex").to.value = Node::Internet;
    }),
    rows("an account goes to another system", EXIM, |f| f.move_account("dora@annex.example", "bob@own.example")),
    rows("an account becomes its primary", POSTFIX, |f| f.set_contact("carol@old.example", "carol", "own.example")),
    rows("an account is lost", RELAY, |f| f.drop_account("carol@own.example")),
    rows("a contact is not applied", EXIM, |f| f.drop_contact("a2@own.example")),
    rows("a chain of contacts is followed one step only", POSTFIX, |f| {
        f.drop_contact("maiden@own.example");
        f.move_account("maiden@own.example", "bob@own.example");
    }),
    rows("a key keeps its capitals", RELAY, |f| f.rekey_account("carol@own.example", "Carol@own.example")),
    rows("a blank is not quoted", EXIM, |f| f.rekey_account("\"a b\"@own.example", "a b@own.example")),
    rows("a quotation mark is not quoted", POSTFIX, |f| {
        f.rekey_account("\"a\\\"b\"@own.example", "\"a\"b\"@own.example")
    }),
    rows("a contact's blank is not quoted", RELAY, |f| f.rekey_contact("\"c d\"@own.example", "c d@own.example")),
];

fn connector<'p>(plan: &'p mut Plan, name: &str) -> &'p mut Connector {
    plan.connectors.iter_mut().find(|connector| connector.name == name).unwrap()
}

/// Whether a connector's hosts share the load, and which they are.
fn hop<'p>(
    plan: &'p mut Plan,
    name: &str,
) -> (&'p mut Option<mailswitch::source::Span>, &'p mut Vec<Spanned<mailswitch::name::Host>>) {
    match &mut connector(plan, name).hop {
        NextHop::SmartHosts { balanced, hosts } => (balanced, hosts),
        other => panic!("{name} goes by {other:?}"),
    }
}

fn domain<'p>(plan: &'p mut Plan, name: &str) -> &'p mut DomainDecl {
    plan.domains.iter_mut().find(|decl| decl.pattern.value == exact(name)).unwrap()
}

fn exact(domain: &str) -> Pattern {
    Pattern::Exact(Domain::parse(domain).unwrap())
}
