# covers: field:mta.milter
# A content filter; Exim has no milters.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    milter     10.0.0.11:11332
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
