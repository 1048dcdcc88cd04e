//! What is wrong with an estate, and which statements have to do with it.

use mailswitch::check::check;
use mailswitch::diagnostic::{Diagnostic, Diagnostics, Severity};
use mailswitch::emit::{Context, feature};
use mailswitch::plan::Plan;
use mailswitch::plan::proof::Proof;
use mailswitch::plan::route::Router;
use mailswitch::source::Sources;

use super::build::strict_by_dns;
use crate::oracle::dsl::{Statement, statements};
use crate::oracle::estate::Estate;
use crate::properties::read;

#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    /// Statements, each with a line of its text.
    pub(crate) places: Vec<(Statement, usize)>,
}

/// Every error, and where an MTA cannot know who hands mail to it: there the meaning takes for granted what no server
/// can do.
pub(crate) fn faults(estate: &Estate) -> Vec<Fault> {
    let statements = statements(estate);
    let (plan, sources, mut found) = read(statements.iter().map(|(_, text)| text.as_str()).collect());
    found.extend(reported(&plan, &sources));
    let lines = lines(&statements);
    let wrong = |d: &&Diagnostic| d.code.severity == Severity::Error || d.code.name == "hop::untrusted";
    let place = |d: &Diagnostic| {
        let lines_of = d.labels.iter().filter_map(|label| {
            let source = sources.get(label.span.file);
            lines.get(source.line_of(label.span.start as usize)).copied()
        });
        lines_of.collect()
    };
    let fault = |d: &Diagnostic| Fault { code: d.code.name, places: place(d) };
    let mut faults: Vec<Fault> = found.iter().filter(wrong).map(fault).collect();
    if strict_by_dns(estate) && estate.mtas.iter().any(|mta| mta.tls.is_none()) {
        // Mail to that MTA would wait for ever, and rightly so.
        faults.push(Fault { code: "tls::absent", places: Vec::new() });
    }
    faults
}

/// What `mailswitch build` would report of a plan.
pub(super) fn reported(plan: &Plan, sources: &Sources) -> Vec<Diagnostic> {
    let router = Router::new(plan);
    let mut found = Diagnostics::default();
    check(&Proof::new(&router), &mut found);
    found.extend(feature::unsupported(Context { plan, router: &router, sources }));
    found.into_list()
}

/// Which statement each line of the file belongs to.
fn lines(statements: &[(Statement, String)]) -> Vec<(Statement, usize)> {
    statements.iter().flat_map(|(s, text)| (0..text.lines().count()).map(|line| (*s, line))).collect()
}
