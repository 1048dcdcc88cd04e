# covers: code:security::open-relay

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    trust      203.0.0.0/8, 2001:d00::/24
}

system store {
    account bob@own.example
}

domain own.example

relay domain * {
    verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
