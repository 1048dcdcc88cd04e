# covers: code:name::unknown

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}

connector to-stroe {
    to         stroe
    smart-host store.own.example
}

shared domain second.example {
    unresolved via to-stor
}

expect bob@own.example via interent
