# covers: field:domain.verify, known:call-out
# What a complete system does not hold it refuses, and with verify that is a refusal at RCPT time.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example {
    unresolved via to-store verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
