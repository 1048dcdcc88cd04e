//! What 10,000 connections cost that say nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::Bench;
use crate::meter::{processes, resident_kib};
use crate::rate::Client;
use crate::site::{Estate, Kind, Mta};
use crate::support::world;

const CONNECTIONS: usize = 10_000;

pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let world = world();
    let bundle = Estate::new(1)?.keep(Kind::Relay)?;
    let mta = Mta::start(&world, Kind::Relay, &bundle.path().join("hub"), bench.disk.path())?;
    let size = || processes(&mta.namespace()).into_iter().map(resident_kib).max().unwrap_or_default() as f64 / 1024.0;
    let before = size();
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 25));
    let clients =
        mta.node.space().run(|| (0..CONNECTIONS).map(|_| Client::open(server)).collect::<io::Result<Vec<_>>>())??;
    println!("idle: {} connections that have said EHLO", clients.len());
    println!("resident          {:>10.1} MB    goal: < 200 MB ({before:.1} MB before)", size());
    Ok(())
}
