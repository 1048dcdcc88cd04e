# covers: code:loop::unresolved, field:system.forwards

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
    address  10.0.0.9
    forwards own.example to hub
}

shared domain own.example {
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
    to         legacy
    smart-host legacy.own.example
}
