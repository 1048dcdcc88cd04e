//! The compiler held against the naive reading of the language, on random estates.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use mailswitch::check::check;
use mailswitch::diagnostic::{Diagnostic, Diagnostics, Severity};
use mailswitch::load::load;
use mailswitch::plan::proof::Proof;
use mailswitch::plan::route::Router;
use mailswitch::plan::route::decide::Asker;
use mailswitch::plan::route::outcome::Ways;
use mailswitch::plan::{MtaId, Plan, Question};
use mailswitch::resolve::resolve;
use mailswitch::source::{Files, Sources};
use proptest::prelude::ProptestConfig;

use crate::oracle::dsl::to_dsl;
use crate::oracle::estate::{Connector, Estate, Mta, Node};
use crate::oracle::world::World;
use crate::oracle::{asks, meaning, random};

/// A file system of one file.
struct Only(String);

impl Files for Only {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn glob(&self, _: &str) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(Path::new("/").join(path))
    }
}

fn errors_in(estate: &Estate) -> usize {
    let (plan, _) = plan_of(estate);
    let mut found = Diagnostics::default();
    check(&Proof::new(&Router::new(&plan)), &mut found);
    found.iter().filter(|one| one.code.severity == Severity::Error).count()
}

/// What is left of an estate when pieces are taken out, rather one that mends something, until the checks are content.
fn mended(mut estate: Estate) -> Estate {
    let mut errors = errors_in(&estate);
    while errors > 0 {
        let mut pieces = random::without_a_piece(&estate);
        let Some(better) =
            pieces.iter().position(|smaller| errors_in(smaller) < errors).or(pieces.len().checked_sub(1))
        else {
            break;
        };
        estate = pieces.swap_remove(better);
        errors = errors_in(&estate);
    }
    estate
}

/// The codes of every error that the checks find in a plan.
pub(crate) fn checked(plan: &Plan) -> BTreeSet<&'static str> {
    let mut found = Diagnostics::default();
    check(&Proof::new(&Router::new(plan)), &mut found);
    found.iter().filter(|one| one.code.severity == Severity::Error).map(|one| one.code.name).collect()
}

/// The plan of an estate, and every error in its text.
pub(crate) fn plan_of(estate: &Estate) -> (Plan, Vec<String>) {
    plan_of_text(to_dsl(estate))
}

/// A file's plan, its sources, and what is wrong with its text.
pub(crate) fn read(text: String) -> (Plan, Sources, Vec<Diagnostic>) {
    let mut loaded = load(&Only(text), Path::new("routing.dsl"), false).unwrap();
    let plan = resolve(&loaded.sources, &loaded.program, &mut loaded.diagnostics);
    (plan, loaded.sources, loaded.diagnostics.into_list())
}

fn plan_of_text(text: String) -> (Plan, Vec<String>) {
    let (plan, _, found) = read(text);
    let errors = found.iter().filter(|found| found.code.severity == Severity::Error);
    let errors = errors.map(|found| format!("{} {}", found.code.name, found.message)).collect();
    (plan, errors)
}

/// An outcome as both readings state it: the fate, the recipient, the system, the connector and the status. Of a loop
/// only that it is one: where its circle begins is a matter of taste.
pub(crate) type Row = (String, Option<String>, Option<String>, Option<String>, Option<String>);

pub(crate) fn compiled(router: &Router, mta: usize, asker: Asker, address: &str, dearer: bool) -> BTreeSet<Row> {
    let question = Question::parse(address).unwrap();
    let outcomes = router.outcomes(MtaId(mta as u32), asker, &question, Ways { dearer, avoiding: None });
    let plan = router.plan;
    let row = |outcome: mailswitch::plan::route::outcome::Outcome| {
        let looped = outcome.fate.as_str() == "looped";
        (
            outcome.fate.as_str().to_owned(),
            outcome.recipient.map(|recipient| recipient.as_str().to_owned()).filter(|_| !looped),
            outcome.system.map(|node| plan.node_name(node).to_owned()),
            outcome.connector.map(|connector| plan.connector(connector).name.clone()).filter(|_| !looped),
            outcome.status.map(|status| status.0.to_owned()),
        )
    };
    comparable(outcomes.into_iter().map(row).collect())
}

