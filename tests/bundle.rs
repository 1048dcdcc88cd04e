//! What a build writes: tables, the files of a bundle with their manifest, and how they replace the bundle before.

mod cdb;
mod lmdb;
mod manifest;
mod output;
