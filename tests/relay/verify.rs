//! Call-outs: who is asked how often, what RCPT is told, and what outlives a restart.

use std::future::{Future, pending, ready};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailswitch::relay::reply::{Reply, Status};
use mailswitch::relay::route::Sending;
use mailswitch::relay::verify::cache::{REFUSED, TAKEN};
use mailswitch::relay::verify::{Options, Verdict, Verifier};
use tokio::sync::oneshot;

use super::route::Site;

const NOW: u64 = 1_800_000_000;

/// Asks for recipients, and counts how often the next hop is asked.
struct Desk {
    site: Site,
    verifier: Verifier,
    probes: Arc<AtomicUsize>,
}

impl Desk {
    fn new(folder: &Path) -> Desk {
        Desk::with(folder, Options::default(), NOW)
    }

    fn with(folder: &Path, options: Options, now: u64) -> Desk {
        let verifier = Verifier::open(folder, options, now).unwrap();
        Desk { site: Site::edge(), verifier, probes: Arc::default() }
    }

    async fn ask(&self, now: u64, recipient: &str, verdict: Verdict) -> String {
        self.ask_with(now, recipient, ready(verdict)).await
    }

    async fn ask_with(
        &self,
        now: u64,
        recipient: &str,
        verdict: impl Future<Output = Verdict> + Send + 'static,
    ) -> String {
        let sending: Sending = self.site.sending(recipient);
        assert!(sending.verify);
        let probes = Arc::clone(&self.probes);
        let probe = |route: Arc<mailswitch::relay::route::Route>, wire: String| {
            assert_eq!((&route.key, &wire), (&sending.route.key, &sending.recipient));
            async move {
                probes.fetch_add(1, Ordering::SeqCst);
                verdict.await
            }
        };
        match self.verifier.ask(now, &sending, probe).await {
            Ok(()) => "taken".to_owned(),
            Err(reply) => reply.to_string(),
        }
    }

    fn probes(&self) -> usize {
        self.probes.load(Ordering::SeqCst)
    }

    /// Lets the tasks run until the next hop was asked this often.
    async fn probed(&self, times: usize) {
        while self.probes() < times {
            tokio::task::yield_now().await;
        }
    }
}

fn reply(code: u16, status: Option<Status>, text: &str) -> Reply {
    Reply { code, status, text: text.to_owned() }
}

fn refused() -> Verdict {
    Verdict::Refused(reply(550, Some(Status(5, 1, 1)), "user\nunknown"))
}

const NOT_ASKED: Verdict = Verdict::Unasked(String::new());
const REFUSAL: &str = "550 5.1.1 The next server refuses it: user unknown";

#[tokio::test]
async fn what_the_next_hop_says_is_what_rcpt_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    for (verdict, answer) in [
        (Verdict::Taken, "taken"),
        (refused(), REFUSAL),
        (Verdict::Refused(reply(553, None, "no ünknowns")), "550 5.1.1 The next server refuses it: no ?nknowns"),
        (Verdict::Refused(reply(552, Some(Status(5, 2, 2)), "full")), "550 5.2.2 The next server refuses it: full"),
        (Verdict::Later(reply(451, Some(Status(4, 7, 1)), "greylisted")), "450 4.7.1 The next server says: greylisted"),
        (Verdict::Later(reply(450, Some(Status(5, 0, 0)), "busy")), "450 4.1.1 The next server says: busy"),
        (
            // The reason may speak of this host's files and networks.
            Verdict::Unasked("the password file /etc/mailswitch/secret cannot be read".into()),
            "450 4.4.1 The next server cannot be asked for this recipient",
        ),
    ] {
        let recipient = format!("user{}@backup.example", desk.probes());
        assert_eq!(desk.ask(NOW, &recipient, verdict).await, answer);
    }
    assert_eq!((desk.probes(), desk.verifier.len()), (7, 4));
}

#[tokio::test]
async fn an_answer_is_remembered_in_whatever_spelling_and_until_it_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let expires = |age: Duration| NOW + age.as_secs();
    desk.ask(NOW, "ann@backup.example", Verdict::Taken).await;
    desk.ask(NOW, "bob@backup.example", refused()).await;
    assert_eq!(desk.ask(NOW + 1, "ANN@Backup.example", refused()).await, "taken");
    assert_eq!(desk.ask(expires(TAKEN.refresh) - 1, "ann@backup.example", refused()).await, "taken");
    assert_eq!(desk.ask(expires(REFUSED.refresh) - 1, "bob@backup.example", Verdict::Taken).await, REFUSAL);
    assert_eq!(desk.probes(), 2);

    assert_eq!(desk.ask(expires(TAKEN.expire), "ann@backup.example", refused()).await, REFUSAL);
    assert_eq!(desk.ask(expires(REFUSED.expire), "bob@backup.example", Verdict::Taken).await, "taken");
    assert_eq!(desk.probes(), 4);
}

#[tokio::test]
async fn a_stale_answer_counts_until_there_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let stale = NOW + REFUSED.refresh.as_secs();
    desk.ask(NOW, "bob@backup.example", refused()).await;
    // The next hop cannot be asked: the old answer stays.
    assert_eq!(desk.ask(stale, "bob@backup.example", NOT_ASKED).await, REFUSAL);
    desk.probed(2).await;
    let (answer, wait) = oneshot::channel();
    let probe = async { wait.await.unwrap() };
    assert_eq!(desk.ask_with(stale, "bob@backup.example", probe).await, REFUSAL);
    // Others do not ask as well.
    assert_eq!(desk.ask(stale, "bob@backup.example", NOT_ASKED).await, REFUSAL);
    desk.probed(3).await;
    answer.send(Verdict::Taken).unwrap();
    while desk.ask(stale, "bob@backup.example", NOT_ASKED).await != "taken" {
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.probes(), 3);
}

