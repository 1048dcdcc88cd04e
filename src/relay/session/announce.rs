//! What EHLO announces (RFC 5321 4.1.1.1), one line each.

use super::{Session, replies};

impl Session {
    pub(super) fn announce(&mut self) {
        let text = self.announcement().join("\n");
        replies::write(250, None, &text, &mut self.out);
    }

    fn announcement(&self) -> Vec<String> {
        let settings = &*self.settings;
        let offered = |word: &str, offered: bool| offered.then(|| word.to_owned());
        let size = settings.max_size.map_or("SIZE".to_owned(), |most| format!("SIZE {most}"));
        let messages = settings.max_messages.map(|most| format!(" MAILMAX={most}")).unwrap_or_default();
        let limits = format!("LIMITS RCPTMAX={}{messages}", settings.max_recipients);
        let lines = [
            Some(settings.hostname.clone()),
            offered("PIPELINING", true),
            Some(size),
            offered("8BITMIME", true),
            offered("SMTPUTF8", settings.smtputf8),
            offered("ENHANCEDSTATUSCODES", true),
            offered("DSN", true),
            offered("STARTTLS", settings.starttls && self.tls.is_none()),
            Some(limits),
            offered("HELP", true),
        ];
        lines.into_iter().flatten().collect()
    }
}
