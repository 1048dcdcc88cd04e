//! The data phase of a session: content goes to the driver as it came, and one reply ends it.

use super::replies::{self, Row};
use super::{Action, Session, State, Wait};
use crate::relay::smtp::data::{Fault, Found, Scanner};

impl Session {
    pub(super) fn begin_data(&mut self) {
        self.scanner = Scanner::new(self.scanner.limits());
        self.state = State::Data;
        replies::write(354, None, "End it with a dot on a line of its own", &mut self.out);
    }

    /// Takes some of a message.
    pub(super) fn content<'i>(&mut self, input: &'i [u8]) -> (usize, Option<Action<'i>>) {
        let sound = self.scanner.fault().is_none();
        let (used, found) = self.scanner.step(input);
        let action = match found {
            Found::Content(octets) => Some(Action::Content(octets)),
            Found::End => self.complete(),
            // Where this message ends, another one may begin for somebody else: nothing after it is read.
            Found::BareCr => Some(self.turn_away(replies::DATA_BARE_CR)),
            Found::BareLf => Some(self.turn_away(replies::DATA_BARE_LF)),
            Found::Nothing => (sound && self.scanner.fault().is_some()).then_some(Action::Discard),
        };
        (used, action)
    }

    fn complete(&mut self) -> Option<Action<'static>> {
        self.state = State::Ready;
        let envelope = std::mem::take(&mut self.envelope);
        if let Some(fault) = self.scanner.fault() {
            return self.refuse(of_fault(fault));
        }
        self.wait = Wait::Message;
        Some(Action::Message(envelope))
    }
}

fn of_fault(fault: Fault) -> Row {
    match fault {
        Fault::Nul => replies::DATA_NUL,
        Fault::LongLine => replies::DATA_LONG_LINE,
        Fault::Loop => replies::DATA_LOOP,
        Fault::TooLarge => replies::TOO_LARGE,
    }
}
