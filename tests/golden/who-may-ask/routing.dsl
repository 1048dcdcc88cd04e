# covers: field:mta.trust, known:relay-refusal-code, known:dangerous-defaults
# A recipient of ours, from anyone; any other, from trusted clients; the test is on the address as given.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    domain  store.example
    account bob@own.example, bob@store.example
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

contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}
