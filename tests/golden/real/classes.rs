//! Beside the routes that are written down: one address of every class that the compiler's proof is made of.

use std::collections::BTreeSet;

use mailswitch::plan::classes::classes;
use mailswitch::plan::route::Router;
use mailswitch::plan::{Plan, Question};

use crate::golden::routes::{Recipient, Route, planned};

/// Each class at each MTA, asked by anyone and, where there are such, by a trusted client.
pub(crate) fn class_routes(plan: &Plan, known: &[Route]) -> Vec<Route> {
    let router = Router::new(plan);
    let asked: BTreeSet<&str> = known.iter().map(|route| route.text.as_str()).collect();
    let mut routes = Vec::new();
    for class in classes(plan) {
        let address = match &class.question {
            Question::Address(mailbox) => mailbox.as_str().to_owned(),
            Question::Postmaster => "postmaster".to_owned(),
            Question::Unroutable(text) => text.clone(),
        };
        for mta in plan.mta_ids() {
            for anyone in [false, true] {
                let name = &plan.mta(mta).name;
                let route = Route {
                    text: format!("at {name} {}{address}", if anyone { "from anyone " } else { "" }),
                    at: Some(name.clone()),
                    anyone,
                    null_sender: false,
                    recipients: vec![Recipient { address: address.clone(), wire: address.clone() }],
                    outcomes: BTreeSet::new(),
                };
                let askable = anyone || !plan.mta(mta).trust.is_empty();
                if askable && !asked.contains(route.text.as_str()) {
                    let outcomes = planned(&router, mta, &route);
                    routes.push(Route { outcomes, ..route });
                }
            }
        }
    }
    routes
}
