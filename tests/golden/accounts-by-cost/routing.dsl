# covers: field:connector.cost, field:connector.to, field:system.account
# An account takes the cheapest connector to its system, whatever that connector's address space.

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

connector near {
    to            store
    address-space store.example cost 3, *.store.example cost 7
    smart-host    near.own.example
}

connector far {
    to         store
    cost       5
    smart-host far.own.example
}

connector internet {
    address-space *
    dns
}
