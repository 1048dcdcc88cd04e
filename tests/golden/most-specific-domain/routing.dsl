# covers: field:domain.relay, field:domain.domain
# Where declarations overlap the most specific applies.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    account bob@a.own.example
}

system branches {
    domain *.own.example
}

domain own.example
domain a.own.example

relay domain *.own.example {
    verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-branches {
    to         branches
    smart-host branches.own.example
}

connector internet {
    address-space *
    dns
}
