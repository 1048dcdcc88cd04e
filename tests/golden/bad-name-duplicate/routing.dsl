# covers: code:name::duplicate

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

system store {
    domain other.example
}

connector to-store {
    to         store
    smart-host other.own.example
}

system internet {
    domain net.example
}

domain own.example
