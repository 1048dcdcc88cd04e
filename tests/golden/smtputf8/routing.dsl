# covers: field:mta.smtputf8, known:utf8

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    smtputf8   yes
}

system store {
    account bob@own.example
    account jürgen@own.example, "größe ß"@own.example
}

domain own.example
domain münchen.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}

contact "Zoë" {
    primary   zoë@other.example
    secondary zoë@own.example, zoe@münchen.example, zoe@own.example
}
