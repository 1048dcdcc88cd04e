# covers: field:domain.relay
# Contacts and accounts mean nothing where their domain is a relay domain.

mta front {
    target     exim
    hostname   front.own.example
    address    192.0.2.1
    postmaster bob@own.example
}

mta hub {
    target     postfix
    hostname   hub.own.example
    address    192.0.2.2
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example {
    on hub
    mx front
}

relay domain own.example {
    on front
}

connector inward {
    from          front
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

contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}
