//! CSV in every shape that the language names.

use super::{csv, mapped, same, show};
use mailswitch::directory::{Columns, Format};

#[test]
fn our_own_columns_are_a_contact_or_an_account_as_the_statement_says() {
    same(
        csv(
            "name,primary,secondary\nAnn Lee,ann@unix.contoso.com,\"ann@contoso.com, ann.lee@contoso.com\"\nBob,bob@x.com,\n",
        ),
        "listed Ann Lee: ann@unix.contoso.com ann@contoso.com ann.lee@contoso.com
         listed Bob: bob@x.com",
    );
}

#[test]
fn exchange_mail_contacts_with_a_type_line_crlf_and_joined_addresses() {
    let file = "#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.MailContact\r\n\
        \"DisplayName\",\"ExternalEmailAddress\",\"EmailAddresses\",\"PrimarySmtpAddress\"\r\n\
        \"Lee, Ann\",\"SMTP:ann@unix.contoso.com\",\"SMTP:Ann@contoso.com smtp:ann.lee@contoso.com X400:C=US;A= ;P=Org;O=Exchange;S=Lee;G=Ann;\",\"Ann@contoso.com\"\r\n\
        \"Bob\",\"\",\"smtp:robert@contoso.com;SMTP:bob@contoso.com;X500:/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=bob|sip:bob@contoso.com\",\"bob@contoso.com\"\r\n";
    same(
        csv(file),
        "contact Lee, Ann: ann@unix.contoso.com <- Ann@contoso.com ann.lee@contoso.com Ann@contoso.com
         account Bob: bob@contoso.com robert@contoso.com bob@contoso.com",
    );
}

#[test]
fn csvde_names_the_columns_as_the_directory_does() {
    let file = "DN,objectClass,displayName,proxyAddresses,targetAddress,mail\n\
        \"CN=Ann Lee,OU=Contacts,DC=contoso,DC=com\",contact,Ann Lee,X400:c=US\\;a= \\;p=Org\\;o=Exchange\\;s=Lee\\;;smtp:ann@contoso.com;SMTP:ann@unix.contoso.com,SMTP:ann@unix.contoso.com,ann@contoso.com\n\
        \"CN=PC1,DC=contoso,DC=com\",computer,,,,\n\
        \"CN=All,DC=contoso,DC=com\",group,All staff,SMTP:all@contoso.com,,all@contoso.com\n";
    same(
        csv(file),
        "contact Ann Lee: ann@unix.contoso.com <- ann@unix.contoso.com ann@contoso.com ann@contoso.com
         account All staff: all@contoso.com all@contoso.com",
    );
}

#[test]
fn a_cell_is_split_outside_quotes_or_before_a_type() {
    for (cell, expected) in [
        ("a@x.com;b@x.com|c@x.com,d@x.com e@x.com", "a@x.com b@x.com c@x.com d@x.com e@x.com"),
        ("SMTP:a@x.com;smtp:b@x.com", "a@x.com b@x.com"),
        ("smtp: a@x.com ;  SMTP:  b@x.com ", "b@x.com a@x.com"),
        ("smtp:;SMTP:a@x.com;smtp: ;", "a@x.com"),
        ("smtp: smtp:a@x.com", "a@x.com"),
        ("X400:C=US;A= ;P=X;S=Lee;;SMTP:a@x.com", "a@x.com"),
        ("X500:/o=A B/cn=x, y;smtp:a@x.com;EX:/o=Z", "a@x.com"),
        ("SMTP:a@x.com;SIP:a@x.com;EUM:123;phone-context=x.com;SPO:SPO_1@SPO_2", "a@x.com"),
        ("{SMTP:a@x.com, smtp:b@x.com}", "a@x.com b@x.com"),
        ("{x}@x.com a#b@x.com", "{x}@x.com a#b@x.com"),
        ("smtp:a@x.com\u{a0};\u{a0}smtp:é@x.com\u{3000}b@x.com", "a@x.com é@x.com b@x.com"),
        ("a@x.com\n b@x.com\r\n", "a@x.com b@x.com"),
    ] {
        let file = format!("mail,proxyAddresses\n,\"{cell}\"\n");
        same(csv(file), &format!("account -: {expected}"));
    }
    // Doubled quotes are the file's own escape, so the place is the whole cell.
    same(csv("proxyAddresses\n\"smtp:\"\"a b;c\"\"@x.com;SMTP:d@x.com\"\n"), "account -: d@x.com~ \"a b;c\"@x.com~");
}

#[test]
fn a_part_that_is_no_address_is_a_bad_row_at_its_exact_place() {
    same(
        csv("name,primary,secondary\nAnn,ann@x.com,\"é, a@x.com, ann lee@x.com\"\n"),
        "listed Ann: ann@x.com a@x.com lee@x.com
         2:16 directory::row: `é` is not an address [é]
         2:28 directory::row: `ann` is not an address [ann]",
    );
    same(
        csv("name,primary\nAnn,ann\nBob,bob@x.com\n"),
        "listed Bob: bob@x.com
         2:5 directory::row: `ann` is not an address [ann]",
    );
    same(
        csv("proxyAddresses\nsmpt:ann@x.com\nmailto:a@x.com\n"),
        "2:1 directory::row: `smpt:ann@x.com` is not an address [smpt:ann@x.com]
         3:1 directory::row: `mailto:a@x.com` is not an address [mailto:a@x.com]",
    );
}

