# covers: known:three-aliases, known:case-in-one-message
# A recipient that several addresses of one message lead to gets it once.

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

contact "Ann" {
    primary   ann@other.example
    secondary a1@own.example, a2@own.example, a3@own.example
}
