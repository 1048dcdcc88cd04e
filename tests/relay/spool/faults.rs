//! Disks that fail, tear and forget, at every call of a workload and at calls of random ones.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::memory::Fault;
use super::model::{Model, Step};

/// Runs a workload on a disk that goes wrong at a call; says whether it got there.
fn survives(runtime: &tokio::runtime::Runtime, steps: &[Step], call: u64, fault: Fault, seed: u64) -> bool {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    model.disk.arm(call, fault);
    runtime.block_on(model.run(steps));
    let reached = model.disk.disarm();
    if fault == Fault::PowerLoss {
        model.disk.lose_power(&mut chance);
    }
    // What recovery gives it must give again, also if the power goes right after it.
    for round in 0..3 {
        let opened = model.open().unwrap();
        model.check(&opened);
        assert_eq!(opened.damage, [], "call {call}, {fault:?}, seed {seed}, round {round}");
        opened.spool.close();
        if round == 1 {
            model.disk.lose_power(&mut chance);
        }
    }
    reached
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Fills several segments and empties the first ones, with every kind of transaction, over two restarts.
fn script() -> Vec<Step> {
    let accept = |messages, octets| Step::Accept { messages, recipients: 2, octets };
    vec![
        accept(3, 4000),
        Step::Done { message: 0, recipient: 1 },
        Step::Finished { message: 1 },
        accept(1, 9000),
        Step::Large { octets: 70_000 },
        Step::Bounce { message: 0, recipient: 0 },
        accept(6, 5000),
        Step::Restart,
        Step::Finished { message: 0 },
        Step::Finished { message: 0 },
        accept(2, 30_000),
        Step::Finished { message: 0 },
        Step::Held { message: 0 },
        Step::Bounce { message: 3, recipient: 1 },
        Step::Finished { message: 0 },
        Step::Finished { message: 0 },
        accept(1, 10),
        Step::Restart,
        accept(8, 6000),
    ]
}

/// Leaves one message in each of the first segments, so that they are copied forward.
fn sparse() -> Vec<Step> {
    let accept = |messages, octets| Step::Accept { messages, recipients: 2, octets };
    let mut steps = vec![accept(1, 3000), Step::Done { message: 0, recipient: 1 }, Step::Large { octets: 9000 }];
    for _ in 0..7 {
        steps.push(accept(4, 9500));
        steps.extend([const { Step::Finished { message: 2 } }; 4]);
    }
    steps.extend([Step::Held { message: 0 }, accept(3, 100), Step::Finished { message: 1 }]);
    steps.extend([accept(4, 9500), Step::Restart, accept(1, 10)]);
    steps
}

/// Every call goes wrong in some way: these share them out, and each has all of them where there is time for it.
pub(super) const FAULTS: [Fault; 4] = [Fault::Fails, Fault::Tears, Fault::Full, Fault::PowerLoss];

fn every_call(fault: Fault) {
    let (mut first, mut stride, mut seeds) = (1, 1, 2);
    if std::env::var_os("MAILSWITCH_LONG").is_none() {
        first += FAULTS.iter().position(|one| *one == fault).unwrap() as u64;
        (stride, seeds) = (FAULTS.len(), 1);
    }
    let runtime = runtime();
    for steps in [script(), sparse()] {
        let goes_wrong = |call: &u64| {
            (0..seeds).fold(false, |reached, seed| reached | survives(&runtime, &steps, *call, fault, seed))
        };
        let calls = (first..).step_by(stride).take_while(goes_wrong).count();
        assert!(calls * stride > 100, "the workload ended after {calls} calls");
    }
}

#[test]
fn a_call_that_fails() {
    every_call(Fault::Fails);
}

#[test]
fn a_write_that_tears() {
    every_call(Fault::Tears);
}

#[test]
fn a_disk_that_is_full() {
    every_call(Fault::Full);
}

#[test]
fn power_that_is_lost() {
    every_call(Fault::PowerLoss);
}

fn step() -> impl Strategy<Value = Step> {
    let message = 0..20_usize;
    prop_oneof![
        4 => (1..5_usize, 1..4_u32, 0..20_000_usize)
            .prop_map(|(messages, recipients, octets)| Step::Accept { messages, recipients, octets }),
        1 => (1..100_000_usize).prop_map(|octets| Step::Large { octets }),
        3 => (message.clone(), 0..3_u32).prop_map(|(message, recipient)| Step::Done { message, recipient }),
        6 => message.clone().prop_map(|message| Step::Finished { message }),
        1 => message.clone().prop_map(|message| Step::Held { message }),
        2 => (message, 0..3_u32).prop_map(|(message, recipient)| Step::Bounce { message, recipient }),
        1 => Just(Step::Restart),
    ]
}

#[test]
fn random_workloads() {
    let runtime = runtime();
    let faults = proptest::sample::select(&FAULTS[..]);
    let cases = (proptest::collection::vec(step(), 1..40), 1..400_u64, faults, any::<u64>());
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&cases, |(steps, call, fault, seed)| {
        survives(&runtime, &steps, call, fault, seed);
        Ok(())
    });
    result.unwrap();
}
