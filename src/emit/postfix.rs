//! Postfix: `main.cf`, `master.cf` and tables, to be laid over a packaged `/etc/postfix`.
//!
//! Every domain of ours is a relay domain. Contacts are virtual aliases, accounts and address spaces are transport
//! entries, and an entry that says `error:` is what makes smtpd(8) refuse a recipient at RCPT time; virtual aliases
//! come first there, so that a contact in such a domain passes.

use crate::emit::{Context, EmitError, Feature, File, Target, Unsupported};
use crate::plan::{Maps, MtaId, TargetKind};

mod connectors;
mod meaning;
mod peers;
mod places;
pub mod quote;
mod render;
mod replies;
pub mod secrets;
mod settings;
mod tables;
mod version;
mod view;

#[derive(Debug)]
pub struct Postfix;

impl Target for Postfix {
    fn kind(&self) -> TargetKind {
        TargetKind::Postfix
    }

    fn refuses(&self, context: Context<'_>, mta: MtaId, feature: Feature<'_>) -> Option<Unsupported> {
        match feature {
            Feature::Version(version) => match version::release(Some(version)) {
                Some(_) => None,
                None => no("this release of Postfix is none that mailswitch writes for", "name one from 3.5 to 3.11"),
            },
            Feature::Maps(maps) => refuses_maps(context, maps),
            Feature::Milter | Feature::ServerTls | Feature::Smtputf8 | Feature::TablesOnly | Feature::Verify => None,
            Feature::Subaddress(separator) => refuses_separator(separator),
            Feature::Settings => refuses_settings(context, mta),
            Feature::Connector(id) => connectors::refuses(context, mta, context.plan.connector(id)),
            Feature::Group(tiers) => connectors::conflict(context, mta, &meaning::group_of(tiers)),
        }
    }

    fn render(&self, context: Context<'_>, mta: MtaId) -> Result<Vec<File>, EmitError> {
        render::files(context, mta)
    }
}

fn no(message: impl Into<String>, help: impl Into<String>) -> Option<Unsupported> {
    Some(Unsupported { message: message.into(), help: help.into(), span: None })
}

fn refuses_maps(context: Context<'_>, maps: Maps) -> Option<Unsupported> {
    let addresses = &context.plan.addresses;
    match maps {
        Maps::Cdb | Maps::Lmdb => None,
        Maps::Texthash => {
            let comment = addresses.ids().find(|&id| addresses.text(id).starts_with('#'))?;
            no(
                format!(
                    "`{}` begins with `#`, which makes a line of a texthash table a comment (postmap(1), INPUT FILE FORMAT)",
                    crate::name::printable(addresses.text(comment))
                ),
                "use `maps cdb`, which holds any address",
            )
        }
        Maps::Lsearch => {
            no("lsearch tables are Exim's; Postfix has none", "use `maps cdb`, `maps lmdb` or `maps texthash`")
        }
    }
}

/// `@`, quotes and backslashes have a meaning of their own in an address; Postfix compares octets, so that a character
/// of several is several separators (postconf(5), recipient_delimiter).
fn refuses_separator(separator: char) -> Option<Unsupported> {
    if separator.is_ascii_graphic() && !"@\"\\".contains(separator) {
        return None;
    }
    no("Postfix cannot have this separator for sub-addresses (postconf(5), recipient_delimiter)", "use `+` or `-`")
}

fn refuses_settings(context: Context<'_>, mta: MtaId) -> Option<Unsupported> {
    let settings = context.plan.mta(mta).settings.as_ref()?;
    let theirs = match settings::parameters(&settings.value.text) {
        Ok(names) => names,
        Err(line) => {
            return no(
                format!("`{}` has a line that sets no parameter: `{line}`", settings.value.name),
                "write `name = value`, as in main.cf; a line that goes on begins with a blank",
            );
        }
    };
    let ours = render::parameters(context, mta).ok()?;
    let both = theirs.intersection(&ours).next()?;
    no(
        format!("`{}` sets `{both}`, which the compiler sets too", settings.value.name),
        "take it out of the file: what it says follows from the source",
    )
}
