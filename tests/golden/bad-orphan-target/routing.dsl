# covers: code:orphan::target, known:dangling-target

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
    domain  unix.example
    account carol@unix.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-unix {
    to         unix
    smart-host unix.own.example
}

connector internet {
    address-space *
    dns
}

contact "Ann" {
    primary   ann@unix.example
    secondary ann@own.example
}
