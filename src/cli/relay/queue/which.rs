//! Which messages are meant: their names, and filters.

use crate::cli::outcome::Failure;
use crate::cli::relay::words::read_duration;
use crate::name::printable;
use crate::relay::admin::filter::Filter;
use crate::relay::admin::protocol::State;
use crate::relay::envelope::QueueId;

#[derive(Debug, clap::Args)]
pub(super) struct Ids {
    /// Messages by their names in the queue
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Messages of this sender; `<>` is the empty one
    #[arg(long, help_heading = "Filters", value_name = "PATTERN")]
    sender: Option<String>,

    /// Messages to this recipient, as it goes out or as it was asked for
    #[arg(long, help_heading = "Filters", value_name = "PATTERN")]
    recipient: Option<String>,

    /// Messages that may leave by this connector
    #[arg(long, help_heading = "Filters", value_name = "PATTERN")]
    connector: Option<String>,

    /// Messages that failed for a reason with this in it
    #[arg(long, help_heading = "Filters", value_name = "TEXT")]
    reason: Option<String>,

    /// Messages in this state
    #[arg(long, help_heading = "Filters", value_enum)]
    state: Option<Named>,

    /// Messages in the queue for this long at least: 90s, 30m, 4h, 2d
    #[arg(long, help_heading = "Filters", value_name = "AGE", value_parser = read_duration)]
    older: Option<u64>,

    /// Messages in the queue for this long at most
    #[arg(long, help_heading = "Filters", value_name = "AGE", value_parser = read_duration)]
    newer: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Named {
    /// Being sent, or next in turn
    Active,
    /// Tried, and waiting for the next time
    Deferred,
    /// Held by somebody
    Held,
}

impl Ids {
    pub(super) fn parse(&self) -> Result<Vec<QueueId>, Failure> {
        let read = |text: &String| {
            text.parse().map_err(|()| {
                Failure::new(format!("`{}` is no message's name: those have 13 letters and digits", printable(text)))
            })
        };
        self.ids.iter().map(read).collect()
    }
}

impl Filters {
    pub(super) fn with(&self, ids: &Ids) -> Result<Filter, Failure> {
        let state = self.state.map(|state| match state {
            Named::Active => State::Active,
            Named::Deferred => State::Deferred,
            Named::Held => State::Held,
        });
        Ok(Filter {
            ids: ids.parse()?,
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            connector: self.connector.clone(),
            reason: self.reason.clone(),
            state,
            older: self.older,
            newer: self.newer,
            until: None,
        })
    }
}
