//! The project's own relay: `relay.yaml`, serialised from the relay's own types, and its tables.

use super::{Context, EmitError, Feature, File, Target, Unsupported};
use crate::plan::{EmitMode, Maps, MtaId, TargetKind, Version};
use crate::relay::config::{Config, VERSION, parse, parse_settings, write};

mod comment;
mod known;
mod routing;
mod server;
mod tables;

/// What `emit tables` leaves to be pasted into a `relay.yaml`.
const SNIPPET: &str = "routing.yaml";
const CONFIG: &str = "relay.yaml";

#[derive(Debug)]
pub struct Relay;

impl Target for Relay {
    fn kind(&self) -> TargetKind {
        TargetKind::Relay
    }

    fn refuses(&self, context: Context<'_>, mta: MtaId, feature: Feature<'_>) -> Option<Unsupported> {
        match feature {
            Feature::Version(version) => version_refused(version),
            Feature::Maps(Maps::Cdb) => None,
            Feature::Maps(Maps::Lmdb | Maps::Texthash | Maps::Lsearch) => {
                no("the relay reads cdb tables only", "write `maps cdb`, or take the line out")
            }
            Feature::Settings => settings_refused(context, mta),
            Feature::Milter
            | Feature::ServerTls
            | Feature::Smtputf8
            | Feature::Subaddress(_)
            | Feature::TablesOnly
            | Feature::Verify
            | Feature::Connector(_)
            | Feature::Group(_) => None,
        }
    }

    fn render(&self, context: Context<'_>, mta: MtaId) -> Result<Vec<File>, EmitError> {
        let known = known::Known::new(context, mta);
        let mut files = tables::files(&known)?;
        let routing = routing::routing(&known);
        let comments = comment::Comments::new(context, mta, &known);
        if context.plan.mta(mta).emits() == EmitMode::Tables {
            let text = comments.put_into(&write(&routing).map_err(EmitError)?, 0);
            files.push(File { path: SNIPPET.into(), content: text.into_bytes() });
            return Ok(files);
        }
        let settings = server::settings(context, mta)?;
        let config = Config { version: VERSION, server: server::server(context, mta), routing, settings };
        let text = comments.put_into(&write(&config).map_err(EmitError)?, 2);
        if parse(&text).as_ref() != Ok(&config) {
            return Err(EmitError("relay.yaml would not read back as what it says".into()));
        }
        files.push(File { path: CONFIG.into(), content: text.into_bytes() });
        Ok(files)
    }
}

fn no(message: impl Into<String>, help: impl Into<String>) -> Option<Unsupported> {
    Some(Unsupported { message: message.into(), help: help.into(), span: None })
}

/// The relay has the versions of this package.
fn version_refused(version: Version) -> Option<Unsupported> {
    let own = env!("CARGO_PKG_VERSION");
    let mut parts = own.split('.').filter_map(|part| part.parse::<u32>().ok());
    let newest = (parts.next()?, parts.next()?, parts.next()?);
    let asked = (version.major, version.minor, version.patch.unwrap_or(0));
    if asked <= newest {
        return None;
    }
    no(format!("there is no relay {version} yet"), format!("the newest that this mailswitch knows is {own}"))
}

fn settings_refused(context: Context<'_>, mta: MtaId) -> Option<Unsupported> {
    let settings = context.plan.mta(mta).settings.as_ref()?;
    let keys = match parse_settings(&settings.value.text) {
        Ok(mapping) => mapping,
        Err(error) => {
            let message = format!("`{}` is no mapping of settings in YAML", settings.value.name);
            let at = error.place.map(|(line, column)| format!("line {line}, column {column}: ")).unwrap_or_default();
            return no(message, format!("{at}{}", error.message));
        }
    };
    let ours = ["version", "server", "routing", "settings"];
    let set = keys.keys().filter_map(|key| key.as_str()).find(|key| ours.contains(key))?;
    no(
        format!("`{set}` in `{}` is set by the compiler too", settings.value.name),
        "take it out: the routing file says it",
    )
}
