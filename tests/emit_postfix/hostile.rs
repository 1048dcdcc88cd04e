//! Whatever a source says stays data: the real Postfix tools read back what was meant, and nothing else.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mailswitch::emit::postfix::quote;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::cli::run::Folder;

/// Characters that mean something to Postfix somewhere, and a few that do not.
fn hostile() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        proptest::sample::select(" \t\n\r#$\\{}[]():;,=\"'`|/<>*?+.^%!@~&-_aZ0".chars().collect::<Vec<_>>()),
        proptest::sample::select(vec!['é', 'ß', '\u{2028}', '\u{0}', '中']),
    ];
    proptest::collection::vec(character, 1..12).prop_map(|chars| chars.into_iter().collect())
}

fn batch() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(hostile(), 60)
}

/// Runs a tool on a configuration of its own; it has to be silent on stderr.
fn tool(folder: &Path, program: &str, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(program);
    command.arg("-c").arg(folder).args(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tests/setup.sh installs Postfix");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn configuration(main: &str, master: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("main.cf"), format!("compatibility_level = 3.6\n{main}")).unwrap();
    fs::write(folder.path().join("master.cf"), master).unwrap();
    fs::copy("/etc/postfix/dynamicmaps.cf", folder.path().join("dynamicmaps.cf")).unwrap();
    folder
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_value_of_main_cf_is_read_back(texts in batch()) {
        let quoted: Vec<(&String, String)> =
            texts.iter().filter_map(|text| Some((text, quote::main_value(text).ok()?))).collect();
        let names: Vec<String> = (0..quoted.len()).map(|number| format!("value_{number}")).collect();
        let mut main = format!("smtpd_restriction_classes = {}\n", names.join(", "));
        for (name, (_, value)) in names.iter().zip(&quoted) {
            main += &format!("{name} = {value}\n");
        }
        let folder = configuration(&main, "");
        let mut arguments = vec!["-hx"];
        arguments.extend(names.iter().map(String::as_str));
        let read = tool(folder.path(), "postconf", &arguments, "");
        let read: Vec<&str> = read.lines().collect();
        let meant: Vec<&str> = quoted.iter().map(|(text, _)| text.as_str()).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn an_option_of_a_service_is_read_back(texts in batch()) {
        let quoted: Vec<(&String, String)> = texts
            .iter()
            .filter_map(|text| Some((text, quote::master_option("smtp_tls_CAfile", text).ok()?)))
            .collect();
        let master: String = quoted
            .iter()
            .enumerate()
            .map(|(number, (_, option))| format!("c_{number} unix - - n - - smtp\n    -o {option}\n    -o smtp_helo_name=last\n"))
            .collect();
        let folder = configuration("", &master);
        let services: Vec<String> = (0..quoted.len()).map(|number| format!("c_{number}/unix")).collect();
        let mut arguments = vec!["-Px"];
        arguments.extend(services.iter().map(String::as_str));
        let read = if quoted.is_empty() { String::new() } else { tool(folder.path(), "postconf", &arguments, "") };
        let mut meant: Vec<String> = Vec::new();
        for (service, (text, _)) in services.iter().zip(&quoted) {
            meant.push(format!("{service}/smtp_tls_CAfile = {text}"));
            meant.push(format!("{service}/smtp_helo_name = last"));
        }
        let mut read: Vec<&str> = read.lines().collect();
        let mut meant: Vec<&str> = meant.iter().map(String::as_str).collect();
        read.sort_unstable();
        meant.sort_unstable();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn a_pattern_matches_its_text_alone(texts in batch()) {
        let texts: Vec<&String> = texts.iter().filter(|text| !text.chars().any(char::is_control)).collect();
        let table: String = texts
            .iter()
            .map(|text| format!("/^a{}(z*)$/ {}${{1}}.\n", quote::pattern(text), quote::replacement(&format!("b{text}"))))
            .collect();
        let folder = configuration("smtputf8_enable = no\n", "");
        let path = folder.path().join("patterns");
        fs::write(&path, table).unwrap();
        let reference = format!("regexp:{}", path.display());
        for text in texts {
            let read = tool(folder.path(), "postmap", &["-q", &format!("a{text}zz"), &reference], "");
            let first = read.trim_end_matches('\n');
            prop_assert!(first.eq_ignore_ascii_case(&format!("b{text}zz.")), "{:?} became {:?}", text, first);
        }
    }

    #[test]
    fn addresses_are_keys_and_values_of_tables(texts in batch(), text_table in any::<bool>()) {
        let quoted = |text: &String| {
            let inner: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
            format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""))
        };
        let mut locals: Vec<String> = texts.iter().map(quoted).collect();
        locals.sort_by_key(|local| local.to_ascii_lowercase());
        locals.dedup_by_key(|local| local.to_ascii_lowercase());
        // A texthash table cannot hold them, and says so.
        locals.retain(|local| !text_table || !local.starts_with("\"#"));
        let maps = if text_table { "maps texthash" } else { "maps cdb" };
        let mut dsl = format!("mta hub {{ target postfix; hostname hub.own.example; postmaster x@other.example; {maps} }}\n");
        dsl += "domain own.example\nconnector internet { address-space *; dns }\n";
        for local in &locals {
            dsl += &format!("contact {local} {{ primary {local}@other.example; secondary {local}@own.example }}\n");
        }
        let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
        let ran = folder.run(&["build", "-o", "out"]);
        prop_assert_eq!(ran.code, 0, "{}", ran.stderr);
        let bundle = folder.path("out/hub");
        fs::copy("/etc/postfix/dynamicmaps.cf", bundle.join("dynamicmaps.cf")).unwrap();
        prop_assert_eq!(tool(&bundle, "postconf", &["-M"], "").lines().filter(|line| line.contains("c_")).count(), 1);
        let keys: Vec<String> = locals
            .iter()
            .map(|local| mailswitch::name::Mailbox::parse(&format!("{local}@own.example")).unwrap().as_str().to_owned())
            .collect();
        let reference = format!("{}:{}", if text_table { "texthash" } else { "cdb" }, bundle.join("contacts").display());
        let read = tool(&bundle, "postmap", &["-q", "-", &reference], &keys.join("\n"));
        let targets: Vec<String> =
            read.lines().map(|line| line.split_once('\t').unwrap().1.to_ascii_lowercase()).collect();
        let meant: Vec<String> = keys.iter().map(|key| key.replace("@own.example", "@other.example")).collect();
        prop_assert_eq!(targets, meant);
    }
}