/// An address that grows for ever may be delivered on its way at any length: where it loops, the short ones count.
fn comparable(mut rows: BTreeSet<Row>) -> BTreeSet<Row> {
    if rows.iter().any(|row| row.0 == "looped") {
        rows.retain(|row| row.1.as_ref().is_none_or(|recipient| recipient.len() < 48));
    }
    rows
}

pub(crate) fn naive(world: &World, mta: usize, asker: meaning::Asker, address: &str, dearer: bool) -> BTreeSet<Row> {
    // The compiler knows no recipient where the question was no address.
    let is_address = !matches!(Question::parse(address), Ok(Question::Unroutable(_)));
    let row = |outcome: meaning::Outcome| {
        let looped = outcome.fate == meaning::Fate::Looped;
        (
            format!("{:?}", outcome.fate).to_lowercase(),
            Some(outcome.recipient).filter(|_| !looped && is_address),
            outcome.system,
            outcome.connector.filter(|_| !looped),
            outcome.status.map(str::to_owned),
        )
    };
    comparable(meaning::outcomes(world, mta, asker, address, dearer).into_iter().map(row).collect())
}

/// Two MTAs that cut at different separators and hand to each other: each visit makes the address longer.
#[test]
fn an_address_that_grows_for_ever_is_a_loop() {
    let text = r#"
        mta plus { target relay; hostname plus.test; subaddress "+" }
        mta minus { target relay; hostname minus.test; subaddress "-" }
        connector to-minus { to minus; address-space a.test }
        connector to-plus { to plus; address-space a.test }
        contact "One" { primary v-x@a.test; secondary u@a.test }
        contact "Two" { primary u+y@a.test; secondary v@a.test }
    "#;
    let (plan, errors) = plan_of_text(text.to_owned());
    assert_eq!(errors, Vec::<String>::new());
    let rows = compiled(&Router::new(&plan), 0, Asker::Trusted, "u@a.test", false);
    let fates: Vec<(String, Option<String>)> = rows.into_iter().map(|row| (row.0, row.4)).collect();
    assert_eq!(fates, [("looped".to_owned(), Some("5.4.6".to_owned()))]);
}

/// `postmaster+t` becomes `u+t`, which is somebody, and becomes `postmaster` again.
#[test]
fn a_detail_of_the_postmaster_can_close_a_circle() {
    let text = r#"
        mta hub { target relay; hostname b.test; postmaster u@b.test; subaddress "+" }
        contact "One" { primary postmaster@b.test; secondary u+t@b.test }
    "#;
    let (plan, _) = plan_of_text(text.to_owned());
    assert!(checked(&plan).contains("loop::contacts"));
}

/// A dearer way that leads back does not change what an MTA answers by its cheapest.
#[test]
fn a_dearer_way_back_does_not_keep_an_mta_from_refusing() {
    let names = ["w", "v", "u", "n"].map(|name| Mta {
        name: name.to_owned(),
        hostname: format!("{name}.test"),
        ..Mta::default()
    });
    let connector = |name: &str, from: usize, to: Node, cost: u32| Connector {
        name: name.to_owned(),
        from: vec![from],
        to,
        spaces: vec![("*".to_owned(), Some(cost))],
        ..Connector::default()
    };
    let estate = Estate {
        mtas: names.to_vec(),
        connectors: vec![
            connector("w-v", 0, Node::Mta(1), 1),
            connector("w-u", 0, Node::Mta(2), 1),
            connector("w-out", 0, Node::Internet, 1),
            connector("v-n", 1, Node::Mta(3), 1),
            connector("v-u", 1, Node::Mta(2), 2),
            connector("u-v", 2, Node::Mta(1), 1),
            connector("u-out", 2, Node::Internet, 2),
        ],
        ..Estate::default()
    };
    let (plan, _) = plan_of(&estate);
    let (router, world) = (Router::new(&plan), World::new(&estate));
    for mta in 0..4 {
        let compiled = compiled(&router, mta, Asker::Trusted, "x@b.test", true);
        assert_eq!(compiled, naive(&world, mta, meaning::Asker::Trusted, "x@b.test", true));
    }
}