#[tokio::test]
async fn one_probe_answers_all_who_ask_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let (answer, wait) = oneshot::channel();
    let probe = async { wait.await.unwrap() };
    let others = async {
        desk.probed(1).await;
        let ask = || desk.ask(NOW, "bob@backup.example", Verdict::Taken);
        let all = async { tokio::join!(ask(), ask(), ask()) };
        let later = async {
            tokio::task::yield_now().await;
            answer.send(refused()).unwrap();
        };
        tokio::join!(all, later).0
    };
    let (first, (a, b, c)) = tokio::join!(desk.ask_with(NOW, "bob@backup.example", probe), others);
    assert_eq!([first, a, b, c], [REFUSAL; 4]);
    assert_eq!(desk.probes(), 1);
}

#[tokio::test(start_paused = true)]
async fn rcpt_waits_a_while_and_the_probe_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let (answer, wait) = oneshot::channel();
    let probe = async { wait.await.unwrap() };
    let told = desk.ask_with(NOW, "bob@backup.example", probe).await;
    assert_eq!(told, "450 4.4.1 The next server is still being asked for this recipient");
    answer.send(refused()).unwrap();
    assert_eq!(desk.ask(NOW, "bob@backup.example", Verdict::Taken).await, REFUSAL);
    assert_eq!(desk.probes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_ends_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { patience: Duration::from_secs(1000), ..Options::default() };
    let desk = Desk::with(folder.path(), options, NOW);
    let told = desk.ask_with(NOW, "bob@backup.example", pending()).await;
    assert_eq!(told, "450 4.4.1 The next server cannot be asked for this recipient");
    assert_eq!(desk.ask(NOW, "bob@backup.example", Verdict::Taken).await, "taken");
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_probes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { probes: 4, ..Options::default() };
    let desk = Desk::with(folder.path(), options, NOW);
    const BUSY: &str = "450 4.3.2 Too many recipients are being verified";
    desk.ask_with(NOW, "a@backup.example", pending()).await;
    desk.ask_with(NOW, "b@backup.example", pending()).await;
    assert_eq!(desk.ask(NOW, "c@backup.example", Verdict::Taken).await, BUSY);
    // A next hop that is slow takes no places of others.
    assert_eq!(desk.ask(NOW, "a@example.com", Verdict::Taken).await, "taken");
    desk.ask_with(NOW, "b@example.com", pending()).await;
    desk.ask_with(NOW, "c@example.com", pending()).await;
    assert_eq!(desk.ask(NOW, "d@example.com", Verdict::Taken).await, BUSY);
    assert_eq!(desk.probes(), 5);
}

#[tokio::test]
async fn answers_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    desk.ask(NOW, "\"a b\"@backup.example", Verdict::Taken).await;
    desk.ask(NOW, "bob@backup.example", refused()).await;
    desk.ask(NOW, "carol@backup.example", NOT_ASKED).await;
    assert_eq!(desk.verifier.trouble(), None);
    drop(desk);

    let desk = Desk::with(folder.path(), Options::default(), NOW + 1);
    assert_eq!(desk.ask(NOW + 1, "\"a b\"@backup.example", refused()).await, "taken");
    assert_eq!(desk.ask(NOW + 1, "bob@backup.example", Verdict::Taken).await, REFUSAL);
    assert_eq!((desk.probes(), desk.verifier.len()), (0, 2));

    let later = NOW + REFUSED.expire.as_secs();
    assert_eq!(Desk::with(folder.path(), Options::default(), later).verifier.len(), 1);
}

#[tokio::test]
async fn a_torn_or_rotten_file_costs_only_what_is_torn_or_rotten() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    for number in 0..5 {
        desk.ask(NOW, &format!("user{number}@backup.example"), Verdict::Taken).await;
    }
    drop(desk);
    let path = folder.path().join("verify");
    let good = std::fs::read(&path).unwrap();
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Verifier::open(folder.path(), Options::default(), NOW).unwrap().len()
    };
    let head = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let line = (good.len() - head) / 5;
    for length in 0..good.len() {
        // A last line is whole without its line feed, too.
        let whole = (length + 1).saturating_sub(head) / line;
        assert_eq!(open(&good[..length]), whole, "{length} octets");
    }
    for at in head..good.len() {
        let mut rotten = good.clone();
        rotten[at] ^= 0x20;
        assert!(open(&rotten) >= 3, "octet {at}");
    }
    assert_eq!(open(b"mailswitch verify 2\nsomething else\n"), 0);
    assert_eq!(open(&good), 5);
    // What was torn does not spoil what is written behind it.
    assert_eq!(open(&good[..good.len() - 3]), 4);
    let desk = Desk::new(folder.path());
    desk.ask(NOW, "user9@backup.example", Verdict::Taken).await;
    assert_eq!(Desk::new(folder.path()).verifier.len(), 5);
}

#[tokio::test]
async fn memory_and_file_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { entries: 100, ..Options::default() };
    let desk = Desk::with(folder.path(), options, NOW);
    let words = "x".repeat(1000);
    for number in 0..6000 {
        let verdict = Verdict::Refused(reply(550, None, &words));
        desk.ask(NOW, &format!("user{number}@backup.example"), verdict).await;
        assert_eq!(desk.ask(NOW, "user0@backup.example", Verdict::Taken).await.len(), 238, "asked for all the time");
    }
    assert_eq!(desk.probes(), 6000);
    assert!(desk.verifier.len() <= 100);
    let length = std::fs::metadata(folder.path().join("verify")).unwrap().len();
    assert!(length < 1_200_000, "{length} octets");
}
