# covers: field:mta.target, known:bare-newline, known:smuggling
# Nothing is emitted that this version does not know.

mta hub {
    target     postfix 3.5
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
