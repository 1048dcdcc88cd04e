//! The readers on arbitrary input, against naive writers and against the `csv` crate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailswitch::directory::Format;
use proptest::prelude::*;

use super::{Columns, csv, ldif, mapped, show};

/// Bytes that are mostly the ones that matter to the readers.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "\"",
            "\"\"",
            ",",
            ";",
            "|",
            " ",
            "\n",
            "\r\n",
            "\r",
            "\t",
            ":",
            "::",
            ":<",
            "@",
            "a@x.com",
            "smtp:",
            "SMTP:",
            "X400:",
            "dn",
            "mail",
            "name,primary,secondary\n",
            "dn: a\n",
            "proxyAddresses",
            "#",
            "{",
            "}",
            "\\",
            "é",
            "\u{a0}",
            "changetype: add\n",
            "version: 1\n",
            "\u{feff}",
        ])
        .prop_map(|t| t.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// Any cell whose unquoted form, if it has one, is plain.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,5}", "[a-z \",;\n\r@é]{0,8}"]
}

fn written(cell: &str, always: bool) -> String {
    if always || cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in noise()) {
        csv(bytes.clone());
        ldif(bytes.clone());
        show(Format::Csv, bytes.clone(), &mapped("mail", "name"));
        show(Format::Ldif, [b"dn: a\nmail: ".to_vec(), bytes.clone()].concat(), &Columns::default());
        csv([b"name,primary,proxyAddresses\n".to_vec(), bytes].concat());
    }

    /// The label is the cell itself, so that every cell of the first column shows what the scanner made of it.
    #[test]
    fn cells_are_those_of_the_csv_crate(
        rows in prop::collection::vec((cell(), any::<bool>(), any::<bool>()), 0..8),
        crlf in any::<bool>(),
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let mut file = format!("name,primary{newline}");
        for (name, quoted, quoted_too) in &rows {
            file += &format!("{},{}{newline}", written(name, *quoted), written("a@x.com", *quoted_too));
        }
        let mut reader = ::csv::Reader::from_reader(file.as_bytes());
        let theirs: Vec<String> = reader.records().map(|r| {
            let name = r.unwrap()[0].trim().to_owned();
            format!("listed {}: a@x.com", if name.is_empty() { "-" } else { &name })
        }).collect();
        prop_assert_eq!(super::csv(file.as_str()), theirs.join("\n"));
    }

    #[test]
    fn ldif_values_survive_folding_and_base64(
        entries in prop::collection::vec(prop::collection::vec(("[a-zé;, ]{1,30}", 1..12usize, any::<bool>()), 1..4), 1..5),
        crlf in any::<bool>(),
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let (mut file, mut expected) = (format!("version: 1{newline}"), Vec::new());
        for values in &entries {
            file += &format!("dn: cn=x{newline}");
            let mut addresses = Vec::new();
            for (local, width, base64) in values {
                let address = format!("\"{local}\"@x.com");
                let line = if *base64 {
                    format!("proxyAddresses:: {}", STANDARD.encode(&address))
                } else {
                    format!("proxyAddresses: smtp:{address}")
                };
                let (line, folded) = fold(&line, 17 + width, newline);
                file += &line;
                addresses.push(format!("{address}{}", if folded || *base64 { "~" } else { "" }));
            }
            file += newline;
            expected.push(format!("account -: {}", addresses.join(" ")));
        }
        prop_assert_eq!(ldif(file), expected.join("\n"));
    }
}

/// Breaks a line after every so many characters.
fn fold(line: &str, width: usize, newline: &str) -> (String, bool) {
    let chars: Vec<char> = line.chars().collect();
    let parts: Vec<String> = chars.chunks(width).map(|c| c.iter().collect()).collect();
    (parts.join(&format!("{newline} ")) + newline, parts.len() > 1)
}
