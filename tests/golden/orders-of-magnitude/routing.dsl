# covers: known:exim-session-limits, known:letter-case-on-the-wire, known:folded-keys
# More messages in one connection than an MTA likes by default, in letters of any case.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account Bob@own.example
    account mixed.Case@OWN.example
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
    primary   Ann.Lee@Other.Example
    secondary Ann@own.example
}
