# covers: field:mta.subaddress, known:empty-local-part
# user+detail is user, where it is not known as such; the detail is carried over to what the user becomes.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    subaddress "+"
}

system store {
    account bob@own.example, bob+vip@own.example
    account +plus@own.example
}

system lists {
    authoritative lists.example
}

domain own.example

shared domain lists.example {
    unresolved via to-lists verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-lists {
    to         lists
    smart-host lists.own.example
}

connector internet {
    address-space *
    dns
}

contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}

contact "Tagged" {
    primary   vip@other.example
    secondary ann+vip@own.example
}
