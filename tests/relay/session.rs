//! The SMTP session as conversations: what a client sends (`C:`), what it is told (`S:`), what comes of it (`--`).

use mailswitch::relay::session::Settings;

use crate::fuzz::bodies::session::{Event, Talk, settings};

mod answers;
mod data;
mod differential;
mod dsn;
mod limits;
mod order;
mod paths;
mod pieces;
mod tls;

/// Holds a conversation with a relay of these settings against its transcript. Lines of the client that follow each
/// other come in one piece. `\r`, `\n`, `\0` and `\xff` are octets; a line that ends in `\` goes without its CRLF.
fn with(settings: Settings, script: &str) {
    let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut talk = Talk::new(settings);
    let mut held = Vec::new();
    take(&mut talk, &mut held);
    for group in script.split_inclusive(|line| !line.starts_with("C:")) {
        let said: Vec<&str> = group.iter().copied().filter(|line| line.starts_with("C:")).collect();
        if said.is_empty() {
            continue;
        }
        let piece: Vec<u8> =
            said.iter().flat_map(|line| octets(line[2..].strip_prefix(' ').unwrap_or_default())).collect();
        held.extend(said.iter().map(|line| (*line).to_owned()));
        talk.feed(&piece);
        take(&mut talk, &mut held);
    }
    let (held, script) = (held.join("\n"), script.join("\n"));
    assert!(held == script, "the session went on like this:\n{held}\n\nand not like this:\n{script}");
}

fn conversation(script: &str) {
    with(settings(), script);
}

/// What a client may say once it has greeted, and what it is told.
fn greeted(script: &str) {
    with(settings(), &format!("S: 220 mail.example.org ESMTP\nC: HELO c.example\nS: 250 mail.example.org\n{script}"));
}

/// Appends to the transcript what came of the last piece.
fn take(talk: &mut Talk, held: &mut Vec<String>) {
    for event in talk.events.drain(..) {
        match event {
            Event::Said(text) => held.extend(text.lines().map(|line| format!("S: {line}"))),
            Event::Message { envelope, content } => {
                let to: Vec<&str> = envelope.recipients.iter().map(|r| r.address.as_str()).collect();
                held.push(format!("-- message from <{}> to <{}>", envelope.sender, to.join(">, <")));
                let lines = content.split_inclusive(|&byte| byte == b'\n');
                held.extend(
                    lines.map(|line| format!("-- | {}", line.trim_ascii_end().escape_ascii()).trim_end().to_owned()),
                );
            }
            Event::Tls => held.push("-- TLS".to_owned()),
            Event::Closed => held.push("-- closed".to_owned()),
        }
    }
}

fn octets(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(text) => (text, ""),
        None => (text, "\r\n"),
    };
    let text = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
    [text.as_bytes(), end.as_bytes()].concat()
}