#[test]
fn a_target_is_the_primary_whatever_prefix_is_upper_case_and_x400_is_none() {
    same(
        csv(
            "targetAddress,proxyAddresses\nsmtp:ann@unix.com,SMTP:ann@x.com\nX400:c=us;a= ;,SMTP:bob@x.com\nann@unix.com,\n",
        ),
        "contact -: ann@unix.com <- ann@x.com
         account -: bob@x.com
         contact -: ann@unix.com <-",
    );
}

#[test]
fn a_block_maps_columns_by_any_name() {
    let columns = mapped("Mail", "Aliases");
    let file = "Id;Mail;Aliases;targetAddress\n1;ann@x.com;\"a@x.com;b@x.com\";SMTP:z@z.com\n2;;;\n3;;c@x.com;\n";
    same(
        show(Format::Csv, file, &columns),
        "listed -: ann@x.com a@x.com b@x.com
         4:4 directory::row: the row has secondary addresses but no primary one [c@x.com]",
    );
    same(
        show(Format::Csv, "mail,Other\na@x.com,b@x.com\n", &columns),
        "not a directory
         1:1 directory::invalid: the file has no column `Aliases` [mail,Other]",
    );
    let only_secondary = Columns { secondary: Some("other".into()), ..Columns::default() };
    same(
        show(Format::Csv, "mail,Other,proxyAddresses\na@x.com,b@x.com,c@x.com\n", &only_secondary),
        "account -: a@x.com b@x.com",
    );
}

#[test]
fn quoted_cells_may_hold_newlines_and_quotes() {
    same(
        csv("name,primary\n\"Ann\n\"\"A\"\" Lee\" , ann@x.com\n \"Bob\", \"bob@x.com\"\r\nCy \"C\" D,cy@x.com"),
        "listed Ann
         \"A\" Lee: ann@x.com
         listed Bob: bob@x.com
         listed Cy \"C\" D: cy@x.com",
    );
}

#[test]
fn a_broken_quote_is_reported_where_it_opens_and_reading_goes_on() {
    same(
        csv(
            "name,primary\n\"Ann,ann@x.com\n\"Bob\",\"bob@x.com\"\n\"Cy\" D,cy@x.com\nE\"d,ed@x.com\nFay,fay@x.com\n\"Gil,gil@x.com\n",
        ),
        "listed Bob: bob@x.com
         listed Fay: fay@x.com
         2:1 directory::row: a quote is not closed [\"]
         4:4 directory::row: a quoted cell goes on after its closing quote [\"]
         5:2 directory::row: a quote is not closed [\"]
         7:1 directory::row: a quote is not closed [\"]",
    );
}

#[test]
fn a_broken_quote_in_row_700_000_has_its_line() {
    let mut file = String::from("name,primary\n");
    for row in 1..=700_100 {
        if row == 700_000 {
            file.push_str("U,\"broken@x.com\n");
        } else {
            file.push_str(&format!("U,u{row}@x.com\n"));
        }
    }
    let shown = csv(file);
    assert_eq!(shown.lines().last().unwrap(), "700001:3 directory::row: a quote is not closed [\"]");
    assert_eq!(shown.lines().count(), 700_100);
}

#[test]
fn too_many_cells_shift_addresses_and_too_few_are_blank() {
    same(
        csv("name,primary,secondary\nAnn,ann@x.com,a@x.com,b@x.com\nBob,bob@x.com\nCy,cy@x.com,,,\n"),
        "listed Bob: bob@x.com
         listed Cy: cy@x.com
         2:23 directory::row: the row has 4 cells where the header has 3 [b@x.com]",
    );
}

#[test]
fn a_file_that_is_no_directory_is_said_to_be_one_thing_only() {
    for (file, expected) in [
        ("root:x:0:0\n", "1:1 directory::invalid: the file has no column of primary addresses [root:x:0:0]"),
        ("Ann,ann@x.com\n", "1:1 directory::invalid: the file has no column of primary addresses [Ann,ann@x.com]"),
        (
            "name,secondary\nA,a@x.com\n",
            "1:1 directory::invalid: the file has no column of primary addresses [name,secondary]",
        ),
        ("mail,\"x\na@x.com\n", "1:6 directory::invalid: a quote is not closed [\"]"),
        ("mail,Mail\n", "1:6 directory::invalid: a column is there twice [Mail]"),
    ] {
        same(csv(file), &format!("not a directory\n{expected}"));
    }
}

#[test]
fn an_empty_file_is_an_empty_directory() {
    for file in ["", "\r\n\n", "name,primary\n", "#TYPE System.Object\r\n"] {
        same(csv(file), "");
    }
}

#[test]
fn a_list_that_was_not_joined_is_explained_once() {
    same(
        csv(
            "mail,proxyAddresses\na@x.com,Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\nb@x.com,System.String[]\n",
        ),
        "2:9 directory::row: the export holds the name of a type instead of the addresses [Microsoft.ActiveDirectory.Management.ADPropertyValueCollection]",
    );
}

#[test]
fn other_delimiters_are_taken_from_the_header() {
    same(csv("name;primary\nAnn, A;a@x.com\n"), "listed Ann, A: a@x.com");
    same(csv("name\tprimary\nAnn, A\ta@x.com\r\n"), "listed Ann, A: a@x.com");
    same(csv("sep=;\r\nname;primary\r\nAnn;a@x.com\r\n"), "listed Ann: a@x.com");
}

#[test]
fn a_hundred_mistakes_are_shown_and_the_rest_counted() {
    let file = format!("primary\n{}", "bad\n".repeat(350));
    let shown = csv(file);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[99], "101:1 directory::row: `bad` is not an address [bad]");
    assert_eq!(lines[100], "102:1 directory::row: 250 more mistakes in this file are not shown [bad]");
}
