//! README.md is true: its example is the one in `examples/contoso`, and its commands are there.

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
