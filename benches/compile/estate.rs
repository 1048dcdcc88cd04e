//! A large estate, the same for the same numbers: a `routing.dsl`, its people as DSL, CSV or LDIF, and the contact table as text.
//!
//! Three systems, five domains; a contact has 1.3 secondaries, one in a hundred leads to another contact, and beside ten
//! contacts stands an account. Mistakes, where they are asked for, are spread evenly.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

const FIRST: &str = "ann benjamin carol dave erin francesca grace heidi ivan judy katarzyna li mallory niaj olivia peter quentin rosa sebastian trent ursula victor wendy yusuf";
const LAST: &str = "abe brown castellano dubois eriksson fernandez garcia hoffmann ito jones kim lee mueller novak okafor papadopoulos quist rossi silva tanaka ueda vandenberg weber zhang";
const OWN: [&str; 3] = ["unix.contoso.com", "cloud.contoso.com", "labs.contoso.com"];

/// How the people are written down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Dsl,
    Csv,
    Ldif,
}

impl Form {
    pub(crate) fn named(name: &str) -> Option<Form> {
        match name {
            "dsl" => Some(Form::Dsl),
            "csv" => Some(Form::Csv),
            "ldif" => Some(Form::Ldif),
            _ => None,
        }
    }

    fn file(self) -> &'static str {
        match self {
            Form::Dsl => "people.dsl",
            Form::Csv => "people.csv",
            Form::Ldif => "people.ldif",
        }
    }

    /// Around the accounts and around the contacts.
    fn frame(self) -> [&'static str; 2] {
        match self {
            Form::Dsl => ["system exchange {\n    account bob@contoso.com\n", "}\n"],
            Form::Csv => ["\"DisplayName\",\"ExternalEmailAddress\",\"EmailAddresses\",\"PrimarySmtpAddress\"\n", ""],
            Form::Ldif => ["version: 1\n", ""],
        }
    }
}

/// Writes an estate, its contact table (`contacts`, for the table builders) and `empty/main.cf` into a folder.
pub(crate) fn write(folder: &Path, contacts: usize, form: Form, mistakes: usize) -> io::Result<()> {
    fs::create_dir_all(folder.join("empty"))?;
    fs::write(folder.join("empty/main.cf"), "compatibility_level = 3.6\n")?;
    fs::write(folder.join("routing.dsl"), routing(form))?;
    let mut people = BufWriter::new(File::create(folder.join(form.file()))?);
    let mut table = BufWriter::new(File::create(folder.join("contacts"))?);
    let mut random = Random(20_080_317);
    let [before, between] = form.frame();
    people.write_all(before.as_bytes())?;
    for n in 0..contacts / 10 {
        let (first, last) = random.name();
        account(&mut people, form, &format!("{first} {last}"), &format!("{first}.{last}.{n}@contoso.com"))?;
    }
    people.write_all(between.as_bytes())?;
    let mut known = String::from("bob@contoso.com");
    for n in 0..contacts {
        let mut person = Contact::new(n, &known, &mut random);
        if (n + 1) * mistakes / contacts > n * mistakes / contacts {
            person.spoil(n, &known);
        }
        person.write(&mut people, form)?;
        for secondary in &person.secondaries {
            writeln!(table, "{secondary} {}", person.primary)?;
        }
        known = person.secondaries.swap_remove(0);
    }
    people.flush()?;
    table.flush()
}

struct Contact {
    name: String,
    primary: String,
    secondaries: Vec<String>,
}

impl Contact {
    /// `known` is what the contact before claims.
    fn new(n: usize, known: &str, random: &mut Random) -> Contact {
        let (first, last) = random.name();
        let own = format!("{}{last}{n}@{}", &first[..1], OWN[random.below(OWN.len())]);
        let primary = if random.below(100) == 0 { known.to_owned() } else { own };
        let mut secondaries = vec![format!("{first}.{last}{n}@contoso.com")];
        if random.below(10) < 3 {
            secondaries.push(format!("{last}.{first}{n}@contoso.example"));
        }
        Contact { name: format!("{first} {last}"), primary, secondaries }
    }

    /// A claim that another contact has, an address that is none, or a target that nobody has.
    fn spoil(&mut self, n: usize, known: &str) {
        match n % 3 {
            0 => self.secondaries.push(known.to_owned()),
            1 => self.secondaries.push(format!("not..valid{n}@contoso.com")),
            _ => self.primary = format!("gone{n}@contoso.com"),
        }
    }

    fn write(&self, out: &mut impl Write, form: Form) -> io::Result<()> {
        let Contact { name, primary, secondaries } = self;
        match form {
            Form::Dsl => {
                let secondaries = secondaries.join(", ");
                write!(out, "\ncontact \"{name}\" {{\n    primary   {primary}\n    secondary {secondaries}\n}}\n")
            }
            Form::Csv => {
                let (first, all) = (&secondaries[0], secondaries.join(";smtp:"));
                writeln!(out, "\"{name}\",\"SMTP:{primary}\",\"SMTP:{all}\",\"{first}\"")
            }
            Form::Ldif => {
                let all = secondaries.join("\nproxyAddresses: smtp:");
                entry(out, name, &secondaries[0])?;
                writeln!(out, "targetAddress: SMTP:{primary}\nproxyAddresses: SMTP:{all}")
            }
        }
    }
}

fn account(out: &mut impl Write, form: Form, name: &str, address: &str) -> io::Result<()> {
    match form {
        Form::Dsl => writeln!(out, "    account {address}"),
        Form::Csv => writeln!(out, "\"{name}\",\"\",\"SMTP:{address}\",\"{address}\""),
        Form::Ldif => {
            entry(out, name, address)?;
            writeln!(out, "proxyAddresses: SMTP:{address}")
        }
    }
}

fn entry(out: &mut impl Write, name: &str, mail: &str) -> io::Result<()> {
    writeln!(out, "\ndn: CN={mail},OU=People,DC=contoso,DC=com\nobjectClass: person\ncn: {name}\nmail: {mail}")
}

fn routing(form: Form) -> String {
    let (file, rest) = (form.file(), ROUTING);
    match form {
        Form::Dsl => format!("include \"{file}\"\n\n{rest}"),
        Form::Csv | Form::Ldif => format!(
            "system exchange {{\n    account bob@contoso.com\n    accounts from \"{file}\"\n}}\n\n\
             contacts from \"{file}\"\n\n{rest}"
        ),
    }
}

const ROUTING: &str = "\
mta hub {
    target     postfix 3.7
    hostname   mail.contoso.com
    trust      10.0.0.0/8
    postmaster bob@contoso.com
}

system unix {
    domain unix.contoso.com
}

system cloud {
    domain cloud.contoso.com, labs.contoso.com
}

shared domain contoso.com
shared domain contoso.example

connector to-exchange {
    to         exchange
    smart-host exchange.corp.contoso.com
}

connector to-unix {
    to         unix
    smart-host unix.corp.contoso.com
}

connector to-cloud {
    to         cloud
    smart-host mx1.cloud.example, mx2.cloud.example
}

connector internet {
    address-space *
    dns
}
";

/// A linear congruential generator (Knuth's MMIX constants): the estate is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    fn name(&mut self) -> (&'static str, &'static str) {
        let mut one = |of: &'static str| of.split(' ').nth(self.below(of.split(' ').count())).unwrap_or_default();
        (one(FIRST), one(LAST))
    }
}
