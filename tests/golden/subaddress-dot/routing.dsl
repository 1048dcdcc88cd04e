# A detail behind a dot.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    subaddress "."
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

contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}
