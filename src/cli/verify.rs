//! `mailswitch verify`: the estate on real MTAs, with real mail, held against the plan.

use std::io::Write;
use std::path::PathBuf;

use super::estate::{self, Estate, Source};
use super::outcome::{Failure, Outcome, Verdict};
use super::progress::Progress;
use super::stream;
use crate::diagnostic::human::plural;
use crate::emit::{Context, feature};
use crate::plan::route::Router;
use crate::plan::{EmitMode, MtaId, Plan, TargetKind};
use crate::verify::ask::{Ask, asks};
use crate::verify::forms;
use crate::verify::share::{self, Share};
use crate::verify::weather::{Weather, storms};
use crate::verify::{self, Means, Part, Report};

mod host;
mod json;
mod junit;
mod text;

use host::Host;

/// Run the estate on real MTAs and compare what they do with what the file says
///
/// Builds the estate, starts every MTA of it in a private network (Postfix and Exim as they are installed here, and
/// mailswitch's own relay), with a server of this command's own in the place of each smart host and mail exchanger. Sends
/// a message for every class of addresses, as a trusted client and as anyone, and compares what was refused, and where,
/// as what and how the rest came out, with what the file says. Then again with smart hosts down, without TLS, with
/// messages that are too large, and with a thousand messages where a load is shared.
///
/// Nothing of this machine is touched: the MTAs run in name spaces of their own, on files that are gone afterwards, and
/// end with the command. It needs root and the right to make namespaces: in a container, --privileged.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch verify
  mailswitch verify site.dsl --target postfix --target exim --target relay
  mailswitch verify --format junit > verify.xml
  mailswitch verify --over /opt/exim            an Exim that is unpacked below /opt/exim

Exit status:
  0  every MTA did what the file says
  1  one did not, or the file has errors
  2  the command could not be run: none of the MTAs is on this machine, or it cannot be given a network of its own")]
pub(super) struct Args {
    /// The routing file
    #[arg(value_name = "FILE", default_value = "routing.dsl")]
    file: PathBuf,

    /// Run every MTA as this target instead of its own; may be said several times, for a run each
    #[arg(long, value_enum)]
    target: Vec<estate::Kind>,

    /// Ask about this many literal addresses beside one of every class
    #[arg(long, value_name = "N", default_value_t = 100)]
    sample: usize,

    /// Leave out the passes with failures and load sharing
    #[arg(long)]
    quick: bool,

    /// A folder that lies over this machine's files while the MTAs run: an unpacked package, or another system's root
    #[arg(long, value_name = "DIR")]
    over: Vec<PathBuf>,

    /// Seconds that a message may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    /// XML as JUnit writes it
    Junit,
}

/// Who is what in a run.
struct Seat {
    kind: TargetKind,
    /// Why it is not asked, where the relay stands in for it.
    absent: Option<String>,
}

/// The questions that were put in one weather.
struct Pass {
    name: &'static str,
    asks: Vec<Ask>,
    report: Report,
}

/// The whole estate on one set of MTAs.
struct Run {
    estate: Estate,
    seats: Vec<Seat>,
    passes: Vec<Pass>,
    shares: Vec<Share>,
    /// Why it could not go on to its end.
    broken: Option<Failure>,
}

impl Run {
    fn is_good(&self) -> bool {
        let sound = |pass: &Pass| pass.report.disagreements.is_empty() && pass.report.problems.is_empty();
        self.broken.is_none() && self.passes.iter().all(sound) && self.shares.iter().all(Share::is_fair)
    }

