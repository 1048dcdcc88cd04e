//! What a session makes of its driver's answers.

use std::sync::Arc;

use mailswitch::relay::envelope::QueueId;
use mailswitch::relay::session::replies::{self, Row};
use mailswitch::relay::session::{Action, Answer, Session};

use super::settings;

const MAIL: &[u8] = b"MAIL FROM:<ann@a.example> SIZE=5\r\n";
const RCPT: &[u8] = b"RCPT TO:<bob@b.example>\r\n";

/// A session that was greeted; what it said is gone.
fn greeted() -> Session {
    let mut session = Session::new(Arc::new(settings()), None);
    assert_eq!(session.feed(b"HELO c.example\r\n"), (16, Action::More));
    session.output().clear();
    session
}

/// Feeds one command, and answers what it asks for.
fn ask(session: &mut Session, command: &[u8], answer: Answer) -> String {
    let (used, action) = session.feed(command);
    assert!(used == command.len() && action != Action::More, "{action:?}");
    session.answer(answer);
    String::from_utf8(std::mem::take(session.output())).unwrap()
}

fn refused(row: Row) -> Answer {
    Answer::Refused(row.reply())
}

#[test]
fn no_room_for_a_message() {
    let mut session = greeted();
    assert_eq!(session.feed(MAIL), (MAIL.len(), Action::Mail { size: Some(5) }));
    session.answer(refused(replies::LOW_DISK));
    assert_eq!(session.output(), b"452 4.3.1 Not enough room for mail\r\n");
    session.output().clear();
    // Nothing has begun, and nobody was at fault.
    for _ in 0..10 {
        assert_eq!(ask(&mut session, MAIL, refused(replies::LOW_DISK)), "452 4.3.1 Not enough room for mail\r\n");
    }
    assert_eq!(ask(&mut session, MAIL, Answer::Yes), "250 2.1.0 Sender ok\r\n");
}

#[test]
fn nothing_is_read_while_an_answer_is_due() {
    let mut session = greeted();
    assert_eq!(session.feed(&[MAIL, RCPT].concat()), (MAIL.len(), Action::Mail { size: Some(5) }));
    assert_eq!(session.feed(RCPT), (0, Action::More));
    assert!(session.output().is_empty());
}

#[test]
fn a_message_that_could_not_be_stored_is_not_taken() {
    let mut session = greeted();
    ask(&mut session, MAIL, Answer::Yes);
    ask(&mut session, RCPT, Answer::Recipient("bob@b.example".to_owned()));
    assert_eq!(session.feed(b"DATA\r\n"), (6, Action::More));
    assert_eq!(session.feed(b"one\r\n.\r\n"), (5, Action::Content(b"one\r\n")));
    session.output().clear();
    let said = ask(&mut session, b".\r\n", refused(replies::NOT_STORED));
    assert_eq!(said, "451 4.3.0 The message could not be stored; try again later\r\n");
    assert_eq!(ask(&mut session, MAIL, Answer::Yes), "250 2.1.0 Sender ok\r\n");
}

#[test]
fn an_answer_to_another_question_takes_nothing() {
    let mut session = greeted();
    let said = "451 4.3.0 Local error; try again later\r\n";
    assert_eq!(ask(&mut session, MAIL, Answer::Stored(QueueId(1))), said);
    ask(&mut session, MAIL, Answer::Yes);
    assert_eq!(ask(&mut session, RCPT, Answer::Yes), said);
    assert_eq!(session.feed(b"DATA\r\n"), (6, Action::More));
    assert_eq!(session.output(), b"503 5.5.1 No valid recipients\r\n");
}

#[test]
fn a_next_hops_words_stay_in_their_line() {
    let mut session = greeted();
    ask(&mut session, MAIL, Answer::Yes);
    let mut reply =
        replies::refusal("5.1.1".parse().unwrap(), &format!("no\r\n250 ok\nas b said: {}", "\u{fc}".repeat(500)));
    let said = ask(&mut session, RCPT, Answer::Refused(reply.clone()));
    let third = format!("as b said: {}", "?".repeat(469));
    assert_eq!(said, format!("550-5.1.1 no?\r\n550-5.1.1 250 ok\r\n550 5.1.1 {third}\r\n"));
    // One that says that it goes is believed.
    reply.code = 421;
    assert!(ask(&mut session, RCPT, Answer::Refused(reply)).starts_with("421-5.1.1 no?"));
    assert_eq!(session.feed(b""), (0, Action::Close));
}
