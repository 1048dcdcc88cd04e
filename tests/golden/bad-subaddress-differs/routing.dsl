# covers: code:subaddress::differs

mta edge {
    target     postfix
    hostname   mx.own.example
    address    192.0.2.1
    postmaster bob@own.example
    subaddress "+"
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    192.0.2.2
    postmaster bob@own.example
    subaddress "-"
}

system store {
    account bob@own.example
}

domain own.example {
    mx edge
}

connector inward {
    from          edge
    to            hub
    address-space own.example
}

connector to-store {
    from       hub
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
