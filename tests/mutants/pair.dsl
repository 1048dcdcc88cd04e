# Two MTAs that hand mail on to each other: who may relay what, UTF-8 addresses, and what the next one would refuse.

mta edge {
    target     postfix
    hostname   mx.own.example
    address    192.0.2.25
    trust      10.1.0.0/24
    postmaster bob@own.example
    smtputf8   yes
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    10.2.0.25
    trust      10.1.0.0/24
    postmaster bob@own.example
    smtputf8   yes
}

system store {
    address 10.2.0.9
    account bob@own.example
    account jürgen@own.example
}

domain own.example {
    on hub
    mx edge
}

domain second.example {
    on edge
}

relay domain own.example {
    on edge
}

connector inward {
    from          edge
    to            hub
    address-space own.example
}

connector to-store {
    from       hub
    to         store
    smart-host store.own.example
}

connector outward {
    from          hub
    to            edge
    address-space *
    source-address 10.2.0.25
}

connector internet {
    from          edge
    address-space *
    dns
}

contact "Ann" {
    primary   Ann@other.example
    secondary ann@own.example, zoë@second.example
}
