//! The sending side against peers in memory: conversations, word by word, and hosts that answer as they like.

mod dialogue;
mod hosts;
mod mx;
mod opening;
mod peer;
mod probe;
mod replies;
mod tls;
mod writes;
