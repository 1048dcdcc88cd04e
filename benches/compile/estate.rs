//! A large estate, the same for the same number: contacts in CSV, their table as text, and a `routing.dsl`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

const FIRST: [&str; 12] =
    ["ann", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj"];
const LAST: [&str; 10] = ["lee", "smith", "jones", "garcia", "kim", "novak", "rossi", "silva", "tanaka", "weber"];

/// Writes `routing.dsl`, `contacts.csv`, `contacts` (for the table builders) and `empty/main.cf` into a folder.
pub(crate) fn write(folder: &Path, contacts: usize) -> io::Result<()> {
    fs::create_dir_all(folder.join("empty"))?;
    fs::write(folder.join("empty/main.cf"), "compatibility_level = 3.6\n")?;
    fs::write(folder.join("routing.dsl"), ROUTING)?;
    let mut csv = BufWriter::new(File::create(folder.join("contacts.csv"))?);
    let mut table = BufWriter::new(File::create(folder.join("contacts"))?);
    writeln!(csv, "name,primary,secondary")?;
    let mut random = Random(20_080_317);
    for n in 0..contacts {
        let first = FIRST[random.below(FIRST.len())];
        let last = LAST[random.below(LAST.len())];
        let domain = ["unix.contoso.com", "cloud.contoso.com", "labs.contoso.com"][random.below(3)];
        writeln!(csv, "{first} {last},{first}{n}@{domain},{first}.{last}.{n}@contoso.com")?;
        writeln!(table, "{first}.{last}.{n}@contoso.com {first}{n}@{domain}")?;
    }
    csv.flush()?;
    table.flush()
}

const ROUTING: &str = "\
mta hub {
    target     postfix 3.7
    hostname   mail.contoso.com
    trust      10.0.0.0/8
    postmaster bob@contoso.com
}

system exchange {
    account bob@contoso.com
}

system unix {
    domain unix.contoso.com
}

system cloud {
    domain cloud.contoso.com, labs.contoso.com
}

shared domain contoso.com

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

contacts from \"contacts.csv\"
";

/// A linear congruential generator (Knuth's MMIX constants): the estate is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}
