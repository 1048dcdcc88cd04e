//! The estate's files: the main one, what it includes, and the directory and settings files that they name.
//!
//! Everything that is to be read is read here, through [`Files`]; what comes after is pure.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, code};
use crate::directory;
use crate::name::printable;
use crate::source::{FileId, Files, Sources, Span};
use crate::syntax;
use crate::syntax::ast::{Ast, Item, ItemKind, MtaField, SystemField, Text};

/// So many files may include each other in a row: a file system that makes up names as it is asked ends here.
const DEEPEST: usize = 100;

/// Every statement of the estate, includes in their places, and the files that statements name.
#[derive(Debug, Default)]
pub struct Program {
    pub items: Vec<Item>,
    /// By the token that names the file: what was read for it.
    pub attached: HashMap<Span, FileId>,
    /// Something could not be read or understood (it was reported).
    pub broken: bool,
    /// The main file.
    pub main: Option<FileId>,
}

#[derive(Debug)]
pub struct Loaded {
    pub sources: Sources,
    pub program: Program,
    pub diagnostics: Diagnostics,
}

/// Reads an estate. Only a main file that cannot be read at all is an error here; all else becomes a diagnostic.
pub fn load(files: &dyn Files, main: &Path, outside: bool) -> std::io::Result<Loaded> {
    let bytes = files.read(main)?;
    // A pipe has no name but the one it is given.
    let canonical = files.canonical(main).unwrap_or_else(|_| main.to_path_buf());
    let root = canonical.parent().map(Path::to_path_buf).unwrap_or_default();
    let base = main.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut loader = Loader {
        files,
        outside,
        root,
        base,
        sources: Sources::default(),
        diagnostics: Diagnostics::default(),
        program: Program::default(),
        met: HashSet::new(),
        directories: HashMap::new(),
        open: Vec::new(),
    };
    loader.main(main, canonical, bytes);
    Ok(Loaded { sources: loader.sources, program: loader.program, diagnostics: loader.diagnostics })
}

/// A file whose statements are being taken, and the `include` that opened it.
struct Open {
    items: std::vec::IntoIter<Item>,
    path: PathBuf,
    lineage: Rc<Lineage>,
}

/// A file, the `include` that named it, and the file that this stands in.
struct Lineage {
    canonical: PathBuf,
    name: String,
    included_at: Option<Span>,
    parent: Option<Rc<Lineage>>,
}

impl Lineage {
    /// This file and those that include it, the innermost first.
    fn chain(self: &Rc<Lineage>) -> impl Iterator<Item = &Rc<Lineage>> {
        std::iter::successors(Some(self), |l| l.parent.as_ref())
    }
}

struct Loader<'f> {
    files: &'f dyn Files,
    outside: bool,
    /// The main file's folder, its true name: the files of an estate stay below it.
    root: PathBuf,
    /// The same folder, as the user wrote it.
    base: PathBuf,
    sources: Sources,
    diagnostics: Diagnostics,
    program: Program,
    met: HashSet<PathBuf>,
    /// Directory files by their true names: one export may serve several statements, and is read once. `None` where it is no text.
    directories: HashMap<PathBuf, Option<FileId>>,
    open: Vec<Open>,
}

