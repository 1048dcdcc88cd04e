//! Every refusal of a recipient: its enhanced status code (RFC 3463) and what the sender reads.

use super::Decision;
use crate::relay::reply::Status;

pub(super) const NEEDS_UTF8: Decision = of(Status(5, 6, 7), "This server takes ASCII addresses only");
pub(super) const UNQUALIFIED: Decision = of(Status(5, 7, 1), "A recipient needs a mail domain, and no IP address");
pub(super) const NOT_TRUSTED: Decision = of(Status(5, 7, 1), "This server does not relay to that domain for you");
pub(super) const ROUTES_PAST: Decision = of(Status(5, 7, 1), "This server does not relay by way of @, % or !");
pub(super) const NO_ROUTE: Decision = of(Status(5, 1, 2), "No route to that domain");
pub(super) const LOOP: Decision = of(Status(5, 4, 6), "That address leads back to itself: a mistake on this server");

/// An unknown recipient of a domain of ours.
pub(super) const fn unknown(status: Status) -> Decision {
    of(status, "No such recipient here")
}

/// What a server behind this one would say.
pub(super) const fn later(status: Status) -> Decision {
    let text = match status {
        Status(5, 1, 1) => "No such recipient",
        Status(5, 1, 2) => "No route to that domain from the next server",
        Status(5, 6, 7) => "The next server takes ASCII addresses only",
        Status(5, 7, 1) => "The next server does not relay to that recipient",
        _ => "The next server would refuse that recipient",
    };
    of(status, text)
}

const fn of(status: Status, text: &'static str) -> Decision {
    Decision::Refused { status, text }
}
