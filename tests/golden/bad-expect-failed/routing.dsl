# covers: code:expect::failed

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

expect bob@own.example via internet
expect bob@own.example -> robert@own.example
expect nobody@own.example
expect bob@own.example rejected
expect nobody@own.example rejected 5.7.1
