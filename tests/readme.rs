//! README.md and OPERATION.md are true: the example is the one in `examples/contoso`, the commands are there, and a
//! host's settings are what they are said to be.

use mailswitch::relay::config::local::{Local, parse};

use crate::cli::run::Folder;

const README: &str = include_str!("../README.md");

fn blocks() -> Vec<&'static str> {
    README.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).map(|(_, text)| text).collect()
}

#[test]
fn the_example_is_that_of_contoso() {
    let example = blocks().into_iter().find(|block| block.starts_with("mta hub {")).unwrap();
    let contoso = include_str!("../examples/contoso/routing.dsl");
    let (_, body) = contoso.split_once("\n\n").unwrap();
    assert_eq!(example.trim_end(), body.trim_end());
}

#[test]
fn every_command_that_it_names_has_a_help() {
    let folder = Folder::with(&[]);
    let rows = README.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let commands: Vec<&str> = rows.map(|(usage, _)| usage).filter(|usage| !usage.starts_with("mailswitch")).collect();
    let words = |usage: &'static str| usage.split(' ').take_while(|w| w.chars().all(|c| c.is_ascii_lowercase()));
    let mut helped = 0;
    for usage in commands.into_iter().filter(|usage| !usage.contains(':') && !usage.starts_with("cdb")) {
        let mut arguments: Vec<&str> = words(usage).collect();
        arguments.push("--help");
        let ran = folder.run(&arguments);
        assert_eq!(ran.code, 0, "{usage}: {}", ran.stderr);
        helped += 1;
    }
    assert!(helped >= 8, "the table of commands was not found");
}

const OPERATION: &str = include_str!("../OPERATION.md");

/// The blocks of a page that are of this kind.
fn of_kind(page: &'static str, kind: &str) -> impl Iterator<Item = &'static str> {
    let all = page.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    all.filter(move |(name, _)| *name == kind).map(|(_, text)| text)
}

#[test]
fn the_settings_of_a_host_are_good_and_those_that_count_without_them() {
    let block = of_kind(OPERATION, "yaml").next().unwrap();
    let shown = parse(block).unwrap();
    let unset = Local::default();
    assert_eq!(shown.limits, unset.limits);
    assert_eq!(shown.timeouts, unset.timeouts);
    assert_eq!(shown.queue, unset.queue);
}

#[test]
fn the_commands_that_operation_shows_are_commands() {
    let folder = Folder::with(&[]);
    let lines = of_kind(OPERATION, "sh").flat_map(str::lines).filter(|line| line.starts_with("mailswitch relay "));
    let mut asked = 0;
    for line in lines {
        let (command, _) = line.split_once(" #").unwrap_or((line, ""));
        let words: Vec<String> = command.split_whitespace().skip(1).map(|word| word.replace('\'', "")).collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if matches!(words[1], "run" | "check" | "spool") {
            words.push("--help");
        } else {
            words.extend(["--control", "nowhere"]);
        }
        let ran = folder.run(&words);
        let understood = ran.code == 0 || ran.stderr.contains("control socket nowhere");
        assert!(understood, "{command}: {}", ran.stderr);
        asked += 1;
    }
    assert!(asked >= 10, "only {asked} commands");
}
