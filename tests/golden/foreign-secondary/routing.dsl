# covers: known:secondary-outside, field:domain.on
# A secondary in a domain that this MTA does not accept is rewritten here all the same, for trusted clients.

mta edge {
    target     postfix
    hostname   mx.own.example
    address    192.0.2.25
    trust      10.0.0.0/8
    postmaster bob@own.example
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    10.1.0.25
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example

domain second.example {
    on edge
}

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
    secondary ann@second.example
}
