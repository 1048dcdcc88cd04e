//! Tables that Postfix reads in order: patterns (regexp_table(5)) and networks (cidr_table(5)).

use super::Bundle;
use crate::emit::postfix::{places, quote, replies, view};
use crate::plan::route::Status;

impl Bundle<'_> {
    pub(super) fn rules(&self) -> Vec<(&'static str, view::Rules)> {
        let mut all = vec![
            ("forms", self.forms()),
            ("commands", self.commands()),
            ("trust", self.trust()),
            ("peers", self.peer_rules()),
            ("odd_ours", self.odd_ours()),
            ("past_ours", self.past("the same, where it is not known", &self.places.past_ours)),
        ];
        if !self.places.past.is_empty() {
            let what = "local parts that an MTA further on would refuse";
            all.push(("odd", self.gate(what, "past")));
            all.push(("past", self.past(what, &self.places.past)));
        }
        if !self.places.utf8.is_empty() {
            let lines = within("/[^ -~].*@[^@]*$/", &self.places.utf8);
            all.push((
                "utf8",
                self.rule("local parts that an MTA further on would refuse", "local parts beyond ASCII", lines),
            ));
        }
        if !self.places.leading_contacts.is_empty() {
            let lines = self.places.leading_contacts.clone();
            all.push((
                "leading_contacts",
                self.rule("sub-addresses", "addresses that begin with the separator", lines),
            ));
        }
        if !self.places.leading_accounts.is_empty() {
            let lines =
                self.places.leading_accounts.iter().map(|(pattern, dest)| format!("{pattern} {}", self.value(*dest)));
            let about = "addresses that begin with the separator";
            all.push(("leading_accounts", self.rule("sub-addresses", about, lines.collect())));
        }
        if self.services.iter().any(|(_, details)| details.replies.is_some()) {
            let lines = replies::patterns(self.mta.hostname.value.as_str());
            all.push(("replies", self.rule("lines of an EHLO reply (max-size, auth)", "which line is which", lines)));
        }
        all
    }

    fn rule(&self, what: &'static str, about: &str, lines: Vec<String>) -> view::Rules {
        view::Rules {
            mta: quote::comment(&self.mta.name),
            place: self.place(self.mta.span),
            what,
            blocks: vec![view::Block { about: about.to_owned(), lines }],
        }
    }

    fn forms(&self) -> view::Rules {
        let mut lines = Vec::new();
        if !self.mta.takes_utf8() {
            lines.push(format!("/[^ -~]/ {}", places::refusal(Status::NO_UTF8)));
        }
        lines.push(r"/@\[[^@]*$/ 550 5.7.1 No domain literals and no unqualified addresses".to_owned());
        self.rule(
            "forms of addresses that nobody may ask for",
            "unqualified ones become a domain literal, see `commands`",
            lines,
        )
    }

    /// smtpd(8) completes an unqualified address before any access table sees it, and takes the bare postmaster
    /// before all restrictions (measured), so both are changed in the command itself.
    fn commands(&self) -> view::Rules {
        let rcpt = "RCPT[ \t]+TO:[ \t]*<";
        let postmaster = quote::replacement(&self.places.postmaster);
        let mut lines: Vec<String> = self
            .places
            .folded_away
            .iter()
            .map(|(unicode, domain)| {
                format!("/^({rcpt}.*[@.]){}[.]?>(.*)$/ ${{1}}{domain}>${{2}}", quote::pattern(unicode))
            })
            .collect();
        lines.extend([format!("/^({rcpt})postmaster>(.*)$/ ${{1}}{postmaster}>${{2}}")]);
        if let Some(nobody) = &self.places.double_bounce {
            let hostname = quote::pattern(self.mta.hostname.value.as_str());
            let nobody = quote::replacement(nobody);
            lines.push(format!("/^({rcpt})\"?double-bounce\"?@{hostname}[.]?>(.*)$/ ${{1}}{nobody}>${{2}}"));
        }
        lines.push(format!(r#"/^{rcpt}("([^"\]|\\.)*"|[^"@<>])+>/ RCPT TO:<unqualified@[0.0.0.0]>"#));
        self.rule(
            "SMTP commands, before smtpd reads them",
            "the bare postmaster; the sender of probes; recipients without a domain",
            lines,
        )
    }

    fn trust(&self) -> view::Rules {
        let blocks = self.mta.trust.iter().map(|net| view::Block {
            about: format!("trust ({})", self.place(net.span)),
            lines: vec![format!("{} trusted", net.value.trunc())],
        });
        view::Rules { blocks: blocks.collect(), ..self.rule("clients that may relay anywhere", "", Vec::new()) }
    }

    fn peer_rules(&self) -> view::Rules {
        let blocks = self.peers.iter().enumerate().map(|(index, peer)| view::Block {
            about: self.who(peer),
            lines: self
                .peer_addresses
                .iter()
                .filter(|(_, class)| **class == index)
                .map(|(ip, _)| format!("{ip} {}", peer.class))
                .collect(),
        });
        view::Rules { blocks: blocks.collect(), ..self.rule("those who hand mail on to this MTA", "", Vec::new()) }
    }

    fn gate(&self, what: &'static str, class: &str) -> view::Rules {
        self.rule(what, "local parts with @, % or !", vec![format!("/[@%!].*@[^@]*$/ {class}")])
    }

    fn odd_ours(&self) -> view::Rules {
        let refused = places::refusal(Status::RELAY_DENIED);
        let word = |relay: bool| if relay { refused.as_str() } else { "past_ours" };
        let relays = self.places.relays.iter();
        let mut lines: Vec<String> = relays.map(|(end, relay)| format!("/[@%!].*{end}/ {}", word(*relay))).collect();
        lines.push("/[@%!].*@[^@]*$/ past_ours".to_owned());
        let what = "what is asked from outside for local parts that would route past us";
        self.rule(what, "local parts with @, % or !", lines)
    }

    fn past(&self, what: &'static str, lines: &[String]) -> view::Rules {
        self.rule(what, "known addresses; then domains, the most specific first", lines.to_vec())
    }
}

/// Lines that hold only for what a condition matches.
fn within(condition: &str, lines: &[String]) -> Vec<String> {
    let mut all = vec![format!("if {condition}")];
    all.extend(lines.iter().cloned());
    all.push("endif".to_owned());
    all
}
