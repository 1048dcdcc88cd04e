# covers: code:orphan::account

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system wrong {
    domain own.example
}

system right {
    account carol@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-wrong {
    to         wrong
    smart-host wrong.own.example
}

connector internet {
    address-space *
    dns
}
