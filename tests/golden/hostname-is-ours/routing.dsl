# covers: field:mta.hostname
# Nothing addressed to the machine itself leaves, though a connector covers its name.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    domain  *.own.example
    account bob@own.example, bob@mx.own.example
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
