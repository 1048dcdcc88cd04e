//! `mailswitch trace`: where an address goes, step by step.

use std::io::{self, Write};
use std::path::PathBuf;

use super::estate::{Estate, Source};
use super::outcome::{Failure, Outcome, Verdict};
use super::stream;
use crate::diagnostic::human::plural;
use crate::name::{nearest, printable};
use crate::plan::route::Router;
use crate::plan::route::decide::Asker;
use crate::plan::route::outcome::Ways;
use crate::plan::{MtaId, Plan, Question};

pub(super) mod json;
pub(super) mod text;

/// Show where an address goes, and which lines of the source decide it
///
/// The path is printed step by step, asked at every MTA in the order of the file unless --at names one. An address may
/// have several outcomes (equal costs, a system that may forward): each is printed, the worst first. An estate with
/// errors is still traced where it can be.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch trace ann@contoso.com
  mailswitch trace ann@contoso.com nobody@contoso.com --at hub --untrusted
  mailswitch trace postmaster --format json | jq '.[].fate'

Exit status: 0 whatever the fate of the address; 2 where an argument is no address or names no MTA.")]
pub(super) struct Args {
    /// Addresses to follow (bare `postmaster` is one)
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<String>,

    /// The routing file
    #[arg(long, value_name = "FILE", default_value = "routing.dsl")]
    file: PathBuf,

    /// Ask at this MTA only
    #[arg(long, value_name = "MTA")]
    at: Option<String>,

    /// Ask as anyone, not as a client in `trust`
    #[arg(long)]
    untrusted: bool,

    /// Follow dearer connectors too, which are used when cheaper ones fail
    #[arg(long)]
    all: bool,

    /// How to print the paths
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// An address as it was asked, and what it means.
struct Asked<'a> {
    written: &'a str,
    question: Question,
}

pub(super) fn run(args: &Args) -> Outcome {
    let asked = args.addresses.iter().map(|written| ask(written)).collect::<Result<Vec<_>, _>>()?;
    let estate = Estate::open(&args.file, &args.source)?;
    let mtas = mtas(&estate.plan, args)?;
    let errors = estate.errors();
    if errors > 0 {
        let has = plural(errors, "error");
        stream::complain(&format!("mailswitch: {} has {has}: what is traced may change", args.file.display()));
    }
    let router = Router::new(&estate.plan);
    let mut out = stream::stdout();
    match args.format {
        Format::Json => json::write(rows(&router, args, &asked, &mtas), &estate, &mut out)?,
        Format::Text => print(&router, &estate, args, &asked, &mtas, &mut out)?,
    }
    out.flush()?;
    Ok(Verdict::Good)
}

fn ask(written: &str) -> Result<Asked<'_>, Failure> {
    // As it stands in an SMTP command, for those who paste it from a log.
    let bare = written.strip_prefix('<').and_then(|w| w.strip_suffix('>')).unwrap_or(written);
    let question = Question::parse(bare).map_err(|e| {
        let help = e.help.map(|help| format!(" ({help})")).unwrap_or_default();
        Failure::new(format!("{}{help}", e.message))
    })?;
    Ok(Asked { written, question })
}

fn mtas(plan: &Plan, args: &Args) -> Result<Vec<MtaId>, Failure> {
    let Some(name) = &args.at else { return Ok(plan.mta_ids().collect()) };
    if let Some(id) = plan.mta_ids().find(|&id| plan.mta(id).name == *name) {
        return Ok(vec![id]);
    }
    let known = plan.mtas.iter().map(|mta| mta.name.as_str());
    let help = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::new(format!("no MTA of {} is called `{}`; {help}", args.file.display(), printable(name))))
}

/// One address at one MTA, with its outcomes.
struct Row<'a> {
    written: &'a str,
    mta: MtaId,
    outcomes: Vec<crate::plan::route::outcome::Outcome>,
}

fn rows<'a>(
    router: &'a Router<'_>,
    args: &'a Args,
    asked: &'a [Asked<'a>],
    mtas: &'a [MtaId],
) -> impl Iterator<Item = Row<'a>> {
    let asker = if args.untrusted { Asker::Anyone } else { Asker::Trusted };
    let ways = Ways { dearer: args.all, ..Ways::default() };
    asked.iter().flat_map(move |a| {
        mtas.iter().map(move |&mta| Row {
            written: a.written,
            mta,
            outcomes: router.outcomes(mta, asker, &a.question, ways),
        })
    })
}

fn print(
    router: &Router<'_>,
    estate: &Estate,
    args: &Args,
    asked: &[Asked<'_>],
    mtas: &[MtaId],
    out: &mut dyn Write,
) -> io::Result<()> {
    for (i, row) in rows(router, args, asked, mtas).enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let strong = stream::STRONG;
        writeln!(out, "{strong}{}{strong:#} at {}", printable(row.written), estate.plan.mta(row.mta).name)?;
        if row.outcomes.is_empty() {
            writeln!(out, "  unknown: a name on its way is not declared")?;
        }
        for outcome in &row.outcomes {
            text::outcome(outcome, &estate.plan, &estate.sources, out)?;
        }
    }
    Ok(())
}
