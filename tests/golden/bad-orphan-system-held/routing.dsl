# covers: code:orphan::system
# Its account is reached by way of another system, but no connector leads to it.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    forwards own.example to attic
}

system attic {
    account ann@own.example
}

domain own.example

connector to-store {
    to            store
    address-space own.example
    smart-host    store.own.example
}

connector internet {
    address-space *
    dns
}