impl Loader<'_> {
    fn main(&mut self, path: &Path, canonical: PathBuf, bytes: Vec<u8>) {
        self.parse(path, canonical, bytes, None, None);
        self.program.main = self.sources.iter().next().map(|(id, _)| id);
        while let Some(open) = self.open.last_mut() {
            match open.items.next() {
                None => drop(self.open.pop()),
                Some(Item { kind: ItemKind::Include(file), .. }) => self.include(file),
                Some(item) => {
                    self.attach(&item);
                    self.program.items.push(item);
                }
            }
        }
    }

    /// Parses a file and puts its statements next in line.
    fn parse(
        &mut self,
        path: &Path,
        canonical: PathBuf,
        bytes: Vec<u8>,
        included_at: Option<Span>,
        parent: Option<Rc<Lineage>>,
    ) {
        self.met.insert(canonical.clone());
        let name = display(path);
        let short = self.short(path);
        let errors = self.diagnostics.count();
        let Some(file) = syntax::decode::add(&mut self.sources, &name, bytes, &mut self.diagnostics) else {
            self.program.broken = true;
            return;
        };
        self.sources.set_short(file, short);
        let mut found = Diagnostics::default();
        let ast: Ast = syntax::parse(&self.sources, file, &mut found);
        if let Some(at) = included_at.filter(|_| ast.items.is_empty() && !found.is_empty()) {
            return self.no_routing_file(file, &name, at);
        }
        self.diagnostics.extend(found.into_list());
        self.program.broken |= self.diagnostics.count() > errors;
        let lineage = Rc::new(Lineage { canonical, name, included_at, parent });
        self.open.push(Open { items: ast.items.into_iter(), path: path.to_path_buf(), lineage });
    }

    fn include(&mut self, file: Text) {
        let written = self.sources.unquoted(file).into_owned();
        let Some((path, parent)) = self.relative(&written).zip(self.open.last().map(|o| o.lineage.clone())) else {
            return;
        };
        if !written.contains(['*', '?', '[']) {
            return self.include_one(&path, file, parent);
        }
        let matches = match self.files.glob(&path.to_string_lossy()) {
            Ok(matches) => matches,
            Err(error) => return self.no_pattern(file, &written, &error),
        };
        if matches.is_empty() {
            let message = format!("no file matches `{}`", printable(&written));
            let diagnostic = Diagnostic::new(code::INCLUDE_MISSING, message)
                .label(file, "included here")
                .help("correct the path (it is relative to this file), or take the line out");
            return self.fail(diagnostic);
        }
        // What comes last is put first in line, so the first match is taken next.
        for path in matches.iter().rev() {
            self.include_one(path, file, parent.clone());
        }
    }

    fn include_one(&mut self, path: &Path, at: Text, parent: Rc<Lineage>) {
        let Some(canonical) = self.allowed(path, at, [code::INCLUDE_MISSING, code::INCLUDE_OUTSIDE]) else { return };
        if parent.chain().any(|l| l.canonical == canonical) {
            return self.cycle(&canonical, at, &parent);
        }
        if self.met.contains(&canonical) {
            return;
        }
        if parent.chain().count() > DEEPEST {
            let message = format!("includes are nested more than {DEEPEST} deep");
            let help = "include the file from one of those further up";
            return self
                .fail(Diagnostic::new(code::INCLUDE_INVALID, message).label(at, "this one is too deep").help(help));
        }
        match self.files.read_named(path) {
            Ok(bytes) => self.parse(path, canonical, bytes, Some(at), Some(parent)),
            Err(error) => self.unreadable(code::INCLUDE_MISSING, at, path, &error),
        }
    }

    /// An included file of which nothing was understood may be anything, a secret too: nothing of it is shown.
    fn no_routing_file(&mut self, file: FileId, name: &str, at: Span) {
        self.sources.forbid_quoting(file);
        let message = format!("`{}` is no routing file: not one statement of it was understood", printable(name));
        self.fail(Diagnostic::new(code::INCLUDE_INVALID, message).label(at, "included here").help("correct the path"));
    }

    fn no_pattern(&mut self, at: Text, written: &str, error: &std::io::Error) {
        if error.kind() != std::io::ErrorKind::InvalidInput {
            return self.report(code::INCLUDE_MISSING, at, written, error);
        }
        let message = format!("`{}` is not a pattern of file names", printable(written));
        let help = "`*` stands for any part of a name, `?` for a character, `[ab]` for either, `**` for any folders; `[[]` is a bracket";
        self.fail(Diagnostic::new(code::INCLUDE_INVALID, message).label(at, error.to_string()).help(help));
    }

    fn cycle(&mut self, canonical: &Path, at: Text, parent: &Rc<Lineage>) {
        let mut circle: Vec<&Rc<Lineage>> = Vec::new();
        for lineage in parent.chain() {
            circle.push(lineage);
            if lineage.canonical == canonical {
                break;
            }
        }
        circle.reverse();
        let names: Vec<&str> = circle.iter().chain(circle.first()).map(|l| l.name.as_str()).collect();
        let message = format!("files include each other in a circle: {}", names.join(" -> "));
        let mut diagnostic = Diagnostic::new(code::INCLUDE_CYCLE, message).label(at, "this closes the circle");
        for span in circle.iter().skip(1).filter_map(|l| l.included_at) {
            diagnostic = diagnostic.label(span, "by way of this include");
        }
        self.fail(diagnostic.help("take one of these includes out: a file is read once anyway"));
    }

    /// Directory and settings files of a statement.
    fn attach(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::ContactsFrom(bulk) => self.attach_directory(bulk.file),
            ItemKind::System(block) => {
                for field in &block.fields {
                    if let SystemField::AccountsFrom(bulk) = &field.kind {
                        self.attach_directory(bulk.file);
                    }
                }
            }
            ItemKind::Mta(block) => {
                for field in &block.fields {
                    if let MtaField::Settings(file) = field.kind {
                        self.attach_settings(file);
                    }
                }
            }
            _ => {}
        }
    }

    fn attach_directory(&mut self, at: Text) {
        let Some((path, canonical)) = self.place(at) else { return };
        if directory::Format::of(&path).is_none() {
            let diagnostic = Diagnostic::new(
                code::DIRECTORY_INVALID,
                format!("`{}` is neither CSV nor LDIF by its name", display(&path)),
            )
            .label(at, "named here")
            .help("name the file `.csv` or `.ldif`, as what it holds");
            return self.fail(diagnostic);
        }
        let file = match self.directories.get(&canonical) {
            Some(&read) => read,
            None => {
                let Some(bytes) = self.octets(&path, at) else { return };
                let file = self.add_directory(&path, bytes);
                self.directories.insert(canonical, file);
                file
            }
        };
        if let Some(file) = file {
            self.program.attached.insert(at, file);
        }
    }

    fn add_directory(&mut self, path: &Path, bytes: Vec<u8>) -> Option<FileId> {
        let short = self.short(path);
        let file = directory::add(&mut self.sources, &display(path), bytes, &mut self.diagnostics);
        match file {
            Some(file) => self.sources.set_short(file, short),
            None => self.program.broken = true,
        }
        file
    }

    fn attach_settings(&mut self, at: Text) {
        let Some((path, _)) = self.place(at) else { return };
        let Some(bytes) = self.octets(&path, at) else { return };
        let name = display(&path);
        let text = match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => text,
            _ => {
                let diagnostic = Diagnostic::new(code::DIRECTORY_INVALID, format!("`{name}` is not UTF-8 text"))
                    .label(at, "named here")
                    .help("settings are lines of text in the target's own language");
                return self.fail(diagnostic);
            }
        };
        if let Some(file) = self.sources.add(name, text) {
            self.program.attached.insert(at, file);
        }
    }

    /// Where the file is that a statement names, and its true name.
    fn place(&mut self, at: Text) -> Option<(PathBuf, PathBuf)> {
        let written = self.sources.unquoted(at).into_owned();
        let path = self.relative(&written)?;
        let canonical = self.allowed(&path, at, [code::DIRECTORY_MISSING, code::DIRECTORY_OUTSIDE])?;
        Some((path, canonical))
    }

    fn octets(&mut self, path: &Path, at: Text) -> Option<Vec<u8>> {
        match self.files.read_named(path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.unreadable(code::DIRECTORY_MISSING, at, path, &error);
                None
            }
        }
    }

    /// A path as written, from the folder of the file that writes it.
    fn relative(&self, written: &str) -> Option<PathBuf> {
        let folder = self.open.last()?.path.parent().unwrap_or(Path::new(""));
        Some(folder.join(written))
    }

    /// The true name of a file that exists and may be read.
    fn allowed(&mut self, path: &Path, at: Text, [missing, outside]: [Code; 2]) -> Option<PathBuf> {
        let canonical = match self.files.canonical(path) {
            Ok(canonical) => canonical,
            Err(error) => {
                self.unreadable(missing, at, path, &error);
                return None;
            }
        };
        if !self.outside && !canonical.starts_with(&self.root) {
            let diagnostic =
                Diagnostic::new(outside, format!("`{}` lies outside the main file's folder", display(path)))
                    .label(at, "named here")
                    .help("move the file below that folder, or say `--allow-outside`");
            self.fail(diagnostic);
            return None;
        }
        Some(canonical)
    }

    fn unreadable(&mut self, code: Code, at: Text, path: &Path, error: &std::io::Error) {
        let name = display(path);
        self.report(code, at, &name, error);
    }

    fn report(&mut self, code: Code, at: Text, name: &str, error: &std::io::Error) {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        let help = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "give the user who runs mailswitch the right to read it",
            _ => "correct the path (it is relative to this file), or take the line out",
        };
        let diagnostic = Diagnostic::new(code, format!("cannot read `{}`: {why}", printable(name)));
        self.fail(diagnostic.label(at, "named here").help(help));
    }

    fn fail(&mut self, diagnostic: Diagnostic) {
        self.program.broken = true;
        self.diagnostics.push(diagnostic);
    }

    /// The name of a file from the main file's folder: the same on every machine.
    fn short(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.base).unwrap_or(path);
        display(path)
    }
}

/// The name of a file as the user would write it, but on one line.
fn display(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.strip_prefix("./").unwrap_or(&text).replace(char::is_control, "\u{fffd}")
}
