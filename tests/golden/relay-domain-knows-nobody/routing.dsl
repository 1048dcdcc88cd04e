# In a relay domain nobody is known: not even an account that the next MTA holds, where its local part would route past us.

mta front {
    target     exim
    hostname   front.own.example
    address    192.0.2.1
    postmaster bob@own.example
    subaddress "-"
}

mta gate {
    target     postfix
    hostname   gate.own.example
    address    192.0.2.3
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
    account bob@own.example, a!b@own.example, "a:b"@own.example
}

domain own.example {
    on hub
    mx front, gate
}

relay domain own.example {
    verify
    on front, gate
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

connector internet {
    address-space *
    dns
}
