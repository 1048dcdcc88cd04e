//! Standard output and standard error: colour on a terminal only, and no noise where nobody reads any more.

use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};
use std::os::fd::AsFd;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use crate::diagnostic::human::{Look, clean};

/// Widths that prose can be read in.
const NARROWEST: usize = 40;
const WIDEST: usize = 120;

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const REFUSED: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const PLACE: Style = AnsiColor::Cyan.on_default();
pub(super) const STRONG: Style = Style::new().bold();

/// Standard output. Styles in what is written are taken out where it is no terminal, or `NO_COLOR` is set.
pub(super) fn stdout() -> BufWriter<Quiet<AutoStream<Stdout>>> {
    BufWriter::new(Quiet { to: AutoStream::auto(io::stdout()), closed: false })
}

/// Standard error, in the same way. It is not locked: the line that tells of progress is another thread's.
pub(super) fn stderr() -> BufWriter<Quiet<AutoStream<Stderr>>> {
    BufWriter::new(Quiet { to: AutoStream::auto(io::stderr()), closed: false })
}

/// A line on standard error, of which control characters are taken out. Where that fails there is nobody to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", clean(line));
}

/// What the terminal behind a stream can show; colour is taken out by the stream itself where it is not wanted.
pub(super) fn look(stream: &(impl IsTerminal + AsFd)) -> Look {
    if !stream.is_terminal() {
        return Look { color: true, unicode: true, width: 100 };
    }
    // Some terminals do not know how wide they are, and say 0.
    let columns = rustix::termios::tcgetwinsize(stream).map_or(0, |size| usize::from(size.ws_col));
    let width = if columns == 0 { 80 } else { columns };
    Look { color: true, unicode: speaks_utf8(), width: width.clamp(NARROWEST, WIDEST) }
}

/// Rows and columns of the terminal behind a stream.
pub(super) fn size(stream: &impl AsFd) -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(stream).map_or((0, 0), |size| (size.ws_row, size.ws_col));
    // Some terminals do not know it, and say 0.
    let or = |known: u16, otherwise| if known == 0 { otherwise } else { usize::from(known) };
    (or(size.0, 24), or(size.1, 80))
}

/// Whether nobody reads any more.
pub(super) fn is_closed<W: Write>(out: &BufWriter<Quiet<W>>) -> bool {
    out.get_ref().closed
}

/// Whether the locale is a UTF-8 one, by the variables that POSIX names, in their order.
fn speaks_utf8() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}

/// A writer that takes everything and drops it once its reader has gone: `mailswitch … | head` is no mistake.
pub(super) struct Quiet<W> {
    to: W,
    closed: bool,
}

impl<W: Write> Quiet<W> {
    fn unless_closed<T>(&mut self, instead: T, run: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.closed {
            return Ok(instead);
        }
        match run(&mut self.to) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), Write::flush)
    }
}
