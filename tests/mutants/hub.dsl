# One MTA with a bit of everything, for the mutants of the emitters: each statement is here because some mutant
# spoils what becomes of it.

mta hub {
    target     postfix
    hostname   mx.own.example
    address    192.0.2.33, 192.0.2.34
    trust      10.0.0.0/24
    postmaster bob@own.example
    subaddress "+"
    max-size   1MB
}

system store {
    account bob@own.example
    account bob+vip@own.example
    account "a b"@own.example
    account "a\"b"@own.example
    account carol@own.example, carol@old.example
    account 50%off@own.example
}

# Its accounts lie in a foreign address space: an account goes to its system all the same.
system annex {
    account dora@annex.example
}

system legacy {
    authoritative via.example
}

system open {
    authoritative open.example
}

system branches {
    domain *.branch.example
}

domain own.example
domain annex.example {
    unresolved via to-annex verify
}

domain old.example {
    unresolved reject
}

shared domain via.example {
    unresolved via to-legacy verify
}

shared domain open.example {
    unresolved via to-open
}

relay domain *.branch.example {
    verify
}

connector to-store {
    to         store
    smart-host [10.0.1.9]:2424, [10.0.1.8]:2424
    protocol   lmtp
    tls        off
}

connector to-annex {
    to         annex
    smart-host annex.own.example
}

connector annex-space {
    address-space annex.example
    smart-host    elsewhere.own.example
}

connector to-legacy {
    to         legacy
    smart-host legacy.own.example
}

connector to-open {
    to         open
    smart-host open1.own.example, open2.own.example
}

connector to-branches {
    to         branches
    smart-host branches.own.example:2525
}

connector wide {
    address-space *.wide.example
    smart-host    wide.own.example
}

connector narrow {
    address-space *.narrow.wide.example
    smart-host    narrow.own.example
}

connector cheap {
    address-space tiers.example cost 10
    smart-host    cheap.own.example
}

connector dear {
    address-space tiers.example cost 20
    smart-host    dear.own.example
}

connector left {
    address-space tie.example
    smart-host    left.own.example
}

connector right {
    address-space tie.example
    smart-host    right.own.example
}

connector shared {
    address-space shared.example
    smart-host    balanced s1.own.example, s2.own.example
}

connector must {
    address-space must.example
    smart-host    must.own.example
    tls           required
}

connector sure {
    address-space sure.example
    smart-host    sure.own.example
    tls           verified
    auth          "hub" password file /etc/mailswitch/sure.password
}

connector named {
    address-space named.example
    smart-host    [10.0.1.10]:2525
    tls           verified name mail.named.example ca /etc/mailswitch/named-ca.pem
}

connector small {
    address-space  small.example
    smart-host     small.own.example
    source-address 192.0.2.34
    max-size       20KB
}

connector internet {
    address-space *
    dns
}

contact "Ann" {
    primary   Ann.Other@other.example
    secondary a1@own.example, a2@own.example, a3@own.example
}

contact "Maiden" {
    primary   maiden@own.example
    secondary oldest@own.example
}

contact "Married" {
    primary   guest@other.example
    secondary maiden@own.example
}

contact "Shift" {
    primary   "night shift"@other.example
    secondary "c d"@own.example
}
