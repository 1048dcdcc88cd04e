//! A disk in memory that fails at a given call, tears what is being written, and at a loss of power keeps of what was
//! not synced any sectors and any names it likes.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use mailswitch::relay::spool::{Disk, File};

const SECTOR: usize = 512;

/// What goes wrong, once the call is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This call fails and has done nothing; a sync that fails so has forgotten what it should have written.
    Fails,
    /// This call fails; if it writes, half of it is there.
    Tears,
    /// The disk is full from this call on.
    Full,
    /// This call and all after it fail: the power is gone.
    PowerLoss,
}

#[derive(Debug, Default, Clone)]
struct State {
    calls: u64,
    fault: Option<(u64, Fault)>,
    files: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    /// What happened to names since their folder was synced.
    unsynced: Vec<Naming>,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Debug, Clone)]
enum Write {
    Octets(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Write::Length(length) => to.resize(*length, 0),
            Write::Octets(at, octets) => {
                to.resize(to.len().max(at + octets.len()), 0);
                to[*at..at + octets.len()].copy_from_slice(octets);
            }
        }
    }

    /// As the disk may carry it out: sector by sector, each or not.
    fn apply_some(&self, to: &mut Vec<u8>, chance: &mut fastrand::Rng) {
        let Write::Octets(at, octets) = self else {
            return if chance.bool() {
                self.apply(to)
            };
        };
        let mut from = 0;
        while from < octets.len() {
            let length = (SECTOR - (at + from) % SECTOR).min(octets.len() - from);
            if chance.bool() {
                Write::Octets(at + from, octets[from..from + length].to_vec()).apply(to);
            }
            from += length;
        }
    }
}

#[derive(Debug, Clone)]
struct Naming {
    add: Option<(PathBuf, usize)>,
    remove: Option<PathBuf>,
}

impl Naming {
    fn folder(&self) -> Option<&Path> {
        self.add.as_ref().map(|(path, _)| path).or(self.remove.as_ref()).and_then(|path| path.parent())
    }

    fn apply(&self, to: &mut BTreeMap<PathBuf, usize>) {
        if let Some(path) = &self.remove {
            to.remove(path);
        }
        to.extend(self.add.clone());
    }
}

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Debug)]
struct Opened(Memory, usize);

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Another disk with the same on it.
    pub(crate) fn copy(&self) -> Memory {
        Memory(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Changes octets of a file behind the spool's back.
    pub(crate) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let inode = state.names[path];
        let file = &mut state.files[inode];
        change(&mut file.now);
        file.durable.clone_from(&file.now);
    }

    pub(crate) fn names(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// From now on the nth call goes wrong.
    pub(crate) fn arm(&self, call: u64, fault: Fault) {
        let mut state = self.state();
        (state.calls, state.fault) = (0, Some((call, fault)));
    }

    /// Nothing goes wrong any more; says whether the call was reached.
    pub(crate) fn disarm(&self) -> bool {
        let mut state = self.state();
        let calls = state.calls;
        state.fault.take().is_some_and(|(call, _)| calls >= call)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.state().fault.is_some()
    }

    /// The power comes back, and with it of what was not synced whatever chance will have.
    pub(crate) fn lose_power(&self, chance: &mut fastrand::Rng) {
        let mut state = self.state();
        let state = &mut *state;
        for file in &mut state.files {
            let writes = std::mem::take(&mut file.unsynced);
            writes.iter().for_each(|write| write.apply_some(&mut file.durable, chance));
            file.now.clone_from(&file.durable);
        }
        for naming in std::mem::take(&mut state.unsynced) {
            if chance.bool() {
                naming.apply(&mut state.durable);
            }
        }
        state.names.clone_from(&state.durable);
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk is broken")
}

impl State {
    /// Counts a call; the fault, if this one goes wrong.
    fn call(&mut self, writes: bool) -> Option<Fault> {
        self.calls += 1;
        let (call, fault) = self.fault?;
        let hit = match fault {
            Fault::PowerLoss => self.calls >= call,
            Fault::Full => writes && self.calls >= call,
            Fault::Fails | Fault::Tears => self.calls == call,
        };
        hit.then_some(fault)
    }

    fn good(&mut self) -> io::Result<()> {
        self.call(false).map_or(Ok(()), |_| Err(broken()))
    }

    fn good_to_add(&mut self) -> io::Result<()> {
        match self.call(true) {
            None => Ok(()),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(_) => Err(broken()),
        }
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced.push(naming);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Memory {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.folders.contains(path) {
            return state.good();
        }
        state.good_to_add()?;
        // A folder that is lost holds nothing yet; the spool's are made before anything else and are simply kept.
        state.folders.insert(path.to_owned());
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.good()?;
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.good_to_add()?;
        state.files.push(Inode::default());
        let inode = state.files.len() - 1;
        state.name(Naming { add: Some((path.to_owned(), inode)), remove: None });
        Ok(Arc::new(Opened(self.clone(), inode)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.good()?;
        Ok(Arc::new(Opened(self.clone(), state.find(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.good()?;
        let inode = state.find(from)?;
        state.name(Naming { add: Some((to.to_owned(), inode)), remove: Some(from.to_owned()) });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.good()?;
        state.find(path)?;
        state.name(Naming { add: None, remove: Some(path.to_owned()) });
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.good()?;
        let unsynced = std::mem::take(&mut state.unsynced);
        let (here, elsewhere): (Vec<_>, Vec<_>) = unsynced.into_iter().partition(|n| n.folder() == Some(folder));
        here.iter().for_each(|naming| naming.apply(&mut state.durable));
        state.unsynced = elsewhere;
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.state().good()?;
        Ok(Box::new(()))
    }

    fn free(&self, _folder: &Path) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

impl Opened {
    fn write(&self, write: Write) -> io::Result<()> {
        let mut state = self.0.state();
        let file = &mut state.files[self.1];
        write.apply(&mut file.now);
        file.unsynced.push(write);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state();
        let fault = state.call(false);
        let file = &mut state.files[self.1];
        if fault == Some(Fault::PowerLoss) {
            return Err(broken());
        }
        let writes = std::mem::take(&mut file.unsynced);
        if fault.is_some() {
            // As kernels do: the pages are called clean, and the next sync has nothing to say.
            return Err(broken());
        }
        writes.iter().for_each(|write| write.apply(&mut file.durable));
        Ok(())
    }
}

impl File for Opened {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.0.state();
        state.good()?;
        Ok(state.files[self.1].now.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.0.state();
        state.good()?;
        let rest = state.files[self.1].now.get(at as usize..).unwrap_or_default();
        // Never all at once.
        let length = rest.len().min(into.len()).min(into.len() / 2 + 100);
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        // Each write is short, too.
        let mut length = bytes.len().min(bytes.len() / 2 + 5000);
        let fault = {
            let mut state = self.0.state();
            let grows = at as usize + length > state.files[self.1].now.len();
            state.call(grows)
        };
        match fault {
            None => {}
            Some(Fault::Full) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Fails) => return Err(broken()),
            Some(Fault::Tears | Fault::PowerLoss) => length /= 2,
        }
        self.write(Write::Octets(at as usize, bytes[..length].to_vec()))?;
        if fault.is_some() { Err(broken()) } else { Ok(length) }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.state().good()?;
        self.write(Write::Length(length as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}
