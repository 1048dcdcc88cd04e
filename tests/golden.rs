//! Golden cases and examples: small estates, each with the diagnostics and the routes that it must give.
//!
//! A case is a folder below `tests/golden`, and each example below `examples` is one too:
//!
//! - `routing.dsl` and what it names; its head says what it is there for: `# covers: field:mta.listen, code:loop::mx`
//!   (`coverage` holds the list of what must be covered);
//! - `diagnostics.txt`: what `mailswitch check --format plain` prints; a case without it, and every example, is clean;
//! - `routes.txt`: what becomes of an address. The plan must agree with every line, and so must real MTAs (`real`);
//! - `targets.txt`, where not every MTA can be what the case asks: `postfix: why not`;
//! - `world.txt`, for real MTAs: `down HOST`, where nothing answers;
//! - `postfix/`, `exim/`, `relay/`: the files that are emitted, for the few cases that have such folders.
//!
//! A line of `routes.txt` is empty, a comment (`# …`) or a route:
//!
//! ```text
//! route   = question " -> " outcome
//! question = ["at" MTA] ["from anyone" | "from <>"] recipient *("&" recipient)
//! recipient = ADDRESS ["written" "<" WIRE ">"]
//! outcome = "delivered" NODE ["as" ADDRESS] ["via" CONNECTOR]
//!         | "bounced" [NODE] STATUS ["as" ADDRESS] ["via" CONNECTOR]
//!         | "rejected" STATUS | "unroutable" STATUS | "looped"
//! ```
//!
//! Without `at` it is asked at every MTA; without `from` by a trusted client, and `from <>` is such a client with a null
//! sender. Several recipients go into one message. `WIRE` is what stands in the SMTP command where that is not ADDRESS.
//! `as` is the recipient in normal form where it is not the one that was asked for. A question with several outcomes has
//! a line for each, and there are no others.
//!
//! `SNAPSHOTS=overwrite` writes `diagnostics.txt` and the emitted folders anew. `GOLDEN=part-of-a-name` runs some cases only.

pub(crate) mod case;
mod checks;
mod coverage;
pub(crate) mod real;
pub(crate) mod routes;