/// A part of the usual number of estates, because each is asked hundreds of questions.
pub(crate) fn one_in(part: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(part), failure_persistence: None, ..usual }
}

pub(crate) const ASKERS: [(Asker, meaning::Asker); 2] =
    [(Asker::Trusted, meaning::Asker::Trusted), (Asker::Anyone, meaning::Asker::Anyone)];

proptest::proptest! {
    #![proptest_config(one_in(4))]

    #[test]
    fn traces_agree_with_the_naive_reading(estate in random::estate()) {
        let (plan, errors) = plan_of(&estate);
        proptest::prop_assert!(errors.is_empty(), "{:?}\n{}", errors, to_dsl(&estate));
        let router = Router::new(&plan);
        let world = World::new(&estate);
        for address in asks::addresses(&estate) {
            for (mta, (asker, as_naive)) in (0..estate.mtas.len()).flat_map(|mta| ASKERS.map(|pair| (mta, pair))) {
                for dearer in [false, true] {
                    let compiled = compiled(&router, mta, asker, &address, dearer);
                    let naive = naive(&world, mta, as_naive, &address, dearer);
                    proptest::prop_assert_eq!(
                        compiled, naive,
                        "{} at mta{} by {:?}, dearer {}\n{}", address, mta, asker, dearer, to_dsl(&estate)
                    );
                }
            }
        }
    }

    /// No trace loops where the checks find no circle, and some trace does where they find one.
    #[test]
    fn loops_are_found_where_there_are_loops(estate in random::estate()) {
        let (plan, _) = plan_of(&estate);
        let errors = checked(&plan);
        let reported = errors.iter().any(|code| code.starts_with("loop::") && *code != "loop::self");
        // A connector from an MTA to itself is that, and not a circle of addresses beside it; a smart host that is the
        // MTA itself is no matter of addresses.
        let itself = errors.contains("loop::self");
        let world = World::new(&estate);
        let looping = asks::addresses(&estate).into_iter().find(|address| {
            (0..estate.mtas.len()).any(|mta| {
                let outcomes = meaning::outcomes(&world, mta, meaning::Asker::Trusted, address, true);
                outcomes.iter().any(|outcome| outcome.fate == meaning::Fate::Looped)
            })
        });
        proptest::prop_assert_eq!(
            reported || itself && looping.is_some(), looping.is_some(), "{:?} loops, reported {:?}\n{}", looping, errors, to_dsl(&estate)
        );
    }
}

proptest::proptest! {
    #![proptest_config(one_in(24))]

    /// Where the checks find no error, what is accepted in a domain of ours is delivered.
    #[test]
    fn a_clean_check_is_a_proof(estate in random::estate()) {
        let estate = mended(estate);
        // Some errors, such as a smart host that is the MTA itself, no piece accounts for.
        proptest::prop_assume!(errors_in(&estate) == 0);
        let world = World::new(&estate);
        for address in asks::addresses(&estate) {
            for mta in 0..estate.mtas.len() {
                for outcome in meaning::outcomes(&world, mta, meaning::Asker::Anyone, &address, true) {
                    let fine = matches!(outcome.fate, meaning::Fate::Delivered | meaning::Fate::Rejected);
                    proptest::prop_assert!(fine, "{} at mta{}: {:?}\n{}", address, mta, outcome, to_dsl(&estate));
                }
            }
        }
    }
}
