//! The parser held to grammar/routing.ebnf: what the grammar derives parses clean, what it does not derive is refused.

use std::cell::Cell;

use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::derive::{Choices, mutated, program};
use super::ebnf::Grammar;
use super::{CONTOSO, parsed};

/// The same decisions in every run.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

pub(crate) fn decisions() -> impl proptest::strategy::Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 0..300)
}

fn agree(grammar: &Grammar, text: &str) -> Result<bool, TestCaseError> {
    let derived = grammar.derives(text);
    let (_, ast, told) = parsed(text);
    let verdict = (told.is_empty(), ast.broken);
    if verdict != (derived, !derived) {
        return Err(TestCaseError::fail(format!("derived: {derived}, told: {told:?}\n{text}\n{text:?}")));
    }
    if let Some(other) = told.iter().find(|t| !t.starts_with("syntax::")) {
        return Err(TestCaseError::fail(format!("not a syntax code: {other}")));
    }
    Ok(derived)
}

#[test]
fn what_the_grammar_derives_parses() {
    let grammar = Grammar::routing();
    let result = runner(300).run(&decisions(), |list| {
        let text = program(&grammar, &mut Choices::new(&list));
        match agree(&grammar, &text)? {
            true => Ok(()),
            false => Err(TestCaseError::fail(format!("derived, and not recognised: {text:?}"))),
        }
    });
    result.unwrap();
}

#[test]
fn what_the_grammar_does_not_derive_is_refused() {
    let grammar = Grammar::routing();
    let (cases, refused) = (700, Cell::new(0));
    let result = runner(cases).run(&(decisions(), decisions()), |(list, changes)| {
        let text = program(&grammar, &mut Choices::new(&list));
        if !agree(&grammar, &mutated(&text, &mut Choices::new(&changes)))? {
            refused.set(refused.get() + 1);
        }
        Ok(())
    });
    result.unwrap();
    // Both verdicts are common, or nothing was tested.
    assert!((cases / 4..cases - cases / 20).contains(&refused.get()), "{} of {cases} refused", refused.get());
}

#[test]
fn mutations_of_the_example() {
    let grammar = Grammar::routing();
    assert!(grammar.derives(CONTOSO));
    let result = runner(60)
        .run(&decisions(), |changes| agree(&grammar, &mutated(CONTOSO, &mut Choices::new(&changes))).map(drop));
    result.unwrap();
}
