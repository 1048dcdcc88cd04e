//! The file that answers outlive a restart in.
//!
//! ```text
//! file   = "mailswitch verify 1" LF *line
//! line   = crc TAB at TAB route TAB mailbox TAB answer LF
//! crc    = 8HEXDIG                  ; CRC-32C of what follows its TAB, without the LF
//! at     = 1*DIGIT                  ; seconds of Unix time
//! route  = a route's key            ; names of connectors
//! mailbox = an address in normal form
//! answer = "taken" / status TAB words
//! ```
//!
//! A later line counts over an earlier one. A line that is not whole, or not what was written, says nothing: at worst a
//! recipient is asked for again. So nothing is synced, but for the file that takes the place of a longer one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::cache::{Answer, Cache, Entry, Key};

const NAME: &str = "verify";
const HEAD: &str = "mailswitch verify 1\n";
/// A file of this length is written anew before it has twice the lines that count.
const SLACK: u64 = 1 << 20;
/// A longer file is not read: no relay wrote it.
const LONGEST: u64 = 256 << 20;

#[derive(Debug)]
pub(super) struct Book {
    path: PathBuf,
    file: File,
    length: u64,
    /// How long it was when it was last written anew.
    compact: u64,
}

impl Book {
    /// Reads the file in this folder into the cache, or begins one.
    pub(super) fn open(folder: &Path, cache: &mut Cache, now: u64) -> io::Result<Book> {
        let path = folder.join(NAME);
        let text = read(&path)?;
        for line in text.strip_prefix(HEAD.as_bytes()).unwrap_or_default().split(|byte| *byte == b'\n') {
            if let Some((key, entry)) = parse(line) {
                cache.put(key, entry);
            }
        }
        cache.forget_expired(now);
        // Written anew, it ends with a whole line, whatever it ended with.
        let (file, length) = write(&path, cache)?;
        Ok(Book { path, file, length, compact: length })
    }

    pub(super) fn append(&mut self, key: &Key, entry: &Entry) -> io::Result<()> {
        let line = line(key, entry);
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Most of its lines count no longer.
    pub(super) fn is_long(&self) -> bool {
        self.length > 2 * self.compact + SLACK
    }

    /// Only what the cache holds.
    pub(super) fn rewrite(&mut self, cache: &Cache) -> io::Result<()> {
        (self.file, self.length) = write(&self.path, cache)?;
        self.compact = self.length;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) if file.metadata()?.len() <= LONGEST => drop(file.take(LONGEST).read_to_end(&mut text)?),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(text)
}

/// Puts a new file in the place of the one at `path`, and gives it with its length.
fn write(path: &Path, cache: &Cache) -> io::Result<(File, u64)> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.open(&new)?);
    let mut length = HEAD.len() as u64;
    out.write_all(HEAD.as_bytes())?;
    for (key, entry) in cache.iter() {
        let line = line(key, entry);
        out.write_all(line.as_bytes())?;
        length += line.len() as u64;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    std::fs::rename(&new, path)?;
    Ok((file, length))
}

fn line(key: &Key, entry: &Entry) -> String {
    let Key { route, mailbox } = key;
    let answer = match &entry.answer {
        Answer::Taken => "taken".to_owned(),
        Answer::Refused { status, words } => format!("{status}\t{words}"),
    };
    let rest = format!("{}\t{route}\t{mailbox}\t{answer}", entry.at);
    // Addresses and connectors' names hold no control characters, and words are cleaned before.
    format!("{:08x}\t{rest}\n", crc32c::crc32c(rest.as_bytes()))
}

fn parse(line: &[u8]) -> Option<(Key, Entry)> {
    let (crc, rest) = std::str::from_utf8(line).ok()?.split_once('\t')?;
    if u32::from_str_radix(crc, 16) != Ok(crc32c::crc32c(rest.as_bytes())) {
        return None;
    }
    let mut fields = rest.splitn(5, '\t');
    let at = fields.next()?.parse().ok()?;
    let (route, mailbox) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    let answer = match fields.next()? {
        "taken" => Answer::Taken,
        status => Answer::Refused { status: status.parse().ok()?, words: fields.next()?.to_owned() },
    };
    Some((Key { route, mailbox }, Entry { at, answer }))
}