    fn asked(&self) -> impl Iterator<Item = MtaId> {
        self.estate.plan.mta_ids().filter(|id| self.seats.get(id.index()).is_some_and(|seat| seat.absent.is_none()))
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut estates = Vec::new();
    let kinds: Vec<Option<TargetKind>> = args.target.iter().map(|kind| Some(kind.kind())).collect();
    for kind in if kinds.is_empty() { vec![None] } else { kinds } {
        let estate = Estate::open_for(&args.file, &args.source, kind)?;
        if estate.verdict(&args.source) == Verdict::Bad {
            return refused(args, &estate);
        }
        estates.push(estate);
    }
    let host = Host::prepare(&args.over)?;
    let mut runs = Vec::new();
    for estate in estates {
        runs.push(whole(args, &host, estate));
    }
    let mut out = stream::stdout();
    match args.format {
        Format::Text => text::write(&runs, &mut out)?,
        Format::Json => json::write(&runs, &mut out)?,
        Format::Junit => junit::write(&args.file, &runs, &mut out)?,
    }
    out.flush()?;
    let good = runs.iter().all(Run::is_good);
    let broken: Vec<&str> = runs.iter().filter_map(|run| Some(run.broken.as_ref()?.message())).collect();
    let disagrees = runs.iter().flat_map(|run| &run.passes).any(|pass| !pass.report.disagreements.is_empty());
    match broken[..] {
        [] => Ok(Verdict::good_if(good)),
        // What was found counts, whatever came later.
        _ if disagrees => {
            broken.iter().for_each(|why| stream::complain(&format!("mailswitch: {why}")));
            Ok(Verdict::Bad)
        }
        _ => Err(Failure::new(broken.join("\nmailswitch: "))),
    }
}

/// An estate with errors is not built, and so there is nothing to run.
fn refused(args: &Args, estate: &Estate) -> Outcome {
    let mut err = stream::stderr();
    estate.print(estate::Format::Fancy, stream::look(&std::io::stderr()), &mut err)?;
    err.flush()?;
    let why = format!("{}; nothing was run", estate.summary());
    stream::complain(&format!("{}: {why}", args.file.display()));
    let mut out = stream::stdout();
    match args.format {
        Format::Text => {}
        Format::Json => json::refused(&why, &mut out)?,
        Format::Junit => junit::refused(&args.file, &why, &mut out)?,
    }
    out.flush()?;
    Ok(Verdict::Bad)
}

/// An estate on one set of MTAs, as far as it goes.
fn whole(args: &Args, host: &Host, mut estate: Estate) -> Run {
    let (mut passes, mut shares) = (Vec::new(), Vec::new());
    let mut seats = Vec::new();
    let mut go = || {
        seats = seat(&mut estate.plan, host)?;
        play(args, host, &estate, &seats, (&mut passes, &mut shares))
    };
    let broken = go().err();
    Run { estate, seats, passes, shares, broken }
}

/// Every pass, one after the other.
fn play(
    args: &Args,
    host: &Host,
    estate: &Estate,
    seats: &[Seat],
    (passes, shares): (&mut Vec<Pass>, &mut Vec<Share>),
) -> Result<(), Failure> {
    let means = Means {
        layers: args.over.clone(),
        program: host.program.clone(),
        patience: std::time::Duration::from_secs(args.patience),
        together: 1,
    };
    let plan = &estate.plan;
    let router = Router::new(plan);
    let progress = Progress::start();
    let watch = |step| progress.stage(text::progress(plan, step));
    let parts = parts(Context { plan, router: &router, sources: &estate.sources }, seats)?;
    let all = questions(&router, args.sample, seats)?;
    let storms = if args.quick { Vec::new() } else { storms(&router) };
    let troubled: Vec<_> = storms.iter().map(|storm| (storm, storm.asks(&all))).collect();
    let shared = if args.quick { Vec::new() } else { share::loads(plan, &all) };
    let oversized = if args.quick { Vec::new() } else { forms::too_large(plan, &all) };
    let mut pass = |name, asks: Vec<Ask>, weather: &Weather| -> Result<(), Failure> {
        if !asks.is_empty() {
            let report = verify::run(plan, &parts, &asks, weather, &means, &watch).map_err(failed)?;
            passes.push(Pass { name, asks, report });
        }
        Ok(())
    };
    pass("when all is well", all, &Weather::default())?;
    for (storm, asks) in troubled {
        pass(storm.name, asks, &storm.weather)?;
    }
    pass("with messages over a size limit", oversized, &Weather::default())?;
    if !shared.is_empty() {
        *shares = share::count(plan, &parts, &shared, &means, &watch).map_err(failed)?;
    }
    Ok(())
}

fn failed(error: crate::lab::Error) -> Failure {
    Failure::new(error.to_string())
}

/// What the MTAs that are here are asked.
fn questions(router: &Router<'_>, sample: usize, seats: &[Seat]) -> Result<Vec<Ask>, Failure> {
    let is_here = |mta: MtaId| seats[mta.index()].absent.is_none();
    let mut all = asks(router, sample);
    all.retain(|ask| is_here(ask.mta));
    let Some(deaf) = router.plan.mta_ids().find(|&id| is_here(id) && !is_asked(&all, id)) else { return Ok(all) };
    let (name, help) =
        (&router.plan.mta(deaf).name, "let it `listen` on an IPv4 address, or on one of its trusted clients'");
    Err(Failure::new(format!("`{name}` cannot be asked: it listens to nobody outside its machine; {help}")))
}

fn is_asked(asks: &[Ask], mta: MtaId) -> bool {
    asks.iter().any(|ask| ask.mta == mta)
}

/// Gives each MTA its program; where that is not on this machine, the relay carries the mail on.
fn seat(plan: &mut Plan, host: &Host) -> Result<Vec<Seat>, Failure> {
    let absent = |kind: TargetKind, emits: EmitMode| match (host.has(kind), emits) {
        (_, EmitMode::Tables) => Some("only its tables are emitted".to_owned()),
        (false, _) => Some(format!("{} is not on this machine", host::name(kind))),
        (true, _) => None,
    };
    let mut seats = Vec::new();
    for mta in &mut plan.mtas {
        let kind = mta.target.value.kind;
        let absent = absent(kind, mta.emits());
        if absent.is_some() {
            mta.target.value = crate::plan::Target { kind: TargetKind::Relay, version: None };
            (mta.maps, mta.settings, mta.emit) = (None, None, None);
        }
        seats.push(Seat { kind, absent });
    }
    if seats.iter().all(|seat| seat.absent.is_some()) {
        let why: Vec<String> = seats
            .iter()
            .zip(&plan.mtas)
            .filter_map(|(seat, mta)| Some(format!("`{}`: {}", mta.name, seat.absent.as_ref()?)))
            .collect();
        let help = "install one, name the folder where it is unpacked with --over, or try --target relay";
        return Err(Failure::new(format!("there is no MTA to ask: {}; {help}", why.join(", "))));
    }
    Ok(seats)
}

fn parts(context: Context<'_>, seats: &[Seat]) -> Result<Vec<Part>, Failure> {
    let part = |(id, seat): (MtaId, &Seat)| {
        let kind = if seat.absent.is_some() { TargetKind::Relay } else { seat.kind };
        let name = &context.plan.mta(id).name;
        let failed = |why: &str| Failure::new(format!("cannot build `{name}` for {}: {why}", kind.as_str()));
        let target = feature::target(kind).ok_or_else(|| failed("this mailswitch does not know that target"))?;
        let files = target.render(context, id).map_err(|e| failed(&e.0))?;
        Ok(Part { kind, files })
    };
    context.plan.mta_ids().zip(seats).map(part).collect()
}

/// How many questions a run has, in words: `86 questions about 44 recipients`.
fn counted(asks: &[Ask]) -> String {
    let addresses: std::collections::BTreeSet<String> = asks.iter().map(Ask::wires).collect();
    format!("{} about {}", plural(asks.len(), "question"), plural(addresses.len(), "recipient"))
}
