# covers: known:at-in-local-part, known:percent, known:known-at-sign
# Nobody outside may route past us by @, % or !; a known address that holds one is as good as any.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    account "x@y"@own.example
    account 50%off@own.example
    account wow!@own.example
}

system legacy {
    authoritative via.example
}

domain own.example

shared domain via.example {
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
