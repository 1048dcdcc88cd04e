//! The Exim target: one `exim.conf`, the tables beside it, found by `$config_dir` so that the folder may lie anywhere.
//!
//! Exim works the language's steps one at a time: a router looks the address up, another rewrites it and lets Exim
//! route the result anew, and each way out has a router and a transport of its own. The RCPT ACL asks the same
//! routers (`verify = recipient`), so that what is accepted is what is routed. Chapters and sections named in this
//! module and below are those of the Exim specification.

use super::{Context, EmitError, Feature, File, Target, Unsupported};
use crate::plan::{EmitMode, MtaId, TargetKind};

mod expr;
mod groups;
mod options;
mod peers;
pub mod quote;
mod refuse;
mod routes;
mod settings;
mod tables;
mod version;
mod view;

pub struct Exim;

impl Target for Exim {
    fn kind(&self) -> TargetKind {
        TargetKind::Exim
    }

    fn refuses(&self, context: Context<'_>, mta: MtaId, feature: Feature<'_>) -> Option<Unsupported> {
        refuse::refuses(context, mta, feature)
    }

    fn render(&self, context: Context<'_>, mta: MtaId) -> Result<Vec<File>, EmitError> {
        let (view, mut files) = view::view(context, mta)?;
        let parts = view::parts(&view)?;
        match context.plan.mta(mta).emits() {
            EmitMode::Complete => {
                files.push(File { path: "exim.conf".to_owned(), content: parts.complete().into_bytes() });
            }
            EmitMode::Tables => files.extend(parts.snippets()),
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}
