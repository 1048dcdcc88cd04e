//! Every reply that the relay gives to a client: code (RFC 5321 4.2), enhanced status code (RFC 2034, RFC 3463), text.

use crate::relay::reply::{Reply, Status};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub code: u16,
    pub status: Option<Status>,
    pub text: &'static str,
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident $code:literal ($class:literal $subject:literal $detail:literal) $text:literal)*) => {
        $($(#[$doc])* pub const $name: Row = Row { code: $code, status: Some(Status($class, $subject, $detail)), text: $text };)*

        /// All of them, by name.
        pub const ALL: &[(&str, Row)] = &[$((stringify!($name), $name)),*];
    };
}

replies! {
    // Assent.
    OK                    250 (2 0 0)  "Ok"
    BYE                   221 (2 0 0)  "Bye"
    HELP                  214 (2 0 0)  "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS: see RFC 5321"
    SENDER_OK             250 (2 1 0)  "Sender ok"
    RECIPIENT_OK          250 (2 1 5)  "Recipient ok"
    NOT_VERIFIED          252 (2 1 5)  "Cannot say; send a message and see"
    START_TLS             220 (2 0 0)  "Ready to start TLS"

    // The order of commands.
    HELLO_FIRST           503 (5 5 1)  "EHLO or HELO comes first"
    MAIL_FIRST            503 (5 5 1)  "MAIL comes first"
    RECIPIENT_FIRST       503 (5 5 1)  "No valid recipients"
    NESTED_MAIL           503 (5 5 1)  "There is a sender already"
    TLS_ALREADY           503 (5 5 1)  "TLS is on already"
    UNKNOWN               500 (5 5 2)  "No such command"
    NOT_IMPLEMENTED       502 (5 5 1)  "Command not implemented"
    NOT_SMTP              421 (4 7 0)  "This is a mail server"

    // How commands are written.
    LINE_TOO_LONG         500 (5 5 2)  "Line too long"
    LINE_BARE_LF          500 (5 5 2)  "Lines end in CRLF, not in LF alone"
    LINE_BARE_CR          500 (5 5 2)  "CR stands only before LF"
    LINE_NUL              500 (5 5 2)  "NUL in a command"
    LINE_NOT_UTF8         500 (5 5 2)  "A command is ASCII, or UTF-8 in an address"
    ARGUMENT              501 (5 5 4)  "Wrong argument"
    NO_ARGUMENT           501 (5 5 4)  "This command has no argument"
    HELLO_NAME            501 (5 5 4)  "A domain or an address literal belongs here"
    SENDER_SYNTAX         501 (5 1 7)  "Not a sender address"
    RECIPIENT_SYNTAX      501 (5 1 3)  "Not a recipient address"
    PARAMETER_VALUE       501 (5 5 4)  "Wrong value of a parameter"
    PARAMETER_TWICE       555 (5 5 4)  "The same parameter twice"
    PARAMETER_UNKNOWN     555 (5 5 4)  "No such parameter"
    NEEDS_UTF8            553 (5 6 7)  "An address that is not ASCII needs SMTPUTF8"

    // Limits.
    TOO_MANY_RECIPIENTS   452 (4 5 3)  "Too many recipients"
    TOO_MANY_MESSAGES     421 (4 7 0)  "Too many messages in one session"
    TOO_MANY_ERRORS       421 (4 7 0)  "Too many errors"
    TOO_MANY_SESSIONS     421 (4 3 2)  "Too many sessions"
    TOO_MANY_OF_A_NETWORK 421 (4 7 0)  "Too many sessions from your network"
    TOO_EARLY             554 (5 5 1)  "You talked before the greeting"
    TIMEOUT               421 (4 4 2)  "You took too long"
    SHUTTING_DOWN         421 (4 3 2)  "The server is going down"
    LOW_DISK              452 (4 3 1)  "Not enough room for mail"

    // The message.
    TOO_LARGE             552 (5 3 4)  "Message too large"
    TOO_LARGE_THERE       552 (5 3 4)  "Message too large for the next server of this recipient"
    DATA_BARE_LF          554 (5 6 0)  "LF without CR in the message"
    DATA_BARE_CR          554 (5 6 0)  "CR without LF in the message"
    DATA_NUL              554 (5 6 0)  "NUL in the message"
    DATA_LONG_LINE        554 (5 6 0)  "A line of the message is too long"
    DATA_LOOP             554 (5 4 6)  "More than 50 Received lines: this message runs in a circle"

    // What is not the client's doing.
    LOCAL_ERROR           451 (4 3 0)  "Local error; try again later"
    NO_FILTER             451 (4 7 1)  "The content filter cannot be asked; try again later"
    NOT_STORED            451 (4 3 0)  "The message could not be stored; try again later"
}

impl Row {
    pub fn reply(self) -> Reply {
        Reply { code: self.code, status: self.status, text: self.text.to_owned() }
    }

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        write(self.code, self.status, self.text, out);
    }
}

/// The refusal that a status stands for, at RCPT.
pub fn refusal(status: Status, text: &str) -> Reply {
    let code = match status {
        Status(4, 3, 1) => 452,
        Status(4, ..) => 451,
        Status(5, 6, 7) => 553,
        _ => 550,
    };
    Reply { code, status: Some(status), text: text.to_owned() }
}

/// Writes a reply, a line for each of the text. What comes from elsewhere cannot end a line, or be longer than one.
pub(crate) fn write(code: u16, status: Option<Status>, text: &str, out: &mut Vec<u8>) {
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        number(u64::from(code), out);
        out.push(if lines.peek().is_some() { b'-' } else { b' ' });
        if let Some(Status(class, subject, detail)) = status {
            number(u64::from(class), out);
            out.push(b'.');
            number(u64::from(subject), out);
            out.push(b'.');
            number(u64::from(detail), out);
            out.push(b' ');
        }
        // A reply line has 512 octets (RFC 5321 4.5.3.1.5), all of them ASCII.
        out.extend(line.chars().take(480).map(|c| if (' '..='~').contains(&c) { c as u8 } else { b'?' }));
        out.extend_from_slice(b"\r\n");
    }
}

fn number(number: u64, out: &mut Vec<u8>) {
    if number >= 10 {
        self::number(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}
