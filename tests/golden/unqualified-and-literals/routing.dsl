# covers: known:bang-without-domain, known:domain-literal, known:bare-postmaster
# Recipients without a domain, and domain literals, are for nobody; the bare postmaster is for everybody.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
