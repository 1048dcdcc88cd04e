# covers: code:address::invalid, known:domain-alias

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

contact "Whole domain" {
    primary   @other.example
    secondary all@own.example
}

contact "Literal" {
    primary   ann@[192.0.2.1]
    secondary ann@own.example
}

relay domain under_score.example {
    verify
}
