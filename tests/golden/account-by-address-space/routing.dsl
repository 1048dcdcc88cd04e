# covers: field:connector.address-space
# Where no connector leads to the account's system, its domain's address space decides.

mta hub {
    target     postfix
    hostname   hub.own.example
    address    10.0.0.25
    trust      10.0.0.0/8
    postmaster bob@own.example
}

mta inner {
    target     exim
    hostname   inner.own.example
    address    10.0.0.26
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example {
    on hub, inner
    mx hub
}

connector to-inner {
    from          hub
    to            inner
    address-space own.example
}

connector to-store {
    from       inner
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
