//! The data phase: what ends a message, and what is refused (RFC 5321 2.3.8, 4.5.2, 4.5.3.1).

use super::greeted;

/// A message of this content, and what is said at its end.
fn message(content: &str, said: &str) {
    greeted(&format!(
        r"
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<bob@b.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        {content}
        {said}
        "
    ));
}

#[test]
fn dots_are_kept_as_the_wire_has_them() {
    message("C: .\n", "-- message from <ann@a.example> to <bob@b.example>\nS: 250 2.0.0 Accepted as 0000000000001");
    message(
        r"
        C: ..
        C: ...two
        C: .unstuffed
        C: a.
        C: .
        ",
        r"
        -- message from <ann@a.example> to <bob@b.example>
        -- | ..
        -- | ...two
        -- | .unstuffed
        -- | a.
        S: 250 2.0.0 Accepted as 0000000000001
        ",
    );
}

/// Each of these is the end of a message to some server that was written.
#[test]
fn no_other_end_of_a_message_is_believed() {
    const LF: &str = "S: 554 5.6.0 LF without CR in the message\n-- closed";
    const CR: &str = "S: 554 5.6.0 CR without LF in the message\n-- closed";
    let ends = [
        (r"\n.\n", LF),
        (r"\n.\r\n", LF),
        (r"\r\n.\n", LF),
        (r"\r.\r", CR),
        (r"\r\n.\r", CR),
        (r"\r.\r\n", CR),
        (r"\n.\r", LF),
        (r"\r.\n", CR),
        (r"\r\n.\r\r\n", CR),
        (r"\r\r\n.\r\n", CR),
        (r"\r\n\r.\r\n", CR),
        (r"\n\n.\n\n", LF),
        (r"\r\n.\n\r\n", LF),
    ];
    for (end, said) in ends {
        message(&format!("C: one{end}MAIL FROM:<eve@e.example>\\r\\nRCPT TO:<bob@b.example>"), said);
    }
}

#[test]
fn a_dot_with_nul_is_no_end() {
    message(
        r"
        C: one
        C: .\0
        C: MAIL FROM:<eve@e.example>
        C: .
        ",
        "S: 554 5.6.0 NUL in the message",
    );
}

#[test]
fn a_long_line_is_refused_at_the_end_of_the_message() {
    let (longest, longer) = ("x".repeat(998), "x".repeat(999));
    message(&format!("C: {longer}\nC: QUIT\nC: ."), "S: 554 5.6.0 A line of the message is too long");
    // The dot that is stuffed is not of the line.
    let taken = format!(
        "-- message from <ann@a.example> to <bob@b.example>\n-- | .{longest}\nS: 250 2.0.0 Accepted as 0000000000001"
    );
    message(&format!("C: .{longest}\nC: ."), &taken);
}

#[test]
fn a_size_that_was_not_true_does_not_help() {
    greeted(
        r"
        C: MAIL FROM:<ann@a.example> SIZE=2001
        S: 552 5.3.4 Message too large
        C: MAIL FROM:<ann@a.example> SIZE=99999999999999999999
        S: 552 5.3.4 Message too large
        ",
    );
    let line = format!("C: {}\n", "x".repeat(498));
    let content = line.repeat(4);
    let sent = |last: &str| {
        format!(
            r"
            C: MAIL FROM:<ann@a.example> SIZE=10
            C: RCPT TO:<bob@b.example>
            C: DATA
            S: 250 2.1.0 Sender ok
            S: 250 2.1.5 Recipient ok
            S: 354 End it with a dot on a line of its own
            {content}
            {last}
            "
        )
    };
    let kept = line.replace("C: ", "-- | ").repeat(4);
    greeted(&sent(&format!(
        "C: .\n-- message from <ann@a.example> to <bob@b.example>\n{kept}S: 250 2.0.0 Accepted as 0000000000001"
    )));
    greeted(&sent("C: \nC: QUIT\nC: .\nS: 552 5.3.4 Message too large\nC: NOOP\nS: 250 2.0.0 Ok"));
}

#[test]
fn a_message_with_more_than_50_hops_runs_in_a_circle() {
    let field = "C: rEceived: from a\nC:  (by b)\n";
    message(
        &format!("{}C: .", field.repeat(51)),
        "S: 554 5.4.6 More than 50 Received lines: this message runs in a circle",
    );
    let (others, body) = ("C: Received-SPF: pass\nC: X-Received: x\n".repeat(10), "C:\nC: Received: x\n");
    let content = format!("{}{others}{body}", field.repeat(50));
    let kept = content.replace("C: ", "-- | ").replace("C:", "-- |");
    message(
        &format!("{content}C: ."),
        &format!("-- message from <ann@a.example> to <bob@b.example>\n{kept}S: 250 2.0.0 Accepted as 0000000000001"),
    );
}
