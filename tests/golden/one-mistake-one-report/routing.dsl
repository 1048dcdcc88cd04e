# covers: code:name::unknown
# What follows from a reported error stays silent.

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
    authoritative own.example
}

domain own.example {
    unresolved via to-legcy
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
