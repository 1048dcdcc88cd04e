//! A machine for one MTA: its addresses, its throw-away file system, its log.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use nix::unistd::User;
use tempfile::TempDir;

use crate::lab::client::Client;
use crate::lab::log::{Log, Syslog};
use crate::lab::space::Space;
use crate::lab::tls::authority_pem;
use crate::lab::{GATEWAY, PATIENCE, RESOLVER};

/// Clones stand for the same machine, which is gone with the last of them.
#[derive(Clone)]
pub(crate) struct Node {
    machine: Arc<Machine>,
}

/// A machine that may be gone.
pub(crate) struct WeakNode(Weak<Machine>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(|machine| Node { machine })
    }
}

struct Machine {
    name: String,
    space: Space,
    addresses: Vec<IpAddr>,
    log: Log,
    _syslog: Syslog,
    /// Only the place where the machine's file system is mounted, for itself alone.
    _scratch: TempDir,
}

/// What a command that ran on a machine said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// All of it, with a last line that tells of a failure: empty means clean.
    pub(crate) fn text(&self) -> String {
        let failure = if self.success { "" } else { "(the command failed)\n" };
        format!("{}{}{failure}", self.stdout, self.stderr)
    }
}

impl Node {
    pub(crate) fn new(world: &Space, number: u8, name: &str, addresses: Vec<IpAddr>, disk: Option<&Path>) -> Node {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let space = Space::machine(scratch.path(), disk);
        world.run(|| connect_world(&space, number, &addresses));
        let log = Log::default();
        let syslog = space.run(|| {
            connect_machine(&addresses);
            write("/etc/resolv.conf".as_ref(), format!("nameserver {RESOLVER}\n").as_bytes(), 0o644);
            write("/etc/hosts".as_ref(), format!("127.0.0.1 localhost {name}\n::1 localhost\n").as_bytes(), 0o644);
            write("/etc/ssl/certs/ca-certificates.crt".as_ref(), authority_pem().as_bytes(), 0o644);
            Syslog::listen(log.clone())
        });
        Node {
            machine: Arc::new(Machine {
                name: name.to_owned(),
                space,
                addresses,
                log,
                _syslog: syslog,
                _scratch: scratch,
            }),
        }
    }

    /// Its first IPv4 address and port 25.
    pub(crate) fn smtp(&self) -> SocketAddr {
        self.port(25)
    }

    pub(crate) fn port(&self, port: u16) -> SocketAddr {
        let address = self.machine.addresses.iter().find(|address| address.is_ipv4());
        SocketAddr::new(*address.expect("every machine has an IPv4 address"), port)
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.machine.addresses
    }

    /// Writes a file, with the folders above it. No symbolic link is followed.
    pub(crate) fn write(&self, path: &str, bytes: &[u8], mode: u32) {
        self.space().run(|| write(path.as_ref(), bytes, mode));
    }

    /// Puts a program on the machine. Another process writes it: a file that this one has open for writing, however
    /// briefly, is open in the children that other threads start just then, and is no program for so long.
    pub(crate) fn write_program(&self, path: &str, bytes: &[u8]) {
        let script = "mkdir -p \"${0%/*}\" && cat >\"$0\" && chmod 755 \"$0\"";
        let output = self.space().run(|| run("sh", &["-c", script, path], bytes));
        assert!(output.success, "{path}: {}", output.text());
    }

    /// Gives a file or folder to a user, such as `Debian-exim`, and that user's group.
    pub(crate) fn give(&self, path: &str, user: &str) {
        self.space().run(|| give(path.as_ref(), user));
    }

    /// A file's text; none if there is no such file.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let bytes = self.space().run(|| fs::read(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs a command on the machine, with that standard input.
    pub(crate) fn command(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        self.space().run(|| run(program, arguments, input.as_bytes()))
    }

    /// Everything logged so far, in whatever way: by syslog, on a daemon's output, to a file under `/var/log`.
    pub(crate) fn log(&self) -> String {
        let mut text = self.machine.log.text();
        self.space().run(|| append_files("/var/log".as_ref(), &mut text));
        text
    }

    /// Waits until the log holds this text. Programs write files as they like, so it is looked at again and again.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "{text:?} is not in the log after {PATIENCE:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A client on this machine itself, speaking from its loopback.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.space(), IpAddr::from([127, 0, 0, 1]))
    }

    /// The TCP ports that something listens on.
    pub(crate) fn listening(&self) -> BTreeSet<u16> {
        self.space().run(|| ["tcp", "tcp6"].iter().flat_map(|kind| listening(kind)).collect())
    }

    pub(crate) fn name(&self) -> &str {
        &self.machine.name
    }

    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.machine))
    }

    pub(crate) fn space(&self) -> &Space {
        &self.machine.space
    }

    pub(crate) fn log_lines(&self) -> &Log {
        &self.machine.log
    }

    /// Copies a folder's files, byte for byte, into one of the machine's.
    pub(crate) fn place(&self, source: &Path, target: &str) {
        let mut files = Vec::new();
        collect(source, Path::new(""), &mut files);
        assert!(!files.is_empty(), "{} holds no files", source.display());
        self.space().run(|| {
            for file in files {
                write(&Path::new(target).join(file.path), &file.bytes, file.mode);
            }
        });
    }
}

