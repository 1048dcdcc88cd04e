# covers: code:loop::mx

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

shared domain own.example {
    unresolved via internet verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
