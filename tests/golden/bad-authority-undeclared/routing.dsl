# covers: code:authority::undeclared

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system legacy {
    domain legacy.example
}

shared domain own.example {
    unresolved via to-legacy verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-legacy {
    to         legacy
    smart-host legacy.own.example
}

connector internet {
    address-space *
    dns
}
