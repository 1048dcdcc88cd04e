//! Transactions: what is said, and what each recipient is told.

use mailswitch::relay::config::{Protocol, TlsLevel};
use mailswitch::relay::deliver::connect;
use mailswitch::relay::envelope::{Body, Notify, Ret};

use super::peer::{Mails, Peers, client, connector, mail, opening, send, target, with};

async fn pipelined(script: &str, mails: Vec<mailswitch::relay::deliver::Transaction>) -> Vec<String> {
    send(Protocol::Smtp, &(opening(&["PIPELINING"]) + script), mails).await
}

#[tokio::test(start_paused = true)]
async fn one_message_behind_the_other() {
    let script = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: DATA
        S: 250 2.1.0 sender
        S: 250 2.1.5 recipient
        S: 354 go on
        C: one
        C: .
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<b@x.example>
        C: RCPT TO:<c@x.example>
        C: DATA
        S: 250 2.0.0 first
        S: 250 2.1.0 sender
        S: 250 2.1.5 recipient
        S: 250 2.1.5 recipient
        S: 354 go on
        C: two
        C: ..
        C: .
        S: 250 2.0.0 second";
    let mails = vec![mail(1, &["a@x.example"], "one\r\n"), mail(2, &["b@x.example", "c@x.example"], "two\r\n..\r\n")];
    assert_eq!(
        pipelined(script, mails).await,
        [
            "1 a@x.example delivered 250 2.0.0 first",
            "2 b@x.example delivered 250 2.0.0 second",
            "2 c@x.example delivered 250 2.0.0 second",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn step_by_step_without_pipelining() {
    let script = "
        C: MAIL FROM:<s@us.example>
        S: 250 ok
        C: RCPT TO:<a@x.example>
        S: 550 5.1.1 who?
        C: RCPT TO:<b@x.example>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: one
        C: .
        S: 250 first
        C: MAIL FROM:<s@us.example>
        S: 250 ok
        C: RCPT TO:<c@x.example>
        S: 450 4.2.0 later
        C: RSET
        S: 250 ok
        C: MAIL FROM:<s@us.example>
        S: 451 4.3.0 later
        C: MAIL FROM:<s@us.example>
        S: 250 ok
        C: RCPT TO:<e@x.example>
        S: 250 ok
        C: DATA
        S: 554 5.7.1 no
        C: RSET
        S: 250 ok
        C: MAIL FROM:<s@us.example>
        S: 250 ok
        C: RCPT TO:<f@x.example>
        S: 251 elsewhere
        C: DATA
        S: 354 go on
        C: .
        S: 552 5.3.4 too big";
    let mails = vec![
        mail(1, &["a@x.example", "b@x.example"], "one\r\n"),
        mail(2, &["c@x.example"], "two\r\n"),
        mail(3, &["d@x.example"], "three\r\n"),
        mail(4, &["e@x.example"], "four\r\n"),
        mail(5, &["f@x.example"], ""),
    ];
    assert_eq!(
        send(Protocol::Smtp, &(opening(&[]) + script), mails).await,
        [
            "1 a@x.example refused at Rcpt 550 5.1.1 who?",
            "1 b@x.example delivered 250 first",
            "2 c@x.example refused at Rcpt 450 4.2.0 later",
            "3 d@x.example refused at Mail 451 4.3.0 later",
            "4 e@x.example refused at Data 554 5.7.1 no",
            "5 f@x.example refused at Content 552 5.3.4 too big",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_among_pipelined_commands() {
    let script = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: RCPT TO:<b@x.example>
        C: DATA
        S: 250 ok
        S: 550-5.1.1 we do not know
        S: 550 5.1.1 anybody of that name
        S: 250 ok
        S: 354 go on
        C: one
        C: .
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<c@x.example>
        C: DATA
        S: 250 first
        S: 550 5.7.1 not you
        S: 503 5.5.1 no sender
        S: 503 5.5.1 no sender
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<d@x.example>
        C: DATA
        S: 250 ok
        S: 550 5.1.1 who?
        S: 354 go on
        C: .
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<e@x.example>
        C: DATA
        S: 554 5.5.1 nobody to give it to
        S: 250 ok
        S: 250 ok
        S: 451 4.3.0 later
        C: RSET
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<f@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: six
        C: .
        S: 250 last";
    let mails = vec![
        mail(1, &["a@x.example", "b@x.example"], "one\r\n"),
        mail(2, &["c@x.example"], "two\r\n"),
        mail(3, &["d@x.example"], "three\r\n"),
        mail(5, &["e@x.example"], "five\r\n"),
        mail(6, &["f@x.example"], "six\r\n"),
    ];
    assert_eq!(
        pipelined(script, mails).await,
        [
            "1 a@x.example refused at Rcpt 550 5.1.1 we do not know anybody of that name",
            "1 b@x.example delivered 250 first",
            "2 c@x.example refused at Mail 550 5.7.1 not you",
            "3 d@x.example refused at Rcpt 550 5.1.1 who?",
            "5 e@x.example refused at Data 451 4.3.0 later",
            "6 f@x.example delivered 250 last",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn lmtp_answers_for_each_recipient() {
    let script = "
        S: 220 mx.example
        C: LHLO us.example
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250 DSN
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: RCPT TO:<b@x.example>
        C: RCPT TO:<c@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 550 5.1.1 who?
        S: 250 ok
        S: 354 go on
        C: one
        C: .
        S: 250 2.0.0 a has it
        S: 452 4.2.2 c is full";
    assert_eq!(
        send(Protocol::Lmtp, script, vec![mail(1, &["a@x.example", "b@x.example", "c@x.example"], "one\r\n")]).await,
        [
            "1 a@x.example delivered with DSN 250 2.0.0 a has it",
            "1 b@x.example refused at Rcpt 550 5.1.1 who?",
            "1 c@x.example refused at Content 452 4.2.2 c is full",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_too_many_recipients_follows() {
    let script = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: RCPT TO:<b@x.example>
        C: RCPT TO:<c@x.example>
        C: RCPT TO:<d@x.example>
        C: RCPT TO:<e@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 452 4.5.3 too many recipients
        S: 452 4.5.3 too many recipients
        S: 552 too many recipients
        S: 354 go on
        C: one
        C: .
        S: 250 first round
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<c@x.example>
        C: RCPT TO:<d@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 550 5.1.1 who?
        S: 354 go on
        C: one
        C: .
        S: 250 second round
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<e@x.example>
        C: DATA
        S: 250 ok
        S: 452 4.5.3 too many recipients
        S: 503 5.5.1 nobody";
    let recipients = ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"];
    assert_eq!(
        pipelined(script, vec![mail(1, &recipients, "one\r\n")]).await,
        [
            "1 a@x.example delivered 250 first round",
            "1 b@x.example delivered 250 first round",
            "1 c@x.example delivered 250 second round",
            "1 d@x.example refused at Rcpt 550 5.1.1 who?",
            "1 e@x.example refused at Rcpt 452 4.5.3 too many recipients",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn limits_that_the_host_says_are_kept() {
    let script = opening(&["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"])
        + "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: RCPT TO:<b@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: one
        C: .
        S: 250 first
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<c@x.example>
        C: RCPT TO:<d@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: one
        C: .
        S: 250 second";
    let recipients = ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"];
    let peers = Peers::new([script.as_str()]);
    let smtp = connector(Protocol::Smtp, TlsLevel::Off);
    let mut connection = connect(&client(&peers), &smtp, &target()).await.unwrap();
    let mut mails = Mails::of([mail(1, &recipients, "one\r\n"), mail(2, &["f@x.example"], "two\r\n")]);
    connection.run(&mut mails).await.unwrap();
    assert!(!connection.is_open());
    drop(connection);
    peers.done().await;
    assert_eq!(mails.waiting.len(), 1, "the second message is for another connection");
    assert_eq!(
        mails.lines(),
        [
            "1 a@x.example delivered 250 first",
            "1 b@x.example delivered 250 first",
            "1 c@x.example delivered 250 second",
            "1 d@x.example delivered 250 second",
            "1 e@x.example lost",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn parameters_go_where_they_are_offered() {
    let change = |envelope: &mut mailswitch::relay::envelope::Envelope| {
        envelope.body = Body::EightBitMime;
        envelope.smtputf8 = true;
        envelope.ret = Some(Ret::Headers);
        envelope.envid = Some("QQ+3D".to_owned());
        envelope.recipients[0].notify = Notify(Notify::SUCCESS.0 | Notify::DELAY.0);
        envelope.recipients[0].orcpt = Some("rfc822;old@y.example".to_owned());
        envelope.recipients[1].notify = Notify::NEVER;
    };
    let message = with(mail(1, &["ä@x.example", "b@x.example"], "grüße\r\n"), change);
    let script = opening(&["PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "DSN"])
        + "
        C: MAIL FROM:<s@us.example> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+3D
        C: RCPT TO:<ä@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old@y.example
        C: RCPT TO:<b@x.example> NOTIFY=NEVER
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: grüße
        C: .
        S: 250 ok";
    assert_eq!(
        send(Protocol::Smtp, &script, vec![message]).await,
        ["1 ä@x.example delivered with DSN 250 ok", "1 b@x.example delivered with DSN 250 ok"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_host_cannot_take_is_not_sent() {
    let script = opening(&["PIPELINING", "SIZE 20"])
        + "
        C: MAIL FROM:<s@us.example> SIZE=7
        C: RCPT TO:<e@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: ascii
        C: .
        C: MAIL FROM:<s@us.example> SIZE=3
        C: RCPT TO:<g@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: x
        C: .
        S: 250 ok";
    let eight_bit = |transaction| with(transaction, |envelope| envelope.body = Body::EightBitMime);
    let mails = vec![
        mail(1, &["a@x.example"], "much more than twenty octets\r\n"),
        with(mail(2, &["b@x.example", "c@x.example"], "ü\r\n"), |envelope| envelope.smtputf8 = true),
        eight_bit(mail(3, &["d@x.example"], "grüße\r\n")),
        // Declared as more than it is.
        with(eight_bit(mail(4, &["e@x.example"], "ascii\r\n")), |envelope| envelope.smtputf8 = true),
        mail(5, &["ä@x.example", "g@x.example", "h@x.example\r\nRSET"], "x\r\n"),
        with(mail(6, &["i@x.example"], "x\r\n"), |envelope| envelope.sender = "s\r\n.".to_owned()),
    ];
    let mut lines = send(Protocol::Smtp, &script, mails).await;
    lines.sort();
    assert_eq!(
        lines,
        [
            "1 a@x.example refused at Unsent 552 5.3.4 the message is too big for the next hop",
            "2 b@x.example refused at Unsent 553 5.6.7 the next hop does not offer SMTPUTF8",
            "2 c@x.example refused at Unsent 553 5.6.7 the next hop does not offer SMTPUTF8",
            "3 d@x.example refused at Unsent 554 5.6.3 the next hop takes no 8-bit content, and it is not converted",
            "4 e@x.example delivered 250 ok",
            "5 g@x.example delivered 250 ok",
            "5 h@x.example\r\nRSET refused at Unsent 550 5.1.3 the address cannot be sent",
            "5 ä@x.example refused at Unsent 553 5.6.7 the next hop does not offer SMTPUTF8",
            "6 i@x.example refused at Unsent 550 5.1.7 the sender's address cannot be sent",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_original_recipient_in_utf8_goes_where_that_is_known() {
    let script = opening(&["PIPELINING", "DSN"])
        + "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example> NOTIFY=NEVER
        C: RCPT TO:<b@x.example> NOTIFY=NEVER ORCPT=utf-8;b
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: x
        C: .
        S: 250 ok";
    let message = with(mail(1, &["a@x.example", "b@x.example"], "x\r\n"), |envelope| {
        envelope.smtputf8 = true;
        for (recipient, orcpt) in envelope.recipients.iter_mut().zip(["utf-8;ä@x.example", "utf-8;b"]) {
            (recipient.notify, recipient.orcpt) = (Notify::NEVER, Some(orcpt.to_owned()));
        }
    });
    let lines = send(Protocol::Smtp, &script, vec![message]).await;
    assert_eq!(lines, ["1 a@x.example delivered with DSN 250 ok", "1 b@x.example delivered with DSN 250 ok"]);
}

/// Ends of a session in the middle of two transactions, and what is known then.
#[tokio::test(start_paused = true)]
async fn the_end_at_each_step() {
    let replies = ["250 sender", "250 recipient", "354 go on", "250 first", "250 sender", "250 recipient", "354 go on"];
    let commands = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: DATA
        0
        1
        2
        C: one
        C: .
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<b@x.example>
        C: DATA
        3
        4
        5
        6
        C: two
        C: .
        7";
    for step in 0..=replies.len() {
        let until = commands.split(&format!("        {step}\n")).next().unwrap();
        let mut script = until.strip_suffix("        7").unwrap_or(until).to_owned();
        for (number, reply) in replies.iter().enumerate() {
            script = script.replace(&format!("        {number}\n"), &format!("        S: {reply}\n"));
        }
        let first = match step {
            0..=2 => "1 a@x.example lost",
            3 => "1 a@x.example lost when sent",
            _ => "1 a@x.example delivered 250 first",
        };
        let second = if step == 7 { "2 b@x.example lost when sent" } else { "2 b@x.example lost" };
        let mut known = vec![first, second];
        if step < 3 {
            // It was not even taken.
            known.pop();
        }
        let mails = || vec![mail(1, &["a@x.example"], "one\r\n"), mail(2, &["b@x.example"], "two\r\n")];
        let mut closed = pipelined(&script, mails()).await;
        assert_eq!(closed.pop().unwrap(), "Closed 4.4.2 the host closed the connection", "{step}");
        assert_eq!(closed, known, "{step}");

        let mut ended = pipelined(&format!("{script}\nS: 421 4.3.2 good night"), mails()).await;
        assert_eq!(ended.pop().unwrap(), "Closed 4.3.2 the host ends the session: 421 4.3.2 good night", "{step}");
        match step {
            3 => assert_eq!(ended[0], "1 a@x.example refused at Content 421 4.3.2 good night"),
            7 => assert_eq!(ended[1], "2 b@x.example refused at Content 421 4.3.2 good night"),
            _ => assert_eq!(ended, known, "{step}"),
        }

        let unfitting = if replies.get(step) == Some(&"354 go on") { "250 ok" } else { "354 go on" };
        for (nonsense, trouble) in
            [(unfitting, "an answer that does not fit: "), ("hello", "an answer that is no reply")]
        {
            let mut lines = pipelined(&format!("{script}\nS: {nonsense}"), mails()).await;
            let last = lines.pop().unwrap();
            assert!(last.starts_with(&format!("Protocol 4.5.0 {trouble}")), "{step} {last}");
            assert_eq!(lines, known, "{step} {nonsense}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_left_after_its_time() {
    let begin = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: DATA
        WAIT";
    let end = "
        C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go on
        C: one
        C: .
        WAIT";
    for (script, seconds, known) in [(begin, 300, "1 a@x.example lost"), (end, 600, "1 a@x.example lost when sent")] {
        let start = tokio::time::Instant::now();
        let lines = pipelined(script, vec![mail(1, &["a@x.example"], "one\r\n")]).await;
        assert_eq!(lines, [known, "Timeout 4.4.2 no answer in time"]);
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_goes_while_idle_is_noticed() {
    let peers = Peers::new([opening(&[]).as_str()]);
    let smtp = connector(Protocol::Smtp, TlsLevel::Off);
    let mut connection = connect(&client(&peers), &smtp, &target()).await.unwrap();
    connection.closed().await;
    assert!(!connection.is_open());
    drop(connection);
    peers.done().await;
}
