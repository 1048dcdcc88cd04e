//! Directory files in an estate: one export for both statements, and files that are not what they should be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use mailswitch::diagnostic::Diagnostics;
use mailswitch::plan::Plan;
use mailswitch::source::{Files, Sources};
use mailswitch::{load, resolve};

use super::same;

/// The files of an estate, in memory.
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, _: &str) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let file = path.components().fold(PathBuf::new(), |mut file, part| {
            match part {
                std::path::Component::ParentDir => drop(file.pop()),
                part => file.push(part),
            }
            file
        });
        self.0.contains_key(&file).then_some(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

const BOTH: &str = "mta hub { target postfix; hostname mail.contoso.com }\n\
    contacts from \"all.csv\"\n\
    system exchange {\n\
    \x20   accounts from \"../estate/all.csv\"\n\
    }\n";

fn loaded(dsl: &str, name: &str, bytes: impl Into<Vec<u8>>) -> (Sources, Plan, Diagnostics) {
    let files = [("/estate/routing.dsl", dsl.as_bytes().to_vec()), (name, bytes.into())];
    let memory = Memory(files.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect());
    let mut loaded = load::load(&memory, Path::new("/estate/routing.dsl"), false).unwrap();
    let plan = resolve::resolve(&loaded.sources, &loaded.program, &mut loaded.diagnostics);
    (loaded.sources, plan, loaded.diagnostics)
}

/// The contacts and accounts of an estate, then what is wrong with it.
fn show(dsl: &str, name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let (sources, plan, diagnostics) = loaded(dsl, name, bytes);
    let text = |uses: &[mailswitch::plan::AddressUse]| {
        uses.iter().map(|a| plan.addresses.text(a.id)).collect::<Vec<_>>().join(" ")
    };
    let mut out = Vec::new();
    for id in plan.contact_ids() {
        let contact = plan.contact(id);
        let primary = plan.addresses.text(contact.primary.id);
        out.push(format!("{} {primary} <- {}", sources.text(contact.label), text(plan.secondaries_of(id))));
    }
    out.extend(plan.account_ids().map(|id| format!("account {}", text(plan.addresses_of(id)))));
    for diagnostic in diagnostics.into_sorted(&sources) {
        let span = diagnostic.primary().unwrap();
        let at = sources.position(span);
        let name = sources.get(span.file).name.trim_start_matches("/estate/");
        out.push(format!("{name}:{}:{} {}: {}", at.line, at.column, diagnostic.code.name, diagnostic.message));
    }
    out.join("\n")
}

#[test]
fn one_export_serves_both_statements_and_its_mistakes_are_told_once() {
    let export = "DisplayName,ExternalEmailAddress,EmailAddresses,PrimarySmtpAddress\r\n\
        Ann,SMTP:ann@unix.contoso.com,SMTP:ann@contoso.com;smtp:Ann.Lee@contoso.com,ann@contoso.com\r\n\
        Bob,,smtp:robert@contoso.com;SMTP:bob@contoso.com;bobby,bob@contoso.com\r\n\
        Cy,,SMTP:cy@-.com,\r\n";
    same(
        show(BOTH, "/estate/all.csv", export),
        "Ann ann@unix.contoso.com <- ann@contoso.com ann.lee@contoso.com
         account bob@contoso.com robert@contoso.com
         all.csv:3:51 directory::row: `bobby` is not an address
         all.csv:4:10 directory::row: `cy@-.com` is not an address: `-.com` is not a domain",
    );
}

#[test]
fn what_is_no_directory_is_told_once_and_never_quoted() {
    let (sources, plan, diagnostics) = loaded(BOTH, "/estate/all.csv", "root:x:0:0\n");
    let file = sources.iter().last().unwrap().0;
    assert_eq!(plan.unquotable, [file, file]);
    let all = diagnostics.into_sorted(&sources);
    assert_eq!(all.len(), 1);
    assert!(!format!("{all:?}").contains("root"), "{all:?}");

    same(
        show(BOTH, "/estate/all.csv", b"name\nA\0B".as_slice()),
        "all.csv:2:2 directory::invalid: the file is not text: it holds a NUL character",
    );
}

#[test]
fn a_file_that_is_missing_outside_or_of_another_kind_is_told_where_it_is_named() {
    for (dsl, name, expected) in [
        (
            "contacts from \"a.csv\"\n",
            "/estate/b.csv",
            "routing.dsl:1:15 directory::missing: cannot read `/estate/a.csv`: there is no such file",
        ),
        (
            "contacts from \"../a.csv\"\n",
            "/a.csv",
            "routing.dsl:1:15 directory::outside: `/estate/../a.csv` lies outside the main file's folder",
        ),
        (
            "contacts from \"a.txt\"\n",
            "/estate/a.txt",
            "routing.dsl:1:15 directory::invalid: `/estate/a.txt` is neither CSV nor LDIF by its name",
        ),
    ] {
        same(show(dsl, name, "name,primary\n"), expected);
    }
}
