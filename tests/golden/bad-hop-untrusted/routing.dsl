# covers: code:hop::untrusted

mta edge {
    target     postfix
    hostname   mx.own.example
    postmaster bob@own.example
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    192.0.2.2
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    domain  store.example
}

domain own.example {
    mx edge
}

connector inward {
    from          edge
    to            hub
    address-space own.example, store.example
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
