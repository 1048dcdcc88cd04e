//! The sending side against peers in memory: conversations, word by word, and hosts that answer as they like.

mod dialogue;

mod peer;

mod replies;
