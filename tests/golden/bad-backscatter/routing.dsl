# covers: code:backscatter::unverified

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system branch {
    domain branch.example
}

domain own.example
relay domain branch.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-branch {
    to         branch
    smart-host branch.own.example
}

connector internet {
    address-space *
    dns
}