struct PlacedFile {
    path: PathBuf,
    bytes: Vec<u8>,
    mode: u32,
}

fn collect(root: &Path, below: &Path, files: &mut Vec<PlacedFile>) {
    let folder = root.join(below);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a folder can be listed");
        let (path, relative) = (entry.path(), below.join(entry.file_name()));
        if path.is_dir() {
            collect(root, &relative, files);
        } else {
            let mode = entry.metadata().expect("a listed file is there").permissions().mode() & 0o777;
            files.push(PlacedFile {
                path: relative,
                bytes: fs::read(&path).expect("a bundle's files are readable"),
                mode,
            });
        }
    }
}

/// The world's side: a link to the machine, and a route to each of its addresses.
fn connect_world(machine: &Space, number: u8, addresses: &[IpAddr]) {
    let mut batch = format!(
        "link add m{number} type veth peer name eth0 netns {}\n\
         link set m{number} addrgenmode none\n\
         addr add fe80::1/64 dev m{number} nodad\n\
         link set m{number} up\n",
        machine.network_path()
    );
    for address in addresses {
        batch += &format!("route add unicast {address} dev m{number} table local scope link\n");
    }
    ip(&batch);
}

/// The machine's side: everything that is not its own is behind the link.
fn connect_machine(addresses: &[IpAddr]) {
    sysctl("net/ipv6/conf/all/disable_ipv6", "0");
    let mut batch = "link set lo up\nlink set eth0 addrgenmode none\nlink set eth0 up\n".to_owned();
    batch += "addr add fe80::2/64 dev eth0 nodad\n";
    for address in addresses {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        batch += &format!("addr add {address} dev eth0{nodad}\n");
    }
    // The address given first is the one that the machine speaks from.
    let source = |v6: bool| addresses.iter().find(|address| address.is_ipv6() == v6);
    let (v4, v6) = (source(false), source(true));
    batch += &format!("route add 0.0.0.0/0 via {GATEWAY} dev eth0 onlink src {}\n", v4.expect("there is one"));
    batch += &format!("route add ::/0 via fe80::1 dev eth0 src {}\n", v6.expect("there is one"));
    ip(&batch);
}

/// Runs ip(8) in the calling thread's network; a line that fails is a panic.
pub(crate) fn ip(batch: &str) {
    let output = run("ip", &["-batch", "-"], batch.as_bytes());
    assert!(output.success, "ip -batch failed:\n{batch}\n{}", output.text());
}

/// Sets a kernel parameter of the calling thread's network.
pub(crate) fn sysctl(name: &str, value: &str) {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): has tests/setup.sh been run?"));
    let mut stdin = child.stdin.take().expect("the input is a pipe");
    let output = std::thread::scope(|scope| {
        // A command that does not read all of its input closes it early, and that is no fault.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("a child can be waited for")
    });
    Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    let problem = |error: std::io::Error| -> () { panic!("{}: {error}", path.display()) };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap_or_else(problem);
    }
    // Written anew, so that a link there, such as Debian's resolv.conf, is replaced and not followed.
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap_or_else(problem);
    }
    fs::write(path, bytes).unwrap_or_else(problem);
    // Postfix does not trust a file that has just been changed, and waits until it is a little older.
    let file = fs::File::options().write(true).open(path).expect("the file was just written");
    file.set_modified(SystemTime::now() - Duration::from_secs(10)).unwrap_or_else(problem);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap_or_else(problem);
}

pub(crate) fn give(path: &Path, user: &str) {
    let known = User::from_name(user).expect("the user table can be read");
    let known = known.unwrap_or_else(|| panic!("there is no user {user}: has tests/setup.sh been run?"));
    chown(path, Some(known.uid.as_raw()), Some(known.gid.as_raw()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn append_files(folder: &Path, text: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            append_files(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            *text += &String::from_utf8_lossy(&bytes);
        }
    }
}

/// The local ports in state LISTEN (0A) of the calling thread's network.
fn listening(kind: &str) -> Vec<u16> {
    let table = fs::read_to_string(format!("/proc/thread-self/net/{kind}")).unwrap_or_default();
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        let (_, port) = local.rsplit_once(':')?;
        if state == "0A" { u16::from_str_radix(port, 16).ok() } else { None }
    };
    table.lines().skip(1).filter_map(port).collect()
}
