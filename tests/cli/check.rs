//! `check`: exit status, formats, hostile files, and where the output goes.

use std::fs::File;

use super::run::{Folder, finish, mailswitch};

const MISTAKE: &[u8] = b"mta hub {\n    target postfix\n    hostname mail.contoso.com\n    trsut 10.0.0.0/8\n}\n";

#[test]
fn a_good_file_gives_0_and_no_diagnostic() {
    let ran = Folder::contoso().run(&["check", "--format", "plain"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("routing.dsl: good: 1 MTA, 2 systems, 3 connectors, 1 contact"), "{}", ran.stderr);
}

#[test]
fn a_mistake_gives_1_and_its_place() {
    let ran = Folder::with(&[("site.dsl", MISTAKE)]).run(&["check", "site.dsl", "--format", "plain"]);
    assert_eq!(ran.code, 1);
    let expected = "site.dsl:4:5: error[syntax::unexpected]: unknown field `trsut` of `mta`\n";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    assert!(ran.stdout.contains("  help: did you mean `trust`?\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "site.dsl: 1 error\n");
}

#[test]
fn a_warning_gives_1_only_where_it_is_denied() {
    let text = "mta hub {\n target postfix\n hostname mail.a.test\n trust 10.0.0.0/8\n postmaster ann@a.test\n}\n\
                system s {\n account ann@a.test\n}\nsystem lonely {\n}\ndomain a.test\n\
                connector c {\n to s\n smart-host h.a.test\n}\n\
                connector i {\n address-space *\n dns\n}\n";
    let folder = Folder::with(&[("routing.dsl", text.as_bytes())]);
    let ran = folder.run(&["check", "--format", "plain"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("warning[orphan::system]"), "{}", ran.stdout);
    assert_eq!(folder.run(&["check", "--deny-warnings"]).code, 1);
}

#[test]
fn what_cannot_be_read_gives_2() {
    let folder = Folder::with(&[("folder/x", b"")]);
    for file in ["missing.dsl", "folder", "folder/x/y"] {
        let ran = folder.run(&["check", file]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        assert!(ran.stderr.starts_with(&format!("mailswitch: cannot read {file}: ")), "{}", ran.stderr);
    }
}

#[test]
fn a_pipe_that_a_source_names_is_not_waited_for() {
    let source = b"contacts from \"people.csv\"\ninclude \"more.dsl\"\n";
    let folder = Folder::with(&[("routing.dsl", source)]);
    for name in ["people.csv", "more.dsl"] {
        nix::unistd::mkfifo(&folder.path(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let ran = folder.run(&["check", "--format", "plain"]);
    assert_eq!(ran.code, 1);
    for expected in ["1:15: error[directory::missing]: cannot read `people.csv`", "2:9: error[include::missing]"] {
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    }
    assert_eq!(ran.stdout.matches(": it is a pipe, a socket or a device").count(), 2, "{}", ran.stdout);
}

#[test]
fn a_file_name_stays_on_its_line() {
    let folder = Folder::with(&[("two\nlines.dsl", b"shard domain x.example\n")]);
    let ran = folder.run(&["check", "two\nlines.dsl", "--format", "plain"]);
    assert!(ran.stdout.starts_with("two\u{fffd}lines.dsl:1:1: error["), "{}", ran.stdout);
}

#[test]
fn a_misspelt_part_of_an_expectation_is_recognised() {
    let folder = Folder::with(&[("routing.dsl", b"expect a@x.example vai c\nexpect a@x.example at hub rejeced\n")]);
    let ran = folder.run(&["check", "--format", "plain"]);
    for (place, meant) in [("1:20", "via"), ("2:27", "rejected")] {
        let report = ran.stdout.split_once(&format!("routing.dsl:{place}: error[syntax::unexpected]")).unwrap().1;
        let help = report.lines().find(|line| line.starts_with("  help")).unwrap();
        assert_eq!(help, format!("  help: did you mean `{meant}`?"), "{}", ran.stdout);
    }
}

#[test]
fn wrong_usage_gives_2_and_help_gives_0() {
    let folder = Folder::with(&[]);
    for arguments in [&[][..], &["chekc"], &["check", "--format", "sarif"], &["trace"]] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments:?}");
    }
    for command in ["check", "build", "trace", "test", "fmt", "secrets", "explain"] {
        let ran = folder.run(&[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("Examples:"), "{}", ran.stdout);
    }
    assert!(folder.run(&["--help"]).stdout.contains("Exit status:"));
}

#[test]
fn json_has_the_documented_shape() {
    let text = b"mta hub {\n target postfix\n hostname mail.a.test\n \xC3\xA4\xC3\xA4 trsut 1\n}\n";
    let ran = Folder::with(&[("routing.dsl", text)]).run(&["check", "--format", "json"]);
    assert_eq!(ran.code, 1);
    let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let first = &all[0];
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "help", "labels", "message", "severity"]);
    let label = first["labels"][0].as_object().unwrap();
    assert_eq!(label.keys().collect::<Vec<_>>(), ["column", "file", "length", "line", "text"]);
    assert_eq!(label["line"], 4);
    assert_eq!(label["file"], "routing.dsl");
    // Characters, not octets.
    assert_eq!((label["column"].as_u64(), label["length"].as_u64()), (Some(2), Some(2)), "{}", ran.stdout);

    let ran = Folder::contoso().run(&["check", "--format", "json"]);
    assert_eq!(ran.stdout, "[]\n");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_force_it() {
    let folder = Folder::with(&[("routing.dsl", MISTAKE)]);
    let run = |variables: &[(&str, &str)]| {
        let mut command = mailswitch();
        command.current_dir(folder.path("")).arg("check").envs(variables.iter().copied());
        finish(command.output().unwrap()).stdout
    };
    assert!(!run(&[]).contains('\u{1b}'));
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(run(&[]).contains("trsut 10.0.0.0/8"));
}

#[test]
fn control_characters_of_a_file_never_reach_the_output() {
    let text = "contact \"\u{1b}[31mred\u{9b}0m\u{202e}\" { primary q\u{7}x }\n";
    let folder = Folder::with(&[("routing.dsl", text.as_bytes())]);
    for format in ["fancy", "plain"] {
        let out = folder.run(&["check", "--format", format]).stdout;
        assert!(!out.is_empty());
        assert!(!out.contains(|c: char| c.is_control() && c != '\n'), "{out:?}");
        assert!(!out.contains('\u{202e}'), "{out:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_panic_and_the_status_stays() {
    let folder = Folder::with(&[("routing.dsl", MISTAKE)]);
    for arguments in [&["check"][..], &["check", "--format", "json"], &["--help"], &["trace", "a@b.test", "--all"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = mailswitch();
        command.current_dir(folder.path("")).args(arguments).stdout(writer);
        let ran = finish(command.output().unwrap());
        let expected = i32::from(arguments[0] == "check");
        assert_eq!(ran.code, expected, "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("pipe"), "{}", ran.stderr);
    }
}

#[test]
fn a_full_disk_gives_2() {
    let folder = Folder::with(&[("routing.dsl", MISTAKE)]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ran = finish(mailswitch().current_dir(folder.path("")).arg("check").stdout(full).output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot write the output"), "{}", ran.stderr);
}

#[test]
fn text_that_is_not_utf_8_is_an_error_and_is_not_quoted() {
    let ran = Folder::with(&[("routing.dsl", b"password s3cret \xff")]).run(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("syntax::encoding"), "{}", ran.stdout);
    assert!(ran.stdout.contains("routing.dsl:1:17"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("s3cret"), "{}", ran.stdout);
}

#[test]
fn a_line_of_many_megabytes_is_shown_by_a_window() {
    let mut text = b"mta hub { ".to_vec();
    text.resize(20 << 20, b'x');
    text.extend_from_slice(b" y }\n");
    let ran = Folder::with(&[("routing.dsl", &text)]).run(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.len() < 20_000, "{} octets", ran.stdout.len());
    assert!(ran.stdout.contains('…'));
}

#[test]
fn many_diagnostics_are_counted_rather_than_printed() {
    let text = "contact \"x\" { primary no-address; secondary a@a.test }\n".repeat(500);
    let folder = Folder::with(&[("routing.dsl", text.as_bytes())]);
    let ran = folder.run(&["check", "--format", "plain"]);
    let printed = ran.stdout.lines().filter(|l| l.contains(": error[")).count();
    assert_eq!(printed, 200);
    assert!(ran.stdout.contains("… and 301 errors more"), "{}", ran.stdout.lines().last().unwrap());
    let all: serde_json::Value = serde_json::from_str(&folder.run(&["check", "--format", "json"]).stdout).unwrap();
    assert!(all.as_array().unwrap().len() >= 500);
}

#[test]
fn a_place_in_another_file_is_shown_with_that_file() {
    let folder = Folder::with(&[
        ("routing.dsl", b"include \"a.dsl\"\ncontact \"x\" {\n primary p@a.test\n secondary z@a.test\n}\n"),
        ("a.dsl", b"contact \"y\" {\n primary q@a.test\n secondary z@a.test\n}\n"),
    ]);
    let out = folder.run(&["check"]).stdout;
    assert!(out.contains("[routing.dsl:4:12]") && out.contains("[a.dsl:3:12]"), "{out}");
    assert!(out.contains("claimed"), "{out}");
}

#[test]
fn an_address_with_the_separator_in_it_has_no_sub_addresses() {
    let text =
        b"mta hub { target postfix; hostname mx.a.test; trust 10.0.0.0/8; postmaster pm@a.test; subaddress \"-\" }
system s { account pm@a.test; account ann-lee@a.test }
domain a.test
contact C { primary ann-lee@a.test; secondary c-d@a.test }
connector to-s { to s; smart-host 192.0.2.5 }
connector internet { address-space *; dns }
expect ann-lee@a.test to s
expect c-d@a.test to s
expect ann-lee-x@a.test rejected 5.1.1
";
    let ran = Folder::with(&[("routing.dsl", text)]).run(&["check", "--format", "plain"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
}

#[test]
fn fields_on_one_line_without_a_separator_are_one_mistake() {
    let text =
        include_str!("contoso.dsl").replace("    to         exchange\n    smart-host", "    to exchange smart-host");
    let ran = Folder::with(&[("routing.dsl", text.as_bytes())]).run(&["check", "--format", "plain"]);
    assert_eq!((ran.code, ran.stdout.matches("error[").count()), (1, 1), "{}", ran.stdout);
}

#[test]
fn names_are_suggested_for_the_reports_that_are_shown() {
    let text: String =
        (0..400).map(|i| format!("system unix{i:03} {{}}\nexpect a@x.example to unis{i:03}\n")).collect();
    let folder = Folder::with(&[("routing.dsl", text.as_bytes())]);
    let reports: serde_json::Value = serde_json::from_str(&folder.run(&["check", "--format", "json"]).stdout).unwrap();
    let unknown: Vec<_> = reports.as_array().unwrap().iter().filter(|r| r["code"] == "name::unknown").collect();
    assert_eq!(unknown.len(), 400);
    let suggested = unknown.iter().filter(|r| r["help"].as_str().unwrap().starts_with("did you mean `unix"));
    assert!((100..=200).contains(&suggested.count()));
}

#[test]
fn the_main_file_may_come_through_a_pipe() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, MISTAKE).unwrap();
    drop(writer);
    let ran = finish(mailswitch().args(["check", "/dev/stdin", "--format", "plain"]).stdin(reader).output().unwrap());
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("/dev/stdin:4:5: error[syntax::unexpected]"), "{}", ran.stdout);
}

#[test]
fn an_included_file_that_is_no_routing_file_is_never_shown() {
    let folder = Folder::with(&[
        ("routing.dsl", b"include \"passwd\"\nmta hub { target postfix; hostname h.example }\n"),
        ("passwd", b"root:x:0:0:root:/root:/bin/bash\nsecret:y:1:1\n"),
    ]);
    for format in ["fancy", "plain", "json"] {
        let ran = folder.run(&["check", "--format", format]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("include::invalid"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("root") && !ran.stdout.contains("secret"), "{}", ran.stdout);
    }
}

#[test]
fn a_directory_file_named_twice_is_one_mistake() {
    let folder = Folder::with(&[
        (
            "routing.dsl",
            b"mta hub { target postfix; hostname h.example }\ncontacts from \"a.csv\"\ncontacts from \"./a.csv\"\n",
        ),
        ("a.csv", b"name,primary,secondary\nAnn,ann@x.example,ann@y.example\nBob,bob@x.example,bob@y.example\n"),
    ]);
    let ran = folder.run(&["check", "--format", "plain"]);
    let found: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("error[")).collect();
    assert_eq!(found.len(), 1, "{}", ran.stdout);
    assert!(found[0].starts_with("routing.dsl:3:15: error[name::duplicate]"), "{}", ran.stdout);
}

#[test]
fn what_is_missing_is_told_beside_a_mistake_elsewhere() {
    let folder = Folder::with(&[("routing.dsl", b"mta m { target postfix }\nfoo\n")]);
    let ran = folder.run(&["check", "--format", "plain"]);
    assert!(ran.stdout.contains("routing.dsl:1:5: error[syntax::missing]: MTA `m` has no hostname"), "{}", ran.stdout);
    assert!(ran.stdout.contains("routing.dsl:2:1: error[syntax::unexpected]"), "{}", ran.stdout);
}
