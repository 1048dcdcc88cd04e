# The next MTA trusts this one for foreign domains only, and so refuses local parts that would route past it, unless it knows
# them. What it knows passes here, too; what it does not is refused at once.

mta front {
    target     exim
    hostname   front.own.example
    address    192.0.2.1
    trust      10.0.0.0/8
    postmaster bob@own.example
    subaddress "-"
}

mta gate {
    target     postfix
    hostname   gate.own.example
    address    192.0.2.3
    trust      10.0.0.0/8
    postmaster bob@own.example
    subaddress "-"
}

mta hub {
    target     postfix
    hostname   hub.own.example
    postmaster bob@own.example
    subaddress "-"
}

system store {
    account bob@own.example, a%b@own.example, "a@b"@own.example
}

shared domain own.example {
    unresolved via to-open verify
    on hub
    mx hub
}

relay domain own.example {
    verify
    on front, gate
}

system open {
    authoritative own.example
}

connector inward {
    from          front, gate
    to            hub
    address-space own.example
}

connector to-store {
    from       hub
    to         store
    smart-host store.own.example
}

connector to-open {
    from       hub
    to         open
    smart-host open.own.example
}

connector internet {
    address-space *
    dns
}
