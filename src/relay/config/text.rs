//! Names as YAML scalars: written in their normal form, and normalised and checked as they are read.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{Domain, Host, Mailbox, NameError, Pattern};

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::parse(&text).map_err(|error| D::Error::custom(in_words(error)))
            }
        }
    )*};
}

as_text! { Domain Pattern Host Mailbox }

fn in_words(error: NameError) -> String {
    match error.help {
        Some(help) => format!("{} ({help})", error.message),
        None => error.message,
    }
}
