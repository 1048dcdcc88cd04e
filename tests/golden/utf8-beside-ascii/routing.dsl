# covers: known:utf8
# Recipients of one message that go to one host: a transaction that has one which is not ASCII needs SMTPUTF8.

mta hub {
    target     exim
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    smtputf8   yes
}

system store {
    account bob@own.example
    account jörg@own.example
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

contact "Jörg" {
    primary   jörg@own.example
    secondary joerg@own.example
}
