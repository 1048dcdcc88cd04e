//! What a next hop thinks of a recipient.

use std::sync::Arc;

use mailswitch::name::Host;
use mailswitch::relay::config::{Connector, Protocol, TlsLevel};
use mailswitch::relay::deliver::{Verdict, probe};

use super::peer::{Peers, client, connector, said};

fn to(hosts: &[&str]) -> Arc<Connector> {
    let mut out = connector(Protocol::Smtp, TlsLevel::Off);
    out.hosts = hosts.iter().map(|host| Host::parse(host).unwrap()).collect();
    Arc::new(out)
}

async fn ask(tiers: &[Vec<Arc<Connector>>], recipient: &str, scripts: &[&str]) -> String {
    let peers = Peers::new(scripts.iter().copied());
    let verdict = probe(&client(&peers), tiers, recipient).await;
    peers.done().await;
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Refused(reply) => format!("refused {reply}"),
        Verdict::Unknown(trouble) => format!("unknown {}", said(&trouble)),
    }
}

const BEGIN: &str = "S: 220 mx\nC: EHLO us.example\nS: 250 mx\nC: MAIL FROM:<>\n";
const END: &str = "\nC: QUIT\nS: 221 bye";

fn answered(mail: &str, rcpt: &str) -> String {
    [BEGIN, "S: ", mail, "\nC: RCPT TO:<a@x.example>\nS: ", rcpt, END].concat()
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_rcpt_counts() {
    let one = [vec![to(&["192.0.2.1"])]];
    for (rcpt, verdict) in [
        ("250 ok", "accepted"),
        ("251 elsewhere", "accepted"),
        ("550 5.1.1 who?", "refused 550 5.1.1 who?"),
        ("354 go on", "unknown Greeting 4.2.0 the host does not say: 354 go on"),
        ("450 4.2.0 later", "unknown Greeting 4.2.0 the host does not say: 450 4.2.0 later"),
    ] {
        assert_eq!(ask(&one, "a@x.example", &[&answered("250 ok", rcpt)]).await, verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_question_is_no_answer() {
    let one = [vec![to(&["192.0.2.1"])]];
    let mail = [BEGIN, "S: 550 5.7.1 not from <>\nC: QUIT\nS: 221 bye"].concat();
    let verdict = ask(&one, "a@x.example", &[&mail]).await;
    assert_eq!(verdict, "unknown Protocol 4.5.0 the host refuses the question: 550 5.7.1 not from <>");
    assert_eq!(
        ask(&one, "a@x.example", &["S: 554 5.7.1 go away"]).await,
        "unknown Greeting 4.7.1 the host does not want us: 554 5.7.1 go away"
    );
    let closed = [BEGIN, "S: 250 ok\nC: RCPT TO:<a@x.example>\n"].concat();
    let verdict = ask(&one, "a@x.example", &[&closed]).await;
    assert_eq!(verdict, "unknown Closed 4.4.2 the host closed the connection");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_up_behind_its_answer_has_answered() {
    let one = [vec![to(&["192.0.2.1"])]];
    let gone = [BEGIN, "S: 250 ok\nC: RCPT TO:<a@x.example>\nS: 550 5.1.1 who?"].concat();
    assert_eq!(ask(&one, "a@x.example", &[&gone]).await, "refused 550 5.1.1 who?");
}

#[tokio::test(start_paused = true)]
async fn the_next_host_is_asked_where_one_does_not_know() {
    let tiers = [vec![to(&["192.0.2.1", "192.0.2.2"])], vec![to(&["192.0.2.3"])]];
    let yes = answered("250 ok", "250 ok");
    let busy = "S: 421 busy";
    assert_eq!(ask(&tiers, "a@x.example", &[busy, busy, &yes]).await, "accepted");
    let no = answered("250 ok", "550 5.1.1 who?");
    assert_eq!(ask(&tiers, "a@x.example", &[busy, &no]).await, "refused 550 5.1.1 who?");
    assert_eq!(ask(&tiers, "a@x.example", &[]).await, "unknown Connect 4.4.1 cannot connect: connection refused");
    // Somebody waits for the answer: not every host is asked.
    let many: Vec<String> = (1..100).map(|n| format!("192.0.2.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let tiers = [vec![to(&many)], vec![to(&many)]];
    assert_eq!(
        ask(&tiers, "a@x.example", &[busy; 5]).await,
        "unknown Greeting 4.3.2 the host does not want us: 421 busy"
    );
    assert_eq!(ask(&[], "a@x.example", &[]).await, "unknown Local 4.3.5 there is no next hop");
}

#[tokio::test(start_paused = true)]
async fn a_recipient_that_the_host_cannot_be_told() {
    let one = [vec![to(&["192.0.2.1"])]];
    let open = "S: 220 mx\nC: EHLO us.example\nS: 250 mx\nC: QUIT\nS: 221 bye";
    let verdict = ask(&one, "ä@x.example", &[open]).await;
    assert_eq!(verdict, "refused 553 5.6.7 the next hop does not offer SMTPUTF8");
    let utf8 = "S: 220 mx\nC: EHLO us.example\nS: 250-mx\nS: 250 SMTPUTF8\nC: MAIL FROM:<> SMTPUTF8\nS: 250 ok
        C: RCPT TO:<ä@x.example>\nS: 250 ok\nC: QUIT\nS: 221 bye";
    assert_eq!(ask(&one, "ä@x.example", &[utf8]).await, "accepted");
}
