#![no_main]

#[path = "../bodies.rs"]
#[expect(dead_code, reason = "one body of several")]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::spool::reader(data));
