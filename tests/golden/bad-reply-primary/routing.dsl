# covers: code:reply::primary

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system unix {
    account ann@unix.example, ann@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-unix {
    to            unix
    address-space unix.example
    smart-host    unix.own.example
}

connector internet {
    address-space *
    dns
}

contact "Ann" {
    primary   ann@unix.example
    secondary ann@own.example
}
