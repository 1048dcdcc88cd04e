# covers: code:target::unsupported

mta hub {
    target     exim
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    milter     127.0.0.1:11332
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
