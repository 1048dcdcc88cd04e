# covers: field:domain.mx
# The MX of a domain of ours may point at a system: what leaves for the Internet ends there.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system cloud {
    authoritative own.example
}

shared domain own.example {
    unresolved via internet verify
    mx cloud
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-cloud {
    to            cloud
    address-space cloud.example
    smart-host    mx.cloud.example
}

connector internet {
    address-space *
    dns
}
