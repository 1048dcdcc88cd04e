//! Who may ask for what: the restriction classes of smtpd(8).

use super::Bundle;
use crate::emit::postfix::peers::Peer;
use crate::emit::postfix::{places, quote, view};
use crate::plan::Node;

impl Bundle<'_> {
    pub(super) fn classes(&self) -> Vec<view::Class> {
        let access = |table: String| format!("check_recipient_access {table}");
        let regexp = |name: &str| access(format!("regexp:$config_directory/{name}"));
        let class = |name: &str, checks: Vec<String>| view::Class { name: name.to_owned(), checks, place: None };
        let mut taken = Vec::new();
        for (name, table) in [("refused", &self.places.refused), ("verify", &self.places.verify)] {
            if !table.is_empty() {
                taken.push(access(self.kind.reference(name)));
            }
        }
        taken.push("permit".to_owned());
        let utf8: Vec<String> = (!self.places.utf8.is_empty()).then(|| regexp("utf8")).into_iter().collect();
        // A known address with a detail that has routing characters: only the tables know that it is known.
        let known = |and_then: &str| -> Vec<String> {
            let maps = self.known_maps();
            maps.into_iter().map(|map| access(format!("pipemap:{{{map}, static:{and_then}}}"))).collect()
        };
        let mut trusted = utf8.clone();
        let mut ours = vec![regexp("odd_ours")];
        let mut classes = Vec::new();
        if !self.places.past.is_empty() {
            trusted.push(regexp("odd"));
            classes.push(class("past", [known("taken"), vec![regexp("past")]].concat()));
        }
        classes.push(class("past_ours", [known("trusted"), vec![regexp("past_ours")]].concat()));
        trusted.push("taken".to_owned());
        ours.push("trusted".to_owned());
        classes.extend([class("taken", taken), class("trusted", trusted), class(places::OURS, ours)]);
        for peer in &self.peers {
            let mut checks = vec![access(self.kind.reference(&peer.class))];
            if peer.any {
                checks.push("trusted".to_owned());
            }
            classes.push(view::Class { name: peer.class.clone(), checks, place: Some(self.who(peer)) });
        }
        classes
    }

    /// The tables whose every key is a whole known address, where a detail may hide one.
    fn known_maps(&self) -> Vec<String> {
        if self.mta.separator().is_none() {
            return Vec::new();
        }
        let mut maps = vec![self.kind.reference("contacts"), self.kind.reference("accounts")];
        maps.extend(self.pools("accounts", self.places.accounts.iter().map(|(_, dest)| dest)));
        maps
    }

    pub(super) fn who(&self, peer: &Peer) -> String {
        let plan = self.context.plan;
        let names: Vec<String> = peer
            .nodes
            .iter()
            .map(|&node| {
                let place = match node {
                    Node::Mta(id) => self.place(plan.mta(id).span),
                    Node::System(id) => self.place(plan.system(id).span),
                    Node::Internet | Node::Unknown => String::new(),
                };
                format!("{} ({place})", quote::comment(plan.node_name(node)))
            })
            .collect();
        format!("what {} may relay", names.join(" and "))
    }
}
