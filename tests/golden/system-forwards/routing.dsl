# covers: field:system.forwards, field:system.address, field:system.domain
# An open system may hold the recipient or hand it on, a complete one hands on what it does not hold.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system old {
    domain   old.example
    address  10.0.0.7
    forwards own.example to newer
}

system newer {
    authoritative own.example
}

shared domain own.example {
    unresolved via to-old verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-old {
    to         old
    smart-host old.own.example
}

connector to-newer {
    to            newer
    address-space newer.example
    smart-host    newer.own.example
}

connector internet {
    address-space *
    dns
}
