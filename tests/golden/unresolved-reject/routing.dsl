# covers: field:domain.unresolved-reject, field:domain.domain, field:domain.shared, known:error-transport

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    account bob@second.example
}

domain own.example {
    unresolved reject
}

shared domain second.example {
    unresolved reject
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
