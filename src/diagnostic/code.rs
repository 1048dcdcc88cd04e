//! Every diagnostic code there is: the table of the language, one line a code.

use super::{Code, Severity};

/// Of `verify`, which needs real MTAs; `check` has all others.
pub const VERIFY_DISAGREES: Code = Code { name: "verify::disagrees", severity: Severity::Error };

macro_rules! codes {
    ($($severity:ident $constant:ident $name:literal;)*) => {
        $(pub const $constant: Code = Code { name: $name, severity: Severity::$severity };)*
        /// All of them, in the order of the language's own table.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}

codes! {
    Error SYNTAX_UNEXPECTED "syntax::unexpected";
    Error SYNTAX_STRING "syntax::string";
    Error SYNTAX_ENCODING "syntax::encoding";
    Error SYNTAX_NESTING "syntax::nesting";
    Error SYNTAX_MISSING "syntax::missing";
    Error SYNTAX_VALUE "syntax::value";
    Error INCLUDE_MISSING "include::missing";
    Error INCLUDE_OUTSIDE "include::outside";
    Error INCLUDE_CYCLE "include::cycle";
    Error INCLUDE_INVALID "include::invalid";
    Error DIRECTORY_MISSING "directory::missing";
    Error DIRECTORY_OUTSIDE "directory::outside";
    Error DIRECTORY_INVALID "directory::invalid";
    Error DIRECTORY_ROW "directory::row";
    Error NAME_UNKNOWN "name::unknown";
    Error NAME_DUPLICATE "name::duplicate";
    Error ADDRESS_INVALID "address::invalid";
    Error ADDRESS_DUPLICATE "address::duplicate";
    Error ADDRESS_CONFLICT "address::conflict";
    Error LOOP_CONTACTS "loop::contacts";
    Error LOOP_UNRESOLVED "loop::unresolved";
    Error LOOP_MX "loop::mx";
    Error LOOP_SELF "loop::self";
    Error LOOP_ROUTE "loop::route";
    Error ORPHAN_TARGET "orphan::target";
    Error ORPHAN_SECONDARY "orphan::secondary";
    Error ORPHAN_ACCOUNT "orphan::account";
    Error ORPHAN_UNRESOLVED "orphan::unresolved";
    Error ORPHAN_VIA "orphan::via";
    Warning ORPHAN_SYSTEM "orphan::system";
    Warning ORPHAN_DOMAIN "orphan::domain";
    Warning ORPHAN_BOUNCE "orphan::bounce";
    Error SUBADDRESS_DIFFERS "subaddress::differs";
    Warning BACKSCATTER_UNVERIFIED "backscatter::unverified";
    Warning HOP_UNTRUSTED "hop::untrusted";
    Warning AUTHORITY_UNDECLARED "authority::undeclared";
    Error AUTHORITY_TARGET "authority::target";
    Warning UNUSED_CONNECTOR "unused::connector";
    Warning REPLY_PRIMARY "reply::primary";
    Error REPLY_TARGET "reply::target";
    Error SECURITY_OPEN_RELAY "security::open-relay";
    Error SECURITY_PLAINTEXT_AUTH "security::plaintext-auth";
    Error SECURITY_DOWNGRADE "security::downgrade";
    Warning SECURITY_UNPROVEN "security::unproven";
    Error CONNECTOR_INCOMPLETE "connector::incomplete";
    Error TLS_UNVERIFIABLE "tls::unverifiable";
    Warning POSTMASTER_MISSING "postmaster::missing";
    Error TARGET_UNSUPPORTED "target::unsupported";
    Error EXPECT_FAILED "expect::failed";
}
