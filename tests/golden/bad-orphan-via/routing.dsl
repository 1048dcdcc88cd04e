# covers: code:orphan::via

mta hub {
    target     postfix
    hostname   mx.own.example
    postmaster bob@own.example
}

mta second {
    target     postfix
    hostname   mx2.own.example
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system legacy {
    authoritative own.example
}

domain own.example {
    unresolved via to-legacy verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}

connector to-legacy {
    from          hub
    to            legacy
    smart-host    legacy.own.example
}
