# covers: known:dearer-dns
# A smart host first; MX lookup where it does not answer. Postfix has no such order.

mta hub {
    target     exim
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

connector smart {
    address-space * cost 10
    smart-host    out.isp.example
}

connector internet {
    address-space * cost 20
    dns
}
