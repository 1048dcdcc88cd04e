# covers: known:utf8, known:u-labels
# Full case folding makes ß of a local part ss; of a domain it must not: straße.example and strasse.example are two domains.

mta hub {
    target     exim
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    smtputf8   yes
}

system store {
    account bob@own.example
    account spaß@straße.example
}

domain own.example

domain straße.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}
