# covers: field:connector.from, field:connector.to, field:domain.on, field:domain.mx, field:expect.at
# The edge refuses what the hub would refuse.

mta edge {
    target     exim
    hostname   mx.own.example
    address    192.0.2.25
    postmaster bob@own.example
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    10.1.0.25
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    domain  store.own.example
    account bob@own.example
}

domain own.example {
    on hub
    mx edge
}

relay domain own.example {
    on edge
}

connector inward {
    from          edge
    to            hub
    address-space own.example
}

connector outward {
    from          hub
    to            edge
    address-space *
}

connector to-store {
    from       hub
    to         store
    smart-host store.own.example
}

connector internet {
    from          edge
    address-space *
    dns
}

expect bob@own.example from anyone at edge via inward to store
expect nobody@own.example from anyone at edge rejected 5.1.1
